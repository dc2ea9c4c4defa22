"""What `tilewright passes` does: list the passes, run some on a network, find the wrong one."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from compiler.frontends.model import import_model
from compiler.ir import Module
from compiler.passes.bisect import bisect
from compiler.passes.instruments import Dump, MemoryPeak, Timer, Verify
from compiler.passes.manager import Instrument, PassContext, run_passes, selected
from compiler.passes.registry import passes
from compiler.pipeline import NAMES
from compiler.text import to_text

from .errors import CommandError
from .files import make_folder, require_folder
from .report import print_table

__all__ = ["PassOptions", "list_passes", "run_on_network"]

_WIDTH = 160


@dataclass(frozen=True)
class PassOptions:
    """Options of `tilewright passes NETWORK`.

    Attributes
    ----------
    passes : names by comma; "" stands for what `tilewright compile` runs
    disable, require : names by comma
    level : int, in 0..4
    time, memory, verify, bisect : whether to do so
    dump : a folder, or None
    output : a file for the resulting module as text, or None
    seed : of the inputs of `bisect`
    """

    passes: str = ""
    disable: str = ""
    require: str = ""
    level: int = 3
    time: bool = False
    memory: bool = False
    verify: bool = False
    bisect: bool = False
    dump: str | None = None
    output: str | None = None
    seed: int = 0


def list_passes() -> str:
    """Return a line for each pass: name, level, what it does."""
    rows = passes().values()
    return "".join(f"{row.name:30} {row.level}  {row.summary}\n" for row in rows)


def run_on_network(path: str, options: PassOptions) -> str:
    """Run passes on the network in `path`; return the report for the terminal.

    Raises
    ------
    CommandError
        A file cannot be written, or options exclude each other.
    compiler.errors.CompileError
        The file is no network, a pass does not exist, or a module is not well formed.
    """
    names = _names(options.passes) or NAMES
    timer, peak = Timer(), MemoryPeak()
    instruments = _instruments(options, timer, peak)
    if options.bisect and (instruments or options.output):
        raise CommandError("--bisect stands alone: leave --time, --memory, --dump, ... out")
    require_folder(options.output)
    required, disabled = _names(options.require), _names(options.disable)
    context = PassContext(options.level, required, disabled, instruments)
    module = import_model(path)
    if options.bisect:
        return _bisected(module, names, context, options.seed)
    result = run_passes(module, names, context)
    if options.output:
        _write(options.output, to_text(result))
    order = selected(names, context)
    columns = [(f"{seconds * 1000:.1f}" for _, seconds in timer.seconds)] if options.time else []
    if options.memory:
        columns.append(f"{size / 1024:.0f}" for _, size in peak.size_bytes)
    heads = ("pass", *["ms"] * options.time, *["peak KiB"] * options.memory)
    return _table(heads, list(zip(order, *columns, strict=True)), (0,))


def _instruments(options: PassOptions, timer: Timer, peak: MemoryPeak) -> tuple[Instrument, ...]:
    """Return what shall watch; the clock is the innermost one."""
    found: list[Instrument] = []
    if options.dump:
        found.append(Dump(make_folder(options.dump)))
    if options.verify:
        found.append(Verify())
    if options.memory:
        found.append(peak)
    if options.time:
        found.append(timer)
    return tuple(found)


def _bisected(module: Module, names: Sequence[str], context: PassContext, seed: int) -> str:
    """Return in words which pass changes the result."""
    change = bisect(module, names, context, seed)
    if change is None:
        count = len(selected(names, context))
        return f"no difference after any of {count} passes (input seed {seed})\n"
    return (
        f"{change.name} is the first pass that changes the result: {change.reason} "
        f"(largest difference {change.difference:.6g}, input seed {change.seed})\n"
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: cannot write: {error.strerror}") from None


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], text: Sequence[int]) -> str:
    """Return rows as a table."""
    buffer = io.StringIO()
    print_table(Console(file=buffer, width=_WIDTH), heads, rows, text=text)
    return buffer.getvalue()
