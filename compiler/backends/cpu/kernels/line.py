"""Walks along one axis: in vectors along it, or in vectors of neighbouring lines.

Neighbours along the axis that lie together in memory are combined lane by lane and the lanes in the
end; otherwise each lane is a line of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..builder import Builder, Index, llvm_type
from ..site import literal
from .evaluator import open_pieces
from .pool import combine

__all__ = ["Line", "fold_lanes"]

# Vectors that are combined independently: an addition takes four cycles.
_CHAINS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """An axis.

    Attributes
    ----------
    build : Builder
    extent : int
        Elements along the axis.
    lanes : int
        Elements at a time: along the axis, or lines beside each other.
    along : bool
        Vectors lie along the axis.
    """

    build: Builder
    extent: int
    lanes: int
    along: bool

    def each(self, body: Callable[[Index, int], None]) -> None:
        """Run `body` for the whole axis; it gets an index and how many elements begin there."""
        for start, stop, width in self._pieces():

            def piece(index: Index, _: list[str], width: int = width) -> None:
                body(index, width)

            self.build.loop(start, stop, piece, step=width if self.along else 1)

    def reduce(
        self, operation: str, dtype: str, first: float, element: Callable[[Index, int], str]
    ) -> str:
        """Return all elements combined: one value, or one for each line.

        Parameters
        ----------
        operation : str
            add, multiply, maximum or minimum.
        dtype : str
        first : float
            Value to begin with.
        element : callable
            Gets an index and how many elements begin there, returns them.
        """
        if not self.along:
            return self._reduce_vectors(operation, dtype, first, element, self.extent, 1)
        total = literal(first, dtype)
        if not isinstance(self.extent, int):
            return self._reduce_open(operation, dtype, first, element)
        for start, stop, width in self._pieces():
            if stop - start > width:
                part = self._reduce_vectors(operation, dtype, first, element, stop, width)
            else:
                part = element(start, width)
            one = fold_lanes(self.build, operation, dtype, part, width)
            total = one if start == 0 else combine(self.build, operation, dtype, total, one, 1)
        return total

    def spread(self, value: str, dtype: str, width: int) -> str:
        """Return what `reduce` gave beside `width` elements."""
        return self.build.splat(dtype, value, width) if self.along else value

    def _pieces(self) -> list[tuple[int, int, int]]:
        """Return (start, stop, elements at a time): whole vectors, then shorter ones."""
        if not self.along:
            return [(0, self.extent, self.lanes)]
        if not isinstance(self.extent, int):
            return open_pieces(self.extent, self.lanes)
        found, start, width = [], 0, self.lanes
        while start < self.extent:
            stop = self.extent - (self.extent - start) % width
            if stop > start:
                found.append((start, stop, width))
            start, width = stop, width // 2
        return found

    def _reduce_open(
        self, operation: str, dtype: str, first: float, element: Callable[[Index, int], str]
    ) -> str:
        """Return all elements of an axis whose size is not known yet, combined."""
        build = self.build
        (_, stop, width), *others = self._pieces()
        part = self._reduce_vectors(operation, dtype, first, element, stop, width)
        total = fold_lanes(build, operation, dtype, part, width)
        for start, stop, width in others:

            def body(index: Index, totals: list[str], width: int = width) -> list[str]:
                one = fold_lanes(build, operation, dtype, element(index, width), width)
                return [combine(build, operation, dtype, totals[0], one, 1)]

            carried = [(llvm_type(dtype), total)]
            (total,) = build.loop(start, stop, body, carried, step=width)
        return total

    def _reduce_vectors(
        self,
        operation: str,
        dtype: str,
        first: float,
        element: Callable[[Index, int], str],
        stop: int,
        step: int,
    ) -> str:
        """Return the vectors at 0, step, ... below `stop` combined."""
        build, kind = self.build, llvm_type(dtype, self.lanes)
        number = literal(first, dtype)
        zero = number if self.lanes == 1 else f"splat ({llvm_type(dtype)} {number})"
        count = stop // step
        chains = min(_CHAINS, count) if isinstance(count, int) else _CHAINS
        whole = count // chains * chains

        def more(total: str, index: Index) -> str:
            return combine(build, operation, dtype, total, element(index, self.lanes), self.lanes)

        def body(index: Index, totals: list[str]) -> list[str]:
            return [
                more(total, build.add(index, number * step)) for number, total in enumerate(totals)
            ]

        carried = [(kind, zero)] * chains
        totals = list(build.loop(0, whole * step, body, carried, step=chains * step))
        if isinstance(count, int):
            for place in range(count - whole):
                totals[place] = more(totals[place], (whole + place) * step)
        else:
            totals[:1] = build.loop(
                whole * step,
                count * step,
                lambda index, last: [more(last[0], index)],
                [(kind, totals[0])],
                step=step,
            )
        while len(totals) > 1:
            right, left = totals.pop(), totals.pop()
            totals.insert(0, combine(build, operation, dtype, left, right, self.lanes))
        return totals[0]


def fold_lanes(build: Builder, operation: str, dtype: str, vector: str, lanes: int) -> str:
    """Return the lanes of a vector combined, halves with halves."""
    while lanes > 1:
        lanes //= 2
        kind = llvm_type(dtype, 2 * lanes)
        left, right = (_part(build, kind, vector, start, lanes) for start in (0, lanes))
        vector = combine(build, operation, dtype, left, right, lanes)
    return vector


def _part(build: Builder, kind: str, vector: str, start: int, lanes: int) -> str:
    """Return `lanes` neighbours of a vector of type `kind`."""
    if lanes == 1:
        return build.value(f"extractelement {kind} {vector}, i64 {start}")
    places = ", ".join(f"i32 {place}" for place in range(start, start + lanes))
    return build.value(f"shufflevector {kind} {vector}, {kind} poison, <{lanes} x i32> <{places}>")
