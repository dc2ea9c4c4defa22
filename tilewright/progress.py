"""Says what takes long: a bar on a terminal, plain lines elsewhere, always on standard error."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["Reporter"]


class Reporter:
    """Shows the step that runs; a context manager.

    Members
    -------
    step : the next step begins
    build : a step is done by a share; the form that the Verilator build calls
    """

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress: Progress | None = None
        self._console = console
        self._last = ""
        if console.is_terminal:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> "Reporter":
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def step(self, name: str) -> None:
        """Show that `name` begins."""
        if self._progress is not None:
            self._progress.update(self._task, description=name, total=None, completed=0)
        elif name != self._last:
            self._console.print(f"{name} ...", highlight=False, markup=False)
        self._last = name

    def build(self, name: str, share: float) -> None:
        """Show that `share` of `name`, in 0..1, is done."""
        if name != self._last:
            self.step(name)
        if self._progress is not None:
            self._progress.update(self._task, total=1.0, completed=share)
