"""Places that two engines touch in no fixed order, one of them writing.

Memory by memory: all ends of the places that any instruction touches cut the memory into segments
inside which nothing differs. For each segment and engine stand the last write and the last read;
an instruction must have waited for those of the other engines. What it waited for then stands for
all that came before, so one pass over the program finds a race where there is one.

Instructions of one engine never race: engines read and write in program order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .choices import Engine
from .footprint import Access
from .tokens import Order, Tokens

__all__ = ["Race", "races"]

# An access whose segments are more runs than this is walked by an index array.
_MOST_SLICES = 3
_ENGINES = len(Engine)


@dataclass(frozen=True)
class Race:
    """Two instructions of different engines; `first` comes first in the run.

    Attributes
    ----------
    memory : str
    first, second : int, indices of the instructions
    first_writes, second_writes : bool; at least one is True
    """

    memory: str
    first: int
    second: int
    first_writes: bool
    second_writes: bool


def races(
    tokens: Sequence[Tokens], footprints: Sequence[Sequence[Access]], order: Order
) -> Iterator[Race]:
    """Yield races of an instruction with the last of each other engine, each pair at most once.

    Parameters
    ----------
    tokens, footprints : of each instruction
    order : Order of `tokens`; instructions that never start are left out
    """
    streams: dict[Engine, list[int]] = {engine: [] for engine in Engine}
    for index, item in enumerate(tokens):
        streams[item.engine].append(index)
    seen: set[tuple[int, int]] = set()
    memories = sorted({access.memory for accesses in footprints for access in accesses})
    for memory in memories:
        walk = [
            (index, access)
            for index in order.sequence
            for access in footprints[index]
            if access.memory == memory
        ]
        if (
            any(access.writes for _, access in walk)
            and len({tokens[i].engine for i, _ in walk}) > 1
        ):
            for race in _Sweep(memory, walk, tokens, order, streams).run():
                if (race.first, race.second) not in seen:
                    seen.add((race.first, race.second))
                    yield race


class _Sweep:
    """One memory."""

    def __init__(
        self,
        memory: str,
        walk: list[tuple[int, Access]],
        tokens: Sequence[Tokens],
        order: Order,
        streams: dict[Engine, list[int]],
    ) -> None:
        self._memory = memory
        self._walk = walk
        self._tokens = tokens
        self._order = order
        self._streams = streams
        starts = np.concatenate([access.places.starts for _, access in walk])
        stops = np.concatenate([access.places.stops for _, access in walk])
        ends = np.unique(np.concatenate([starts, stops]))
        self._firsts = np.searchsorted(ends, starts)
        self._lasts = np.searchsorted(ends, stops)
        # How many instructions of each engine there were up to the last one that wrote, in the
        # first rows, and up to the last one that read.
        self._latest = np.zeros((2 * _ENGINES, len(ends)), np.int32)

    def run(self) -> Iterator[Race]:
        position = 0
        for index, access in self._walk:
            count = len(access.places)
            firsts = self._firsts[position : position + count]
            lasts = self._lasts[position : position + count]
            position += count
            for part in _parts(firsts, lasts):
                yield from self._check(index, access.writes, part)
                row = self._tokens[index].engine + (0 if access.writes else _ENGINES)
                self._latest[row, part] = self._order.positions[index] + 1

    def _check(
        self, index: int, writes: bool, part: slice | npt.NDArray[np.int64]
    ) -> Iterator[Race]:
        clock = self._order.clocks[index]
        assert clock is not None
        own = self._tokens[index].engine
        # A read only meets writes.
        rows = self._latest if writes else self._latest[:_ENGINES]
        for row, count in enumerate(rows[:, part].max(axis=1).tolist()):
            engine = row % _ENGINES
            if count > clock[engine] and engine != own:
                first = self._streams[Engine(engine)][count - 1]
                yield Race(self._memory, first, index, row < _ENGINES, writes)


def _parts(
    firsts: npt.NDArray[np.int64], lasts: npt.NDArray[np.int64]
) -> list[slice | npt.NDArray[np.int64]]:
    """Return the segments first..last - 1 of each interval, as few pieces as possible."""
    if len(firsts) == 1:
        return [slice(int(firsts[0]), int(lasts[0]))]
    whole = int(lasts[-1]) - int(firsts[0])
    lengths = lasts - firsts
    if int(lengths.sum()) == whole:
        return [slice(int(firsts[0]), int(lasts[-1]))]
    if len(firsts) <= _MOST_SLICES:
        return [slice(*ends) for ends in zip(firsts.tolist(), lasts.tolist(), strict=True)]
    offsets = np.repeat(firsts - (np.cumsum(lengths) - lengths), lengths)
    return [offsets + np.arange(len(offsets))]
