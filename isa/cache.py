"""A folder of built things, each made once: whole or not at all, by one process at a time."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["cache_folder", "cached"]


def cache_folder(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return `cache_dir`, or where the user keeps it: $TILEWRIGHT_CACHE, ~/.cache/tilewright."""
    if cache_dir is not None:
        return Path(cache_dir)
    chosen = os.environ.get("TILEWRIGHT_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "tilewright"


def cached(entry: Path, make: Callable[[Path], None]) -> Path:
    """Return the folder `entry`; if it does not exist, let `make` fill a folder that becomes it.

    A second process that wants the same entry waits for the first. An exception in `make`, or the
    death of the process, leaves no entry behind.
    """
    if entry.is_dir():
        return entry
    with _lock(entry.with_suffix(".lock")):
        if entry.is_dir():
            return entry
        # Left behind where a builder was killed. Its compiler may still write there, so that the
        # name is never used again; the lock says that nobody else is at work in it.
        for stale in entry.parent.glob(f"{entry.name}.*.draft"):
            shutil.rmtree(stale, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(".draft", f"{entry.name}.", entry.parent))
        try:
            make(draft)
            draft.rename(entry)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return entry


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the system frees it when the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
