"""Room in a memory that is taken and given back while work is put in order."""

from dataclasses import dataclass, field

__all__ = ["Pool"]


@dataclass
class Pool:
    """`words` of a memory; remembers from which cycle on each free word may be overwritten.

    Attributes
    ----------
    words : int
    """

    words: int
    _free: list[tuple[int, int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self._free = [(0, self.words, 0)]

    def find(self, count: int, now: int) -> tuple[int, int] | None:
        """Return (first word, cycle) of the room for `count` words that is free earliest.

        Parameters
        ----------
        now : int, a cycle before which nothing will be taken any more
        """
        if count == 0:
            return 0, now
        self._merge(now)
        rooms = [
            (self._ready(index, count), start)
            for index, (start, _, _) in enumerate(self._free)
            if self._reach(index) >= start + count
        ]
        if not rooms:
            return None
        cycle, start = min(rooms)
        return start, cycle

    def _merge(self, now: int) -> None:
        """Join neighbours that have been free since before `now`."""
        merged: list[tuple[int, int, int]] = []
        for start, stop, cycle in self._free:
            since = max(cycle, now)
            if merged and merged[-1][1] == start and merged[-1][2] == since:
                merged[-1] = merged[-1][0], stop, since
            else:
                merged.append((start, stop, since))
        self._free = merged

    def take(self, start: int, count: int) -> None:
        """Take words start..start + count - 1, which are free."""
        if count == 0:
            return
        stop = start + count
        kept = []
        for first, last, cycle in self._free:
            if first < start:
                kept.append((first, min(last, start), cycle))
            if last > stop:
                kept.append((max(first, stop), last, cycle))
        self._free = kept

    def give(self, start: int, count: int, cycle: int) -> None:
        """Give words start..start + count - 1 back; they are read until `cycle`."""
        if count == 0:
            return
        self._free.append((start, start + count, cycle))
        self._free.sort()

    def _reach(self, index: int) -> int:
        """Return the end of the room that begins with piece `index`."""
        _, stop, _ = self._free[index]
        for start, last, _ in self._free[index + 1 :]:
            if start != stop:
                break
            stop = last
        return stop

    def _ready(self, index: int, count: int) -> int:
        """Return the cycle from which `count` words from piece `index` on are free."""
        first = self._free[index][0]
        return max(cycle for start, _, cycle in self._free[index:] if start < first + count)
