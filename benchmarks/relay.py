"""Text and types of large Relay programs, and the memory they take: `python -m benchmarks.relay`.

A chain is one function of so many calls, each of the one before: what must be walked without
recursion. Times are seconds of this process, so other work on the computer hardly counts.
"""

import resource
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import click
from rich.console import Console

from compiler.infer import infer
from compiler.ir import Module, structural_equal
from compiler.prelude import parse_with_prelude
from compiler.text import parse, to_text
from tilewright.errors import USER_ERRORS
from tilewright.files import require_folder, write_json
from tilewright.report import print_table

__all__ = ["chain", "main", "measure"]

_HEAD = ("what", "seconds")
_PRELUDE_USER = """#[version = "0.0.5"]
def @main(%numbers: List[int32]) { @sum(@map(fn (%n: int32) { %n * 2 }, @rev(%numbers))) }
"""

T = TypeVar("T")


@click.command()
@click.option("--calls", type=click.IntRange(1), default=90_000, show_default=True)
@click.option("--json", "json_path", type=click.Path(), help="Write everything to this file.")
def main(calls: int, json_path: str | None) -> None:
    """Measure parser, inference and printer on a chain of calls, and the prelude's first use."""
    try:
        require_folder(json_path)
        report = measure(calls)
        lines = [(name, f"{seconds:.2f}") for name, seconds in report["seconds"].items()]
        print_table(Console(), _HEAD, lines)
        click.echo(f"{calls} calls, {report['characters']} characters, {report['peak_mb']} MB")
        if json_path is not None:
            write_json(json_path, report)
    except USER_ERRORS as error:
        raise click.ClickException(str(error)) from None


def chain(calls: int) -> str:
    """Return the text of a function of so many calls in a row, relu and add by turns."""
    steps = ("nn.relu({0})", "add({0}, %x)")
    names = ["%x", *(f"%{number}" for number in range(calls - 1))]
    lines = [
        f"  %{number} = {steps[number % 2].format(names[number])};\n" for number in range(calls - 1)
    ]
    last = steps[(calls - 1) % 2].format(names[-1])
    head = '#[version = "0.0.5"]\ndef @main(%x: Tensor[(1, 64), float32]) {\n'
    return f"{head}{''.join(lines)}  {last}\n}}\n"


def measure(calls: int) -> dict[str, Any]:
    """Return times by name, the length of the text and the most memory so far.

    Raises
    ------
    AssertionError
        The printed program is not the one that was read.
    """
    text = chain(calls)
    seconds: dict[str, float] = {}
    module: Module = _timed(seconds, "parse", lambda: parse(text))
    typed = _timed(seconds, "infer", lambda: infer(module))
    printed = _timed(seconds, "print", lambda: to_text(typed))
    seconds["together"] = sum(seconds.values())
    assert printed == text and structural_equal(typed, module)
    _timed(seconds, "the prelude, first use", lambda: parse_with_prelude(_PRELUDE_USER))
    _timed(seconds, "the prelude, again", lambda: parse_with_prelude(_PRELUDE_USER))
    # Linux counts in units of 1024 bytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20
    return {"calls": calls, "characters": len(text), "peak_mb": peak_mb, "seconds": seconds}


def _timed(seconds: dict[str, float], name: str, work: Callable[[], T]) -> T:
    """Return what `work` gives, and note how long that took."""
    start = time.process_time()
    result = work()
    seconds[name] = time.process_time() - start
    return result


if __name__ == "__main__":
    main()
