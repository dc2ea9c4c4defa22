"""`tilewright run --profile DIR`: what it writes, and what it says when it cannot."""

import json
import re

import pytest
from click.testing import CliRunner

from tilewright.command import main
from tilewright.errors import CommandError
from tilewright.files import require_writable, write_files


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def fails(message, *arguments):
    """Check that the command ends with one message, before anything ran."""
    result = run("run", *arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    lines = [line for line in result.stderr.splitlines() if not line.endswith(" ...")]
    assert re.fullmatch(f"Error: {message}", "\n".join(lines)), result.stderr
    assert "run ..." not in result.stderr


@pytest.mark.verilator
def test_profile_writes_a_trace_and_a_page(digits_path, tmp_path, read_page):
    folder = tmp_path / "deep" / "profile"
    result = run(
        *("run", digits_path, "--device", "verilator", "--config", "tiny"),
        *("--profile", folder, "--json", tmp_path / "run.json"),
    )
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "trace.json"]
    report = json.loads((tmp_path / "run.json").read_text())
    cycles = report["totals"]["counters"]["cycles"]
    assert sum(row["cycles"] for row in report["rows"]) == cycles
    trace = json.loads((folder / "trace.json").read_text())
    assert trace["otherData"]["counters"]["accel_0"]["cycles"] == cycles
    assert trace["otherData"]["settings"]["device"] == "verilator"
    page = read_page((folder / "report.html").read_text())
    assert page.all("title")[0]["text"] == "digits: profile"
    assert int(re.sub(r"\D", "", page.all("b")[0]["text"])) == cycles


@pytest.mark.parametrize("device", ["cpu", "functional"])
def test_a_device_without_time(digits_path, tmp_path, device):
    folder = tmp_path / "profile"
    fails(
        f"--profile needs a device with time: verilator, not {device}",
        *(digits_path, "--device", device, "--config", "tiny", "--profile", folder),
    )
    assert not folder.exists()


def test_a_network_that_runs_on_the_cpu(digits_path, tmp_path):
    fails(
        "--profile shows the accelerator's cycles, but all of digits runs on the CPU; compile with "
        "--target accel,cpu",
        *(digits_path, "--device", "verilator", "--target", "cpu", "--profile", tmp_path / "x"),
    )
    assert not (tmp_path / "x").exists()


def test_a_folder_that_is_a_file(digits_path, tmp_path):
    path = tmp_path / "file"
    path.write_text("kept")
    fails(
        rf"{path}: cannot make the folder: File exists",
        *(digits_path, "--device", "verilator", "--config", "tiny", "--profile", path),
    )
    assert path.read_text() == "kept"


def test_a_folder_where_a_file_should_be(digits_path, tmp_path):
    (tmp_path / "report.html").mkdir()
    fails(
        rf"{tmp_path / 'report.html'}: cannot write: it is a folder",
        *(digits_path, "--device", "verilator", "--config", "tiny", "--profile", tmp_path),
    )
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_cannot_be_written(tmp_path):
    missing = tmp_path / "missing"
    message = rf"^{missing}: cannot write into the folder: No such file or directory$"
    with pytest.raises(CommandError, match=message):
        require_writable(missing, ("trace.json",))


def test_files_are_written_all_or_none(tmp_path):
    (tmp_path / "old").write_text("before")
    with pytest.raises(
        CommandError, match=rf"^{tmp_path}: cannot write: No such file or directory$"
    ):
        write_files(tmp_path, {"old": "after", "no/folder": "text"})
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_text() == "before"
    write_files(tmp_path, {"old": "after", "new": "text"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]
    assert (tmp_path / "old").read_text() == "after"
