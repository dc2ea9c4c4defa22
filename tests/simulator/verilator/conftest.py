"""A little machine that builds in seconds, and caches that hold nothing but Verilator's runtime."""

from pathlib import Path

import pytest

from isa.cache import cache_folder
from isa.config import Config
from simulator.verilator import VerilatorMachine

MINI = Path(__file__).parent / "mini.v"


@pytest.fixture
def mini_config():
    return Config("mini", 4, 4, 64, 7, 8, 5, bus_bytes=4)


@pytest.fixture
def mini_verilog():
    return MINI.read_text()


@pytest.fixture
def open_mini(mini_config, mini_verilog):
    """Return a function that opens the little machine; it is closed after the test."""
    opened = []

    def make(**options):
        options = {"memory_bytes": 1 << 16, "verilog": mini_verilog} | options
        opened.append(VerilatorMachine(mini_config, **options))
        return opened[-1]

    yield make
    for machine in opened:
        machine.close()


@pytest.fixture
def fresh_cache(open_mini, tmp_path):
    """Return an empty cache folder; Verilator's runtime, once compiled, is shared."""
    open_mini()
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "runtime").symlink_to(cache_folder() / "runtime")
    return cache
