"""The whole machine on a memory that misbehaves."""

from dataclasses import asdict

import pytest

from hardware.core import Core
from isa.config import Config

# rows and columns differ, nothing is deep: queues, bursts and reads run full all the time.
CONFIG = Config(
    *("odd", 8, 4, 96, 6, 16, 3),
    bus_bytes=4,
    tables=1,
    act_banks=2,
    queue_depth=1,
    reads_in_flight=2,
    burst_beats=4,
    windows=3,
)


@pytest.mark.verilator
def test_core(simulate):
    modules = "core_cocotb,reset_cocotb"
    simulate(Core(CONFIG), modules, config=asdict(CONFIG), seed=20260103, step=7)


@pytest.mark.verilator
def test_core_with_gates(simulate):
    modules = "core_cocotb,reset_cocotb"
    simulate(Core(CONFIG, gated=True), modules, config=asdict(CONFIG), seed=20260105, step=29)


@pytest.mark.verilator
@pytest.mark.exhaustive
def test_a_reset_in_every_cycle(simulate):
    simulate(Core(CONFIG), "reset_cocotb", config=asdict(CONFIG), seed=20260104, step=1)
