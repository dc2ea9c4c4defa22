"""Built machines are kept whole or not at all, whoever builds at the same time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from isa.cache import cache_folder, cached
from simulator import BuildError

pytestmark = pytest.mark.verilator

ROOT = Path(__file__).parents[3]
# A process that was started in the background ignores Ctrl-C, and so would its children.
BUILD = f"""
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from isa.config import Config
from simulator.verilator import VerilatorMachine
from pathlib import Path
machine = VerilatorMachine(
    Config("mini", 4, 4, 64, 7, 8, 5, bus_bytes=4),
    1 << 16,
    verilog=Path({str(Path(__file__).with_name("mini.v"))!r}).read_text(),
    cache_dir=sys.argv[1],
    progress=lambda stage, share: print(stage, flush=True),
)
print("opened", machine.read_register(0x14), flush=True)
"""


@pytest.fixture
def start_build(fresh_cache):
    """Return a function that starts a process which builds the little machine."""
    processes = []

    def start():
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", BUILD, str(fresh_cache)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def entries(cache):
    """Return the finished machines and the unfinished ones."""
    names = [path.suffix for path in (cache / "machines").iterdir() if path.is_dir()]
    return names.count(""), names.count(".draft")


def test_second_build_is_found(open_mini, fresh_cache):
    stages = []
    for _ in range(2):
        open_mini(cache_dir=fresh_cache, progress=lambda stage, share: stages.append(stage))
    assert stages.count("verilating") == 1
    assert entries(fresh_cache) == (1, 0)


def test_two_processes_build_once(start_build, fresh_cache):
    outputs = [process.communicate() for process in [start_build(), start_build()]]
    texts = [output for output, _ in outputs]
    assert all(text.endswith("opened 0\n") for text in texts), outputs
    assert sum("verilating" in text for text in texts) == 1
    assert entries(fresh_cache) == (1, 0)


def stop_while_compiling(process, number):
    for line in process.stdout:
        if line == "compiling\n":
            break
    process.send_signal(number)
    return process.communicate()


def test_interrupted_build_leaves_nothing(start_build, fresh_cache):
    _, errors = stop_while_compiling(start_build(), signal.SIGINT)
    assert errors.endswith("KeyboardInterrupt\n")
    assert entries(fresh_cache) == (0, 0)
    output, _ = start_build().communicate()
    assert output.endswith("opened 0\n")
    assert entries(fresh_cache) == (1, 0)


def test_killed_build_is_built_again(start_build, fresh_cache):
    stop_while_compiling(start_build(), signal.SIGKILL)
    assert entries(fresh_cache) == (0, 1)
    output, _ = start_build().communicate()
    assert output.endswith("opened 0\n")
    assert entries(fresh_cache) == (1, 0)


def test_failed_build_says_why_and_leaves_nothing(open_mini, fresh_cache):
    with pytest.raises(
        BuildError, match=r"(?s)^\S+verilator_bin failed with status 1:\n.*nonsense"
    ):
        open_mini(cache_dir=fresh_cache, verilog="module tilewright(); nonsense endmodule")
    assert entries(fresh_cache) == (0, 0)


def test_failing_maker_leaves_nothing(tmp_path):
    def make(folder):
        (folder / "half").write_text("")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="^stop$"):
        cached(tmp_path / "entry", make)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["entry.lock"]


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("TILEWRIGHT_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "tilewright"
    monkeypatch.setenv("TILEWRIGHT_CACHE", "/elsewhere")
    assert cache_folder() == Path("/elsewhere")
    assert cache_folder("here") == Path("here")
