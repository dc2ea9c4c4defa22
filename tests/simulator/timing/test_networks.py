"""Whole networks: the total and every layer, against the RTL."""

import numpy as np
import pytest

import tilewright as tw
from driver.profile import layer_cycles
from simulator.timing import Memory, predict
from tilewright.running import random_inputs

pytestmark = [pytest.mark.verilator, pytest.mark.xdist_group("machines")]

TOTAL, LAYER = 0.01, 0.06


@pytest.mark.parametrize("latency_cycles", [40, 100])
@pytest.mark.parametrize("config", ["tiny", "vta"])
def test_networks(network_path, config, latency_cycles):
    image = tw.compile(network_path, config)
    with tw.open_device("verilator", latency_cycles=latency_cycles) as device:
        result = device.run(image, random_inputs(image.inputs, seed=0))
    for run in result.regions:
        words = run.region.program.words
        prediction = predict(words, image.config, Memory(latency_cycles))
        assert prediction.cycles == pytest.approx(run.counters["cycles"], rel=TOTAL)
        assert sorted(prediction.instruction_trace["index"]) == sorted(run.trace["index"])
        real = layer_cycles(run.region, run.trace)
        guess = layer_cycles(run.region, prediction.instruction_trace)
        assert min(real) > 0
        assert guess == pytest.approx(real, rel=LAYER)
        moved = finishes(run.region, prediction.instruction_trace) - finishes(run.region, run.trace)
        assert np.abs(moved).max() <= TOTAL * run.counters["cycles"]


def finishes(region, trace):
    """Return the cycle in which each layer ends."""
    ends = np.zeros(len(region.layers), np.int64)
    owners = np.asarray(region.instruction_layers)[trace["index"]]
    np.maximum.at(ends, owners, trace["end_cycle"].astype(np.int64))
    return ends
