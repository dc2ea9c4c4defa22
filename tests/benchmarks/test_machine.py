"""The benchmark of the machine: its table and its JSON."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.machine import main

ROW_KEYS = {
    *("model", "layer", "macs", "cycles", "peak_share", "dram_bytes", "bound"),
    "predicted_cycles",
}


@pytest.mark.verilator
def test_digits_on_tiny(tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    arguments = ["--config", "tiny", "--models", "digits", "--repeat", "1", "--json", str(path)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "bound by" in result.output
    report = json.loads(path.read_text())
    assert report["settings"]["dram_latency_cycles"] == 40
    assert all(set(row) == ROW_KEYS for row in report["rows"])
    total = report["totals"]["digits"]
    assert sum(row["macs"] for row in report["rows"]) == total["macs"] == 108864
    # A layer ends with its last instruction; what follows is END and the answer to the last store.
    assert 0 <= total["cycles"] - sum(row["cycles"] for row in report["rows"]) < 100
    assert 0.3 < total["peak_share"] < 1
    assert total["predicted_cycles"] == sum(row["predicted_cycles"] for row in report["rows"])
    assert abs(total["prediction_error"]) < 0.03
    # Its layers take a few hundred cycles: an instruction fetched earlier or later shows.
    assert total["layer_error"] < 0.2


def test_unknown_network() -> None:
    result = CliRunner().invoke(main, ["--models", "nothing"])
    assert result.exit_code == 1
    assert "Error: nothing: no such network; give a file, or one of resnet8" in result.stderr
