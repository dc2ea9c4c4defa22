"""Builds the Verilated machine: Verilog to C++ to one shared library, kept in a cache."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from isa.cache import cached
from isa.config import Config

from .jobs import run, run_all
from .progress import Progress
from .toolchain import Toolchain, find_toolchain

__all__ = ["build"]

_HERE = Path(__file__).parent
_HARNESS, _TOP = _HERE / "harness.cpp", _HERE / "harness.v"
# Stand-ins for lz4.h and zlib.h: waveforms need no packages of the system.
_STAND_INS = _HERE / "include"
_LIBRARY = "machine.so"
_JOBS = 2
_VERILATE = (
    *("--cc", "--top-module", "harness", "-O3", "--noassert"),
    *("--x-assign", "fast", "--x-initial", "fast", "--output-split", "20000"),
    *("-Wno-fatal", "-Wno-lint", "-Wno-style"),
)
# -fno-gnu-unique: two machines in one process share nothing.
_COMPILE = ("-std=c++17", "-fPIC", "-fno-gnu-unique", "-march=native", "-w", "-DVL_TIME_CONTEXT")
_FAST, _SLOW, _RUNTIME = "-O2", "-O0", "-O1"


def build(
    verilog: str,
    config: Config,
    *,
    cache: Path,
    waveform: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Return the shared library of a machine, built unless the cache has it.

    Parameters
    ----------
    verilog : str, with the top module `tilewright`
    config : Config, of that machine
    cache : Path, see cache_folder
    waveform : bool, whether it can write FST waveforms; it is slower then
    progress : called while it builds

    Raises
    ------
    ToolchainError
        g++ or Verilator is missing.
    BuildError
        Verilator or g++ failed.
    """
    tools = find_toolchain()
    sizes = (f"-DBUS_BYTES={config.bus_bytes}", f"-DADDRESS_BITS={config.address_bits}")
    defines = (*sizes, f"-DVM_TRACE={int(waveform)}", "-DVM_TRACE_FST=1")
    sources = (verilog, _HARNESS.read_text(), _TOP.read_text())
    parts = (*sources, tools.identity, *_VERILATE, *_COMPILE, _FAST, *defines)
    report = progress or _quiet

    def make(folder: Path) -> None:
        source = folder / "tilewright.v"
        source.write_text(verilog)
        report("verilating", 0.0)
        trace = ("--trace-fst", "-DWAVEFORM") if waveform else ()
        environment = dict(os.environ, VERILATOR_ROOT=str(tools.root))
        command = [tools.verilator, *_VERILATE, *sizes, *trace, "--Mdir", str(folder)]
        run([*command, str(_TOP), str(source)], environment)
        runtime = _runtime(tools, cache, waveform, report)
        objects = _compile_model(tools, folder, defines, report)
        report("linking", 1.0)
        link = [tools.compiler, "-shared", "-Wl,-Bsymbolic", "-o", str(folder / _LIBRARY)]
        run([*link, *map(str, (*objects, *runtime)), "-lpthread"])
        for path in folder.iterdir():
            if path.name not in (_LIBRARY, source.name):
                path.unlink()

    return cached(cache / "machines" / _digest(parts), make) / _LIBRARY


def _quiet(stage: str, share: float) -> None:
    """Report nothing."""


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _compile_model(
    tools: Toolchain, folder: Path, defines: tuple[str, ...], report: Progress
) -> list[Path]:
    """Compile the harness and what Verilator wrote; the largest files first."""
    sources = sorted(folder.glob("*.cpp"), key=lambda path: -path.stat().st_size)
    objects, commands = [], []
    for path in (_HARNESS, *sources):
        # Verilator puts what runs once, at the start, into files named *Slow*.
        level = _SLOW if "Slow" in path.name else _FAST
        objects.append(folder / f"{path.stem}.o")
        flags = [*_COMPILE, level, *defines, *_includes(tools), f"-I{folder}"]
        commands.append([tools.compiler, *flags, "-c", str(path), "-o", str(objects[-1])])
    _run_reported(commands, "compiling", report)
    return objects


def _runtime(tools: Toolchain, cache: Path, waveform: bool, report: Progress) -> list[Path]:
    """Return Verilator's own objects, which all machines share."""
    names = ["verilated", "verilated_threads"] + ["verilated_fst_c"] * waveform
    flags = (*_COMPILE, _RUNTIME, f"-DVM_TRACE={int(waveform)}", "-DVM_TRACE_FST=1")

    def make(folder: Path) -> None:
        commands = [
            [
                *(tools.compiler, *flags, *_includes(tools)),
                *("-c", str(tools.root / "include" / f"{name}.cpp")),
                *("-o", str(folder / f"{name}.o")),
            ]
            for name in names
        ]
        _run_reported(commands, "compiling Verilator's runtime", report)

    stand_ins = [path.read_text() for path in sorted(_STAND_INS.glob("*.h"))]
    entry = cache / "runtime" / _digest((tools.identity, *flags, *names, *stand_ins))
    folder = cached(entry, make)
    return [folder / f"{name}.o" for name in names]


def _includes(tools: Toolchain) -> list[str]:
    include = tools.root / "include"
    return [f"-I{include}", f"-I{include / 'vltstd'}", f"-I{_STAND_INS}"]


def _run_reported(commands: list[list[str]], stage: str, report: Progress) -> None:
    finished = 0

    def done() -> None:
        nonlocal finished
        finished += 1
        report(stage, finished / len(commands))

    report(stage, 0.0)
    run_all(commands, _JOBS, done)
