"""The tools as processes: missing, failing, working."""

import pytest

from boards.errors import ToolFailed, ToolMissing
from boards.toolchain import YOSYS, Tool, require_tools

# Of Python's own library: any function that takes arguments and returns a status will do.
TIMER = Tool("timer", "timeit", "main")


def test_missing_package_names_the_extra(tmp_path):
    absent = Tool("router", "tilewright_absent_tool", "run")
    message = (
        "^router needs the package tilewright-absent-tool, which is not installed; install the "
        r"extra `boards`: pip install 'tilewright\[boards\]'$"
    )
    with pytest.raises(ToolMissing, match=message):
        require_tools(YOSYS, absent)
    with pytest.raises(ToolMissing, match=message):
        absent.run([], tmp_path)


def test_failure_shows_the_end_of_the_output(tmp_path):
    message = r"(?s)^timer ended with status 1:\n.*NameError: name 'absent_name' is not defined$"
    with pytest.raises(ToolFailed, match=message):
        TIMER.run(["-n", "1", "-r", "1", "absent_name"], tmp_path)


def test_output_is_returned(tmp_path):
    code = "open('made', 'w').close()"
    assert TIMER.run(["-n", "1", "-r", "1", code], tmp_path).startswith("1 loop, best of 1:")
    assert (tmp_path / "made").exists()
