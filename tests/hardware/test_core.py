"""The whole machine against a memory that misbehaves."""

from dataclasses import asdict

import pytest

from hardware.core import Core
from isa.config import Config

CONFIGS = [
    Config("small", 4, 4, 256, 16, 8, 16, bus_bytes=4, tables=1),
    Config(
        *("odd", 8, 4, 96, 6, 16, 3),
        bus_bytes=4,
        tables=0,
        act_banks=2,
        queue_depth=1,
        reads_in_flight=2,
        burst_beats=4,
        windows=3,
    ),
]


@pytest.mark.verilator
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_core(simulate, config):
    simulate(Core(config), "core_cocotb", config=asdict(config), seed=20260103)
