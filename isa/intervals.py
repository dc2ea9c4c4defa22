"""Sets of places in a memory as sorted, disjoint intervals; exact without walking every iteration.

An affine loop nest touches base + i0 * step0 + i1 * step1 + ...; levels whose steps meet the run
below them are joined by arithmetic, so a nest of 100,000 iterations is mostly one interval.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["EMPTY", "Intervals", "interval", "nest"]

Places = npt.NDArray[np.int64]

# Intervals that a set may have; beyond it a level is filled up, and the set becomes a superset.
# No memory on the chip has more words, so there sets are always exact.
_MOST_INTERVALS = 1 << 20


@dataclass(frozen=True, eq=False)
class Intervals:
    """A set of integers.

    Attributes
    ----------
    starts, stops : int64[n], each interval is start..stop - 1; sorted, disjoint, none empty
    """

    starts: Places
    stops: Places

    def __len__(self) -> int:
        """Return the number of intervals."""
        return len(self.starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield (start, stop) of each interval."""
        return iter(zip(self.starts.tolist(), self.stops.tolist(), strict=True))

    @property
    def low(self) -> int:
        """Smallest place of a set that is not empty."""
        return int(self.starts[0])

    @property
    def high(self) -> int:
        """Largest place of a set that is not empty."""
        return int(self.stops[-1]) - 1

    @property
    def size(self) -> int:
        """Number of places."""
        return int((self.stops - self.starts).sum())

    def shifted(self, offset: int) -> "Intervals":
        """Return the set with `offset` added to every place."""
        return Intervals(self.starts + offset, self.stops + offset) if offset else self

    def clipped(self, low: int, high: int) -> "Intervals":
        """Return the places in low..high - 1."""
        if not len(self) or (self.low >= low and self.high < high):
            return self
        starts, stops = np.maximum(self.starts, low), np.minimum(self.stops, high)
        kept = starts < stops
        return Intervals(starts[kept], stops[kept])

    def divided(self, unit: int) -> "Intervals":
        """Return the blocks of `unit` places that hold a place of the set."""
        return _united(self.starts // unit, -(-self.stops // unit))

    def union(self, other: "Intervals") -> "Intervals":
        """Return the places of either set."""
        return _united(
            np.concatenate([self.starts, other.starts]), np.concatenate([self.stops, other.stops])
        )

    def intersection(self, other: "Intervals") -> "Intervals":
        """Return the places of both sets."""
        if not len(self) or not len(other):
            return EMPTY
        first = np.searchsorted(other.stops, self.starts, "right")
        last = np.searchsorted(other.starts, self.stops, "left")
        counts = np.maximum(last - first, 0)
        ours = np.repeat(np.arange(len(self)), counts)
        skipped = np.repeat(np.cumsum(counts) - counts, counts)
        theirs = np.arange(len(ours)) - skipped + np.repeat(first, counts)
        starts = np.maximum(self.starts[ours], other.starts[theirs])
        return Intervals(starts, np.minimum(self.stops[ours], other.stops[theirs]))

    def repeated(self, counts: Sequence[int], steps: Sequence[int]) -> "Intervals":
        """Return the union of the set moved by i0 * step0 + i1 * step1 + ..., i in 0..count - 1."""
        result, offset = self, 0
        for step, count in _levels(counts, steps):
            result = _repeated(result, abs(step), count)
            offset += min(0, step * (count - 1))
        return result.shifted(offset)


EMPTY = Intervals(np.empty(0, np.int64), np.empty(0, np.int64))


def interval(start: int, stop: int) -> Intervals:
    """Return the places start..stop - 1."""
    if stop <= start:
        return EMPTY
    return Intervals(np.array([start], np.int64), np.array([stop], np.int64))


def nest(base: int, counts: Sequence[int], steps: Sequence[int], width: int = 1) -> Intervals:
    """Return the places of `width` from each address of an affine loop nest.

    Parameters
    ----------
    base : int, address of the first iteration
    counts, steps : iterations (at least 1) and address step of each level, in any order
    width : int, places from each address
    """
    found = _nest(tuple(counts), tuple(steps), width)
    return Intervals(found.starts + base, found.stops + base)


@lru_cache(maxsize=2048)
def _nest(counts: tuple[int, ...], steps: tuple[int, ...], width: int) -> Intervals:
    offset, run = 0, width
    rest: list[tuple[int, int]] = []
    for step, count in _levels(counts, steps):
        offset += min(0, step * (count - 1))
        size = abs(step)
        if not rest and size <= run:
            run += size * (count - 1)
        elif rest and size % rest[-1][0] == 0 and size // rest[-1][0] <= rest[-1][1]:
            # i * s + j * (m * s) with m at most the count of i: every multiple of s is there.
            inner, inner_count = rest[-1]
            rest[-1] = inner, inner_count + (count - 1) * (size // inner)
        else:
            rest.append((size, count))
    result = interval(offset, offset + run)
    for size, count in rest:
        result = _repeated(result, size, count)
    return result


def _levels(counts: Sequence[int], steps: Sequence[int]) -> list[tuple[int, int]]:
    """Return (step, count) of the levels that move, the smallest step first."""
    levels = [(step, n) for step, n in zip(steps, counts, strict=True) if step and n > 1]
    return sorted(levels, key=lambda level: abs(level[0]))


def _repeated(base: Intervals, step: int, count: int) -> Intervals:
    """Return the union of `base` moved by 0, step, ..., (count - 1) * step; step is positive."""
    if not len(base):
        return base
    if len(base) == 1 and step <= base.high + 1 - base.low:
        return interval(base.low, base.high + 1 + step * (count - 1))
    if step > base.high - base.low and len(base) * count <= _MOST_INTERVALS:
        moves = np.arange(count, dtype=np.int64)[:, None] * step
        starts, stops = (base.starts + moves).reshape(-1), (base.stops + moves).reshape(-1)
        # Only the end of one copy and the start of the next may touch.
        return (
            Intervals(starts, stops) if step > base.high + 1 - base.low else _united(starts, stops)
        )
    done, result = 1, base
    while done < count:
        more = min(2 * done, count)
        moved = result.shifted((more - done) * step)
        result = result.union(moved)
        done = more
        if len(result) > _MOST_INTERVALS:
            return _filled(base, step * (count - 1))
    return result


def _filled(base: Intervals, reach: int) -> Intervals:
    """Return a superset of `base` moved by any of 0..reach."""
    return _united(base.starts, base.stops + reach)


def _united(starts: Places, stops: Places) -> Intervals:
    """Return the union of intervals in any order; those that touch are joined."""
    if len(starts) < 2:
        return Intervals(starts, stops)
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(stops[order])
    begins = np.concatenate([[True], starts[1:] > reach[:-1]])
    ends = np.concatenate([begins[1:], [True]])
    return Intervals(starts[begins], reach[ends])
