"""Layers: cycles, shares, what bounds them, what they waited for."""

import numpy as np
import pytest

from driver.analysis import analyse
from driver.profile import layer_cycles, profile_region
from driver.waits import Cause
from isa.config import preset
from isa.instructions import Engine
from simulator.timing import predict


def test_layers_of_a_trace_made_by_hand(region, trace):
    first, second = profile_region(region, trace, preset("vta"))
    assert (first.name, first.cycles, first.end, first.bound) == ("first", 400, 400, "matrix")
    assert first.peak_share == pytest.approx(25600 / (400 * 256))
    assert first.busy == (110, 290, 0, 0)
    assert first.busy_share(preset("vta")) == pytest.approx(25600 / (290 * 256))
    assert (first.engine, first.waits[Cause.LOAD]) == (Engine.MATRIX, 110)
    assert (second.name, second.cycles, second.end) == ("second", 100, 500)
    assert (second.peak_share, second.busy_share(preset("vta"))) == (0, 0)
    assert (second.engine, second.waits[Cause.MATRIX]) == (Engine.VECTOR, 400)


def test_a_store_that_waits_for_its_memory_does_not_bound_a_layer(region, trace):
    # 32 bytes need 4 of its 80 cycles.
    assert profile_region(region, trace, preset("vta"))[1].bound == "latency"


def test_a_store_that_moves_bytes_all_the_time_bounds_a_layer(make_region, make_trace):
    region = make_region("store x_bytes=400\nend", "vta")
    (layer,) = profile_region(region, make_trace((3, 0, 11, 70)), preset("vta"))
    assert layer.bound == "store"
    (layer,) = profile_region(region, make_trace((3, 0, 211, 270)), preset("vta"))
    assert layer.bound == "latency"


@pytest.mark.verilator
def test_a_real_run_adds_up(digits_run):
    analysis = analyse(digits_run.region, digits_run.trace, digits_run.counters)
    layers = analysis.layers
    assert layers == profile_region(digits_run.region, digits_run.trace, preset("tiny"))
    assert sum(layer.cycles for layer in layers) == digits_run.counters["cycles"]
    assert layer_cycles(digits_run.region, digits_run.trace) == [item.cycles for item in layers]
    assert layers[-1].end == analysis.cycles
    busy = np.sum([layer.busy for layer in layers], axis=0)
    assert busy.tolist() == analysis.shares[:, 0].tolist()
    assert {layer.bound for layer in layers} >= {"matrix", "vector"}
    for layer in layers:
        assert 0 <= layer.busy_share(preset("tiny")) <= 1
        assert layer.engine == (Engine.MATRIX if layer.busy[Engine.MATRIX] else Engine.VECTOR)
        assert layer.waits[Cause.FINISHED] == 0
    convolution = next(layer for layer in layers if layer.macs == 16384)
    assert convolution.busy_share(preset("tiny")) > 0.95


@pytest.mark.verilator
def test_the_timing_model_s_trace_is_analysed_the_same(digits_run):
    program = digits_run.region.program
    prediction = predict(program.words, program.config)
    model = analyse(digits_run.region, prediction.instruction_trace, {})
    machine = analyse(digits_run.region, digits_run.trace, digits_run.counters)
    assert model.cycles == prediction.cycles
    assert model.shares.sum(axis=1).tolist() == [model.cycles] * len(Engine)
    assert [layer.bound for layer in model.layers] == [layer.bound for layer in machine.layers]
    assert model.shares == pytest.approx(machine.shares, abs=0.03 * machine.cycles)
