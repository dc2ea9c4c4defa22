"""How much of each scratchpad holds something that is still needed, over time.

A place is live from the start of the instruction that wrote it to the end of the last one that read
it before it was overwritten; what is never read is never live. Program order is a legal order of
the accesses, so one walk over the program finds writers and last readers; the trace says when.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.footprint import act_unit_bytes, footprint, memory_places
from isa.instructions import Opcode
from isa.intervals import Intervals

from .timeline import Cycles, Timeline

__all__ = ["Occupancy", "find_occupancy"]

_SCRATCHPADS = ("act", "weight", "acc", "param", "table")

Live = npt.NDArray[np.float64]
Index = slice | npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Occupancy:
    """Live words of one memory over time.

    Attributes
    ----------
    memory : str, act, weight, acc, param or table
    words : int, size of the memory
    live : float64[n], words from each time on; of act also parts of words
    times : int64[n], rising cycles, the first is 0
    """

    memory: str
    words: int
    live: Live
    times: Cycles

    @property
    def peak(self) -> float:
        """Most words that are live at once."""
        return float(self.live.max(initial=0))

    def maxima(self, edges: npt.NDArray[np.float64]) -> Live:
        """Return the most live words between each two of the cycles `edges`: float64[bins]."""
        first = np.searchsorted(self.times, edges[:-1], "right") - 1
        last = np.searchsorted(self.times, edges[1:], "left") - 1
        result: Live = np.maximum(np.maximum.reduceat(self.live, first), self.live[last])
        return result


def find_occupancy(timeline: Timeline) -> tuple[Occupancy, ...]:
    """Return the occupancy of each scratchpad that the machine has."""
    config = timeline.config
    times, ranks = np.unique(
        np.concatenate([[0, timeline.cycles], timeline.starts, timeline.ends]), return_inverse=True
    )
    starts, ends = np.split(ranks[2:], 2)
    sizes = {memory: memory_places(config, memory) for memory in _SCRATCHPADS}
    memories = {name: _Places.of(size, len(times)) for name, size in sizes.items() if size}
    for index, instruction in enumerate(timeline.instructions):
        begin, end = int(starts[index]), int(ends[index])
        opcode, fields = instruction.opcode, instruction.fields
        # What is not in a scratchpad is in DRAM.
        accesses = [item for item in footprint(config, opcode, fields) if item.memory in memories]
        # An instruction that only adds to acc needs what is there, and nothing new begins.
        adds = opcode == Opcode.MATRIX and fields["accumulate"]
        for item in accesses:
            if adds or not item.writes:
                memories[item.memory].note_read(item.places, end)
        for item in accesses:
            if item.writes and not (adds and item.memory == "acc"):
                memories[item.memory].note_write(item.places, begin)
    return tuple(
        Occupancy(name, *_in_words(config, name, sizes[name], places.finish()), times)
        for name, places in memories.items()
    )


def _in_words(config: Config, memory: str, places: int, live: Cycles) -> tuple[int, Live]:
    """Return the size of a memory and its live words; a word of act has one or more places."""
    ratio = config.act_word_bytes // act_unit_bytes(config) if memory == "act" else 1
    return places // ratio, live / ratio


@dataclass(frozen=True, eq=False)
class _Places:
    """For each place of a memory when it was written and last read, -1 for never.

    Times are ranks among all times at which an instruction starts or ends.
    """

    written: Cycles
    read: Cycles
    changes: Cycles

    @staticmethod
    def of(size: int, times: int) -> "_Places":
        never = np.full(size, -1, np.int64)
        return _Places(never, never.copy(), np.zeros(times, np.int64))

    def note_read(self, places: Intervals, end: int) -> None:
        index = _index(places)
        self.read[index] = np.maximum(self.read[index], end)

    def note_write(self, places: Intervals, begin: int) -> None:
        index = _index(places)
        self._close(index, begin)
        self.written[index] = begin
        self.read[index] = -1

    def finish(self) -> Cycles:
        """Return the live places from each time on."""
        self._close(slice(None), len(self.changes) - 1)
        return np.cumsum(self.changes)

    def _close(self, index: Index, limit: int) -> None:
        """Count what the places held, from its write to its last read, at most to `limit`."""
        written, read = self.written[index], np.minimum(self.read[index], limit)
        lived = (written >= 0) & (read > written)
        np.add.at(self.changes, written[lived], 1)
        np.add.at(self.changes, read[lived], -1)


def _index(places: Intervals) -> Index:
    """Return what picks `places` from an array: a slice, or all of them one by one."""
    if len(places) == 1:
        return slice(places.low, places.high + 1)
    sizes = places.stops - places.starts
    skipped = np.cumsum(sizes) - sizes
    result: Cycles = np.arange(sizes.sum()) + np.repeat(places.starts - skipped, sizes)
    return result
