"""Whole networks: the total and every layer, against the RTL."""

import numpy as np
import pytest

import tilewright as tw
from driver.profile import layer_cycles
from simulator.timing import Memory, predict
from tilewright.running import random_inputs

pytestmark = [pytest.mark.verilator, pytest.mark.xdist_group("machines")]

TOTAL, LAYER = 0.01, 0.06
# Of the network: where layers run beside each other, a few cycles more or less of one decide which
# of them the cycles belong to.
MOVED = 0.005


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
        for cycles in (finishes, layer_cycles):
            real = cycles(run.region, run.trace)
            guess = cycles(run.region, prediction.instruction_trace)
            assert not far_off(run, real, guess), f"{cycles.__name__}: on the RTL, predicted"


def far_off(run, real, guess):
    """Return the layers that are off by more than 6 %, and by more than what may move."""
    moved = MOVED * run.counters["cycles"]
    pairs = zip(run.region.layers, real, guess, strict=True)
    return {
        layer.name: (int(cycles), int(predicted))
        for layer, cycles, predicted in pairs
        if abs(predicted - cycles) > max(LAYER * cycles, moved)
    }


def finishes(region, trace):
    """Return the cycles of each layer, from the end of the ones before it to its own end."""
    ends = np.zeros(len(region.layers), np.int64)
    owners = np.asarray(region.instruction_layers)[trace["index"]]
    np.maximum.at(ends, owners, trace["end_cycle"].astype(np.int64))
    return np.diff(np.maximum.accumulate(ends), prepend=0)
