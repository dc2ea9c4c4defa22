"""The cached Verilog is what the sources of its key make, whatever a process imported before."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from isa.config import Config
from simulator import BuildError
from simulator.verilator import source

ROOT = Path(__file__).parents[3]
MINI = Config("mini", 4, 4, 64, 7, 8, 5, bus_bytes=4)
# Edited, as it takes seconds.
CONVERT = "verilog.convert(component, name=name, emit_src=False, strip_internal_attrs=True)"
# A process that has the hardware imported and edits it twice.
EDIT = f"""
from pathlib import Path
import sys
import hardware.verilog
from isa.config import Config
from simulator.verilator.source import machine_verilog
path, cache = Path(hardware.verilog.__file__), Path(sys.argv[1])
written = path.read_text()
assert str(path).startswith(sys.argv[1]), path
assert {CONVERT!r} in written
for text in ("first", "second", "first"):
    path.write_text(written.replace({CONVERT!r}, repr(text + chr(10))))
    print(machine_verilog({MINI!r}, cache).partition("\\n")[0])
"""


@pytest.fixture
def tree(tmp_path):
    """Return a copy of the folders that a machine is made from."""
    for folder in ("hardware", "isa", "simulator"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    return tmp_path


@pytest.mark.verilator
def test_an_edit_while_a_process_runs(tree):
    command = [sys.executable, "-P", "-c", EDIT, str(tree)]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout == "first\nsecond\nfirst\n", done.stderr
    entries = [path for path in (tree / "verilog").iterdir() if path.is_dir()]
    assert len(entries) == 2
    assert all([path.name for path in entry.iterdir()] == ["machine.v"] for entry in entries)


@pytest.mark.verilator
def test_hardware_that_is_broken(tmp_path, monkeypatch):
    sources = {"hardware/__init__.py": b"", "hardware/verilog.py": b"nonsense"}
    monkeypatch.setattr(source, "_sources", lambda: sources)
    with pytest.raises(
        BuildError,
        match=rf"(?s)^{re.escape(sys.executable)} failed with status 1:\n.*"
        r"NameError: name 'nonsense' is not defined$",
    ):
        source.machine_verilog(MINI, tmp_path)
    assert not [path for path in (tmp_path / "verilog").iterdir() if path.is_dir()]


def test_what_the_key_depends_on():
    sources = {"isa/a.py": b"one", "isa/b.py": b"two"}
    digests = {
        source._digest("config", sources),
        source._digest("other", sources),
        source._digest("config", {"isa/a.py": b"one", "isa/c.py": b"two"}),
        source._digest("config", {"isa/a.py": b"onetwo", "isa/b.py": b""}),
        source._digest("config", {"isa/a.py": b"one"}),
    }
    assert len(digests) == 5
