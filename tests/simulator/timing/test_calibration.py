"""Every latency of the timing model is what the RTL shows, or what the hardware's source says."""

import pytest

from hardware.fetch import INSTRUCTIONS_AHEAD
from hardware.issue import IN_FLIGHT
from hardware.write_channel import WRITES_IN_FLIGHT
from isa.config import preset
from simulator.timing import HARDWARE
from simulator.timing.calibration import MEASURED, main, measure, run_verilated


@pytest.mark.verilator
@pytest.mark.parametrize("name", ["tiny", "vta"])
def test_measured(name):
    found = measure(preset(name), run_verilated)
    differing = {
        key: (getattr(found, key), getattr(HARDWARE, key))
        for key in MEASURED
        if getattr(found, key) != getattr(HARDWARE, key)
    }
    assert not differing, (
        f"measured, in the table; see python -m simulator.timing.calibration {name}"
    )


@pytest.mark.verilator
def test_command(capsys):
    main(["tiny"])
    assert capsys.readouterr().out == "tiny: as the table says\n"


def test_depths():
    assert HARDWARE.fetch_ahead == INSTRUCTIONS_AHEAD
    # Its queue holds one entry more, at the output.
    assert HARDWARE.issue_in_flight == IN_FLIGHT + 1
    assert HARDWARE.writes_in_flight == WRITES_IN_FLIGHT
