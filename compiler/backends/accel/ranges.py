"""Which earlier instructions touch the same memory: the hazards between instructions."""

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
class Hazards:
    """Remembers, for every word, its last writer and the readers since."""

    _pieces: dict[str, list[_Piece]] = field(default_factory=dict)

    def record(
        self, engine: Engine, index: int, reads: Sequence[Range], writes: Sequence[Range]
    ) -> dict[Engine, int]:
        """Note instruction `index` of `engine`; return how many of each engine must come first."""
        needed: dict[Engine, int] = {}
        for item in reads:
            for piece in self._touch(item):
                _merge(needed, piece.writers)
        for item in writes:
            for piece in self._touch(item):
                _merge(needed, piece.writers)
                _merge(needed, piece.readers)
        for item in reads:
            for piece in self._touch(item):
                piece.readers[engine] = index + 1
        for item in writes:
            self._replace(item, _Piece(item.start, item.stop, {engine: index + 1}, {}))
        return needed

    def _touch(self, item: Range) -> list[_Piece]:
        """Split the pieces at the ends of `item`, fill its gaps; return those inside it."""
        result: list[_Piece] = []
        outside: list[_Piece] = []
        for piece in self._pieces.get(item.memory, []):
            if piece.stop <= item.start or piece.start >= item.stop:
                outside.append(piece)
                continue
            if piece.start < item.start:
                outside.append(piece.part(piece.start, item.start))
            if piece.stop > item.stop:
                outside.append(piece.part(item.stop, piece.stop))
            result.append(piece.part(max(piece.start, item.start), min(piece.stop, item.stop)))
        result.sort(key=lambda piece: piece.start)
        position = item.start
        gaps = []
        for piece in result:
            if piece.start > position:
                gaps.append(_Piece(position, piece.start, {}, {}))
            position = piece.stop
        if position < item.stop:
            gaps.append(_Piece(position, item.stop, {}, {}))
        self._pieces[item.memory] = outside + result + gaps
        return result + gaps

    def _replace(self, item: Range, piece: _Piece) -> None:
        inside = {id(part) for part in self._touch(item)}
        pieces = self._pieces[item.memory]
        self._pieces[item.memory] = [part for part in pieces if id(part) not in inside] + [piece]


def _merge(needed: dict[Engine, int], found: dict[Engine, int]) -> None:
    for engine, count in found.items():
        needed[engine] = max(needed.get(engine, 0), count)
