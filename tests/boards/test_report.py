"""nextpnr's report, as it wrote it for a unit of the machine."""

import json
from pathlib import Path

import pytest

from boards.device import Resources
from boards.errors import ToolFailed
from boards.report import parse_report

RECORDED = Path(__file__).parent / "recorded.json"


def test_recorded_report():
    placed = parse_report(RECORDED.read_text())
    record = json.loads(RECORDED.read_text())
    ((clock, fmax),) = record["fmax"].items()
    assert placed.fmax_mhz == fmax["achieved"]
    used = {name: cell["used"] for name, cell in record["utilization"].items()}
    assert placed.used == Resources(
        used["TRELLIS_COMB"], used["TRELLIS_FF"], used["MULT18X18D"], used["DP16KD"]
    )
    # The critical path is the one that bounds the clock.
    period_ns = sum(step.delay_ns for step in placed.critical_path)
    assert 1000 / period_ns == pytest.approx(placed.fmax_mhz, rel=2e-3)
    assert placed.critical_path[0].kind == "clk-to-q"
    assert placed.critical_path[-1].kind == "setup"
    assert clock.startswith("$glbnet$")


def test_no_report():
    with pytest.raises(ToolFailed, match="^nextpnr's report cannot be read: JSONDecodeError"):
        parse_report("")


def test_two_clocks():
    record = json.loads(RECORDED.read_text())
    record["fmax"] = {"a": {"achieved": 1.0}, "b": {"achieved": 2.0}}
    message = r"^a design must have one clock, nextpnr found \['a', 'b'\]$"
    with pytest.raises(ToolFailed, match=message):
        parse_report(json.dumps(record))


def test_missing_part():
    record = json.loads(RECORDED.read_text())
    del record["utilization"]["DP16KD"]
    message = r"^nextpnr's report cannot be read: KeyError\('DP16KD'\)$"
    with pytest.raises(ToolFailed, match=message):
        parse_report(json.dumps(record))
