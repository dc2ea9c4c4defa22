"""What watches passes: time, memory, the text before and after, and a check after each."""

import time
import tracemalloc
from pathlib import Path

from ..errors import CompileError, InvalidModule
from ..infer import infer
from ..ir.module import Module
from ..text import to_text
from ..verify import verify

__all__ = ["Dump", "MemoryPeak", "Timer", "Verify"]


class Timer:
    """Measures how long each pass takes.

    Attributes
    ----------
    seconds : list of (name, seconds), in the order of the passes
    """

    def __init__(self) -> None:
        self.seconds: list[tuple[str, float]] = []
        self._begin = 0.0

    def before(self, name: str, module: Module) -> None:
        """Start the clock."""
        self._begin = time.perf_counter()

    def after(self, name: str, module: Module) -> None:
        """Stop the clock."""
        self.seconds.append((name, time.perf_counter() - self._begin))


class MemoryPeak:
    """Measures how much memory each pass takes at most beyond what was in use before it.

    Passes become several times slower while it watches.

    Attributes
    ----------
    size_bytes : list of (name, bytes), in the order of the passes
    """

    def __init__(self) -> None:
        self.size_bytes: list[tuple[str, int]] = []
        self._before = 0
        self._started = False

    def before(self, name: str, module: Module) -> None:
        """Begin to count."""
        self._started = not tracemalloc.is_tracing()
        if self._started:
            tracemalloc.start()
        tracemalloc.reset_peak()
        self._before = tracemalloc.get_traced_memory()[0]

    def after(self, name: str, module: Module) -> None:
        """Note the peak."""
        self.size_bytes.append((name, tracemalloc.get_traced_memory()[1] - self._before))
        if self._started:
            tracemalloc.stop()


class Dump:
    """Writes the module before and after each pass: ``00_simplify_before.relay``, ...

    Parameters
    ----------
    folder : Path
        It must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def before(self, name: str, module: Module) -> None:
        """Write what the pass gets."""
        self._write(f"{self._count:02}_{name}_before.relay", module)

    def after(self, name: str, module: Module) -> None:
        """Write what the pass gave."""
        self._write(f"{self._count:02}_{name}_after.relay", module)
        self._count += 1

    def _write(self, name: str, module: Module) -> None:
        (self._folder / name).write_text(to_text(module), encoding="utf-8")


class Verify:
    """Checks after each pass that the module is well formed and that its types can be found anew.

    `after` raises InvalidModule, which names the pass.
    """

    def before(self, name: str, module: Module) -> None:
        """Do nothing: what the first pass gets was checked when it was made."""

    def after(self, name: str, module: Module) -> None:
        """Verify and infer the module."""
        try:
            infer(verify(module))
        except CompileError as error:
            raise InvalidModule(f"after pass {name}: {error.problem}", error.span) from None
