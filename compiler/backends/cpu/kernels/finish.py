"""What follows the sums of a tile: the formula makes results of them, and they are stored."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..builder import Builder, Index, element_bytes, llvm_type
from ..formula import Formula
from .evaluator import Evaluator, lanes_of

__all__ = ["Finish", "Tile"]

# Nodes of a formula above which it is written in a loop, not for every vector of sums: compiling
# would take several times as long.
_SHORT = 6
# Places that one pass of such a loop may do, the best first: their instructions mix.
_TOGETHER = (4, 3, 7, 5, 2)


@dataclass(frozen=True, slots=True)
class Tile:
    """Part of a result.

    Attributes
    ----------
    outer : tuple of Index
        Places along the outer axes.
    line, place, column : Index
        Where it begins along the last three.
    size : (int, int)
        Lines, and places in each.
    vectors, columns : int
        Vectors of columns, and how many columns in them count.
    lanes : int
        Columns of a vector.
    """

    outer: tuple[Index, ...]
    line: Index
    place: Index
    column: Index
    size: tuple[int, int]
    vectors: int
    columns: int
    lanes: int

    @property
    def begin(self) -> list[Index]:
        """Where it begins along all axes."""
        return [*self.outer, self.line, self.place, self.column]


class Finish:
    """Writes the ends of tiles.

    Parameters
    ----------
    build : Builder
        Still at the function's entry.
    evaluator : Evaluator
    formula : Formula
    target : (str, tuple of int)
        Address of the result, and elements from one index to the next, by axis.
    dtype : str
        Of the sums.
    lanes, most : int
        Columns of a whole vector, and how many sums a tile has at most.
    vector_bytes : int
    """

    def __init__(
        self,
        build: Builder,
        evaluator: Evaluator,
        formula: Formula,
        target: tuple[str, tuple[int, ...]],
        dtype: str,
        lanes: int,
        most: int,
        vector_bytes: int,
    ) -> None:
        self._build, self._evaluator, self._dtype = build, evaluator, dtype
        self._target, self._strides = target
        self._result = formula[-1].dtype
        wide = lanes_of(formula, -1, self._strides[-1], lanes, vector_bytes)
        self._contiguous = wide > 1 or lanes == 1
        self._direct = self._contiguous and len(formula) <= _SHORT
        self._stack = ""
        if not self._direct:
            self._stack = build.allocate(element_bytes(dtype) * lanes * most)

    def run(self, tile: Tile, sums: Sequence[str]) -> None:
        """Store a tile, of which `sums` are vectors: those of the first place, then the next."""
        if self._direct:
            self._in_registers(tile, sums)
        else:
            self._in_memory(tile, sums)

    def _in_registers(self, tile: Tile, sums: Sequence[str]) -> None:
        build, size = self._build, element_bytes(self._result)
        origin = self._evaluator.origin(tile.begin)
        target = build.address(self._target, build.offset(tile.begin, self._strides), size)
        still = [0] * len(tile.outer)
        down, across = tile.size
        for number in range(tile.vectors):
            valid = min(tile.lanes, tile.columns - number * tile.lanes)
            for row in range(down * across):
                total = sums[row * tile.vectors + number]
                for first, lanes in _powers(valid, tile.lanes):
                    part = self._part(total, first, lanes, tile.lanes)
                    column = number * tile.lanes + first
                    shift = [*still, row // across, row % across, column]
                    value = self._evaluator.emit_near(origin, shift, lanes, part)
                    steps = zip(shift, self._strides, strict=True)
                    offset = sum(step * stride for step, stride in steps)
                    address = build.address(target, offset, size)
                    build.store(self._result, value, address, lanes)

    def _part(self, total: str, first: int, lanes: int, whole: int) -> str:
        """Return some lanes of a vector of sums."""
        kind = llvm_type(self._dtype, whole)
        if lanes == whole:
            return total
        if lanes == 1:
            return self._build.value(f"extractelement {kind} {total}, i32 {first}")
        mask = ", ".join(f"i32 {first + lane}" for lane in range(lanes))
        return self._build.value(
            f"shufflevector {kind} {total}, {kind} poison, <{lanes} x i32> <{mask}>"
        )

    def _in_memory(self, tile: Tile, sums: Sequence[str]) -> None:
        """Put the sums through the formula in a loop over a tile on the stack."""
        build, width = self._build, element_bytes(self._dtype)
        kind = llvm_type(self._dtype, tile.lanes)
        for number, total in enumerate(sums):
            address = build.address(self._stack, number * tile.lanes, width)
            build.do(f"store {kind} {total}, ptr {address}, align {width}")
        for number in range(tile.vectors):
            valid = min(tile.lanes, tile.columns - number * tile.lanes)
            most = tile.lanes if self._contiguous else 1
            for first, lanes in _powers(valid, most):
                self._columns(tile, number * tile.lanes + first, lanes)

    def _columns(self, tile: Tile, first: int, lanes: int) -> None:
        """Put some columns of a tile on the stack through the formula."""
        build, size = self._build, element_bytes(self._result)
        pitch = tile.vectors * tile.lanes
        column = build.add(tile.column, first)
        shared = self._evaluator.shared([*tile.outer, tile.line, tile.place, column], lanes)

        def one(at: list[Index]) -> None:
            offset = build.offset(at, [tile.size[1] * pitch, pitch], first)
            address = build.address(self._stack, offset, element_bytes(self._dtype))
            total = build.load(self._dtype, address, lanes)
            line, place = build.add(tile.line, at[0]), build.add(tile.place, at[1])
            where = [*tile.outer, line, place, column]
            value = self._evaluator.emit(where, lanes, total, shared)
            target = build.address(self._target, build.offset(where, self._strides), size)
            build.store(self._result, value, target, lanes)

        down, across = tile.size
        together = next((n for n in _TOGETHER if across % n == 0), 1)

        def several(at: list[Index]) -> None:
            for number in range(together):
                one([at[0], build.offset([at[1]], [together], number)])

        build.nest((down, across // together), several)


def _powers(valid: int, lanes: int) -> list[tuple[int, int]]:
    """Return (first, lanes) of vectors, each a power of two, that cover `valid` lanes."""
    found, first = [], 0
    while first < valid:
        while lanes > valid - first:
            lanes //= 2
        found.append((first, lanes))
        first += lanes
    return found
