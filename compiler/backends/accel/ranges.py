"""Which earlier instructions touch the same memory: the hazards between instructions."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from isa.instructions import Engine

__all__ = ["Hazards", "Range"]


@dataclass(frozen=True)
class Range:
    """Words start..stop - 1 of a memory: `act`, `weight`, `acc`, `param`, `table` or `dram`."""

    memory: str
    start: int
    stop: int


@dataclass
class _Piece:
    """A range in one state: who wrote it last, who has read it since."""

    start: int
    stop: int
    writers: dict[Engine, int]
    readers: dict[Engine, int]

    def part(self, start: int, stop: int) -> "_Piece":
        return _Piece(start, stop, dict(self.writers), dict(self.readers))


@dataclass
class _Line:
    """The pieces of one memory, in the order of their addresses; they do not overlap."""

    pieces: list[_Piece] = field(default_factory=list)

    def overlapping(self, start: int, stop: int) -> slice:
        """Return where the pieces stand that touch start..stop - 1."""
        first = bisect_right(self.pieces, start, key=lambda piece: piece.stop)
        return slice(first, bisect_left(self.pieces, stop, key=lambda piece: piece.start))

    def cut(self, start: int, stop: int) -> list[_Piece]:
        """Split the pieces at both ends, fill the gaps; return those inside start..stop - 1."""
        place = self.overlapping(start, stop)
        before: list[_Piece] = []
        inside: list[_Piece] = []
        after: list[_Piece] = []
        position = start
        for piece in self.pieces[place]:
            if piece.start < start:
                before.append(piece.part(piece.start, start))
            if piece.start > position:
                inside.append(_Piece(position, piece.start, {}, {}))
            inside.append(piece.part(max(piece.start, start), min(piece.stop, stop)))
            if piece.stop > stop:
                after.append(piece.part(stop, piece.stop))
            position = piece.stop
        if position < stop:
            inside.append(_Piece(position, stop, {}, {}))
        self.pieces[place] = [*before, *inside, *after]
        return inside

    def replace(self, piece: _Piece) -> None:
        """Put `piece` in the place of everything inside it."""
        self.cut(piece.start, piece.stop)
        self.pieces[self.overlapping(piece.start, piece.stop)] = [piece]


@dataclass
class Hazards:
    """Remembers, for every word, its last writer and the readers since."""

    _lines: dict[str, _Line] = field(default_factory=dict)

    def record(
        self, engine: Engine, index: int, reads: Sequence[Range], writes: Sequence[Range]
    ) -> dict[Engine, int]:
        """Note instruction `index` of `engine`; return how many of each engine must come first."""
        needed: dict[Engine, int] = {}
        for item in writes:
            for piece in self._at(item):
                _merge(needed, piece.writers)
                _merge(needed, piece.readers)
        for item in reads:
            for piece in self._line(item).cut(item.start, item.stop):
                _merge(needed, piece.writers)
                piece.readers[engine] = index + 1
        for item in writes:
            piece = _Piece(item.start, item.stop, {engine: index + 1}, {})
            self._line(item).replace(piece)
        return needed

    def _line(self, item: Range) -> _Line:
        return self._lines.setdefault(item.memory, _Line())

    def _at(self, item: Range) -> list[_Piece]:
        line = self._line(item)
        return line.pieces[line.overlapping(item.start, item.stop)]


def _merge(needed: dict[Engine, int], found: dict[Engine, int]) -> None:
    for engine, count in found.items():
        if needed.get(engine, 0) < count:
            needed[engine] = count
