"""The watchdog alone: its count is set near its limit."""

import pytest

from hardware.watchdog import Watchdog


@pytest.mark.verilator
def test_watchdog(simulate):
    simulate(Watchdog(), "watchdog_cocotb")
