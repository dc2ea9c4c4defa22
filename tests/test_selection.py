"""Exhaustive tests run where a user asks for them by name, and nowhere else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = """
import pytest

def test_plain():
    pass

@pytest.mark.verilator
def test_built():
    pass

@pytest.mark.exhaustive
def test_long():
    pass

@pytest.mark.exhaustive
@pytest.mark.verilator
def test_long_built():
    pass
"""


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        (None, ["plain", "built"]),
        ("verilator", ["built"]),
        ("exhaustive", ["long", "long_built"]),
    ],
)
def test_what_is_selected(tmp_path, expression, names):
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "test_four.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "test_four.py"]
    command += ["-m", expression] if expression else []
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [line for line in done.stdout.splitlines() if "::" in line]
    assert found == [f"test_four.py::test_{name}" for name in names]
    assert f"{4 - len(names)} deselected" in done.stdout
