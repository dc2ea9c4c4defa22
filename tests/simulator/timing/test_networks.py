"""Whole networks: the total and every layer, against the RTL."""

import numpy as np
import pytest

import tilewright as tw
from simulator.timing import Memory, predict
from tilewright.running import random_inputs

pytestmark = [pytest.mark.verilator, pytest.mark.xdist_group("machines")]

TOTAL, LAYER = 0.03, 0.06


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
        errors = {}
        pairs = zip(
            finishes(run.region, run.trace),
            finishes(run.region, prediction.instruction_trace),
            strict=True,
        )
        for layer, (real, guess) in zip(run.region.layers, pairs, strict=True):
            # What ends within a hundredth of the network is measured by that hundredth.
            if abs(guess - real) > LAYER * max(real, run.counters["cycles"] / 100):
                errors[layer.name] = (int(real), int(guess))
        assert not errors, "layers off by more than 6 %: cycles on the RTL, predicted"


def finishes(region, trace):
    """Return the cycles of each layer, from the end of the ones before it to its own end."""
    ends = np.zeros(len(region.layers), np.int64)
    owners = np.asarray(region.instruction_layers)[trace["index"]]
    np.maximum.at(ends, owners, trace["end_cycle"].astype(np.int64))
    return np.diff(np.maximum.accumulate(ends), prepend=0)
