"""Which bytes of its lines a load takes: runs cut at the ends of a line, lines that do not exist.

Loads of a program differ far more often in their addresses than in this.
"""

from collections.abc import Mapping
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from .nest import Addresses, addresses

__all__ = ["Part", "Runs", "existing_lines", "runs_of", "starts_and_sizes"]

_values = itemgetter("x_origin", "x_bytes", "y_count", "y_stride", "line_bytes", "z_stride")


class Part(NamedTuple):
    """Neighbouring runs of every line that take the same bytes from DRAM.

    Attributes
    ----------
    runs : slice, of the runs of a line
    span : slice, of the bytes of a run
    offset : int, of the first byte in the first line
    """

    runs: slice
    span: slice
    offset: int


class Runs(NamedTuple):
    """What a load takes from DRAM, in bytes from the first line that exists.

    Attributes
    ----------
    parts : tuple of Part
    whole : bool, whether the lines have all bytes of all runs
    first, last : int, smallest and largest offset of a run's first byte
    end : int, largest offset of the byte behind a run
    bytes : int, of all runs
    bus_bytes : int, whole bus beats
    """

    parts: tuple[Part, ...]
    whole: bool
    first: int
    last: int
    end: int
    bytes: int
    bus_bytes: int


def existing_lines(fields: Mapping[str, int]) -> tuple[slice, int]:
    """Return the lines of a load that exist, and the address of the first."""
    origin = fields["z_origin"]
    first = min(max(-origin, 0), fields["z_count"])
    stop = max(min(fields["line_count"] - origin, fields["z_count"]), first)
    return slice(first, stop), fields["address"] + fields["z_stride"] * (origin + first)


def runs_of(fields: Mapping[str, int], bus_bytes: int) -> Runs:
    """Return the runs of a load, for a bus of `bus_bytes`."""
    lines, address = existing_lines(fields)
    return _runs(_values(fields), lines.stop - lines.start, address % bus_bytes, bus_bytes)


def starts_and_sizes(fields: Mapping[str, int]) -> tuple[Addresses, Addresses]:
    """Return int64[runs] twice: the address of each run that is not empty, and its bytes."""
    lines, address = existing_lines(fields)
    starts, sizes = _Lines(_values(fields), lines.stop - lines.start).starts_and_sizes()
    return starts + address, sizes


class _Lines:
    """The lines of a load that exist, and what each of their runs has.

    Attributes
    ----------
    position : int64[y_count], byte of the line that each run begins with
    begin, end : int64[y_count], bytes of each run that the line has; equal if it has none
    offsets : int64[lines], of the lines from the first
    """

    def __init__(self, values: tuple[int, ...], count: int) -> None:
        x_origin, x_bytes, y_count, y_stride, line_bytes, z_stride = values
        self.position = addresses(x_origin, (y_count,), (y_stride,))
        self.begin = np.minimum(np.maximum(-self.position, 0), x_bytes)
        self.end = np.minimum(np.maximum(line_bytes - self.position, self.begin), x_bytes)
        self.offsets = z_stride * np.arange(count, dtype=np.int64)
        self.whole = bool(not self.begin.any() and (self.end == x_bytes).all())

    def starts_and_sizes(self) -> tuple[Addresses, Addresses]:
        """Return int64[runs] twice: the offset of each run that is not empty, and its bytes."""
        full = self.end > self.begin
        starts = (self.offsets[:, None] + (self.position + self.begin)[full]).reshape(-1)
        return starts, np.tile((self.end - self.begin)[full], len(self.offsets))

    def parts(self) -> tuple[Part, ...]:
        """Return the runs by their extent: at most a few at the ends of a line are cut short."""
        begin, end = self.begin, self.end
        changes = np.flatnonzero((np.diff(begin) != 0) | (np.diff(end) != 0)) + 1
        edges = [0, *changes.tolist(), len(begin)]
        return tuple(
            Part(
                slice(top, stop),
                slice(int(begin[top]), int(end[top])),
                int(self.position[top] + begin[top]),
            )
            for top, stop in zip(edges[:-1], edges[1:], strict=True)
            if len(self.offsets) and end[top] > begin[top]
        )


@lru_cache(maxsize=128)
def _runs(values: tuple[int, ...], count: int, residue: int, bus_bytes: int) -> Runs:
    """Return the runs of `count` lines, the first at `residue` modulo `bus_bytes`."""
    lines = _Lines(values, count)
    starts, sizes = lines.starts_and_sizes()
    ends = starts + sizes
    beats = -(-(ends + residue) // bus_bytes) - (starts + residue) // bus_bytes
    return Runs(
        lines.parts(),
        lines.whole,
        int(starts.min()) if starts.size else 0,
        int(starts.max()) if starts.size else 0,
        int(ends.max()) if ends.size else 0,
        int(sizes.sum()),
        bus_bytes * int(beats.sum()),
    )
