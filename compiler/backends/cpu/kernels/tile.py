"""What convolution kernels share: a tile of accumulators and the formula that follows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..builder import Builder, Index, element_bytes, llvm_type
from ..formula import Formula
from ..site import is_float, is_signed
from .evaluator import Evaluator, lanes_of, pieces

__all__ = ["Epilogue", "accumulate", "column_blocks", "extend", "split_evenly"]


def split_evenly(extent: int, largest: int) -> list[tuple[int, int]]:
    """Return (count, size) of tiles of at most `largest` that cover `extent`, sizes nearly equal.

    At most two different sizes, the larger first.
    """
    tiles = -(-extent // largest)
    size, larger = divmod(extent, tiles)
    parts = ((larger, size + 1), (tiles - larger, size))
    return [(count, size) for count, size in parts if count]


def column_blocks(vectors: int, largest: int) -> list[tuple[int, int, int]]:
    """Return (first vector, count, size) of the blocks of at most `largest` of `vectors`."""
    found, first = [], 0
    for count, size in split_evenly(vectors, largest) if vectors else ():
        found.append((first, count, size))
        first += count * size
    return found


def extend(build: Builder, value: str, source: str, target: str, lanes: int) -> str:
    """Return `value` in the wider type that sums are made in."""
    if source == target:
        return value
    name = "fpext" if is_float(source) else "sext" if is_signed(source) else "zext"
    have, want = llvm_type(source, lanes), llvm_type(target, lanes)
    return value if have == want else build.value(f"{name} {have} {value} to {want}")


def accumulate(build: Builder, dtype: str, total: str, x: str, y: str, lanes: int) -> str:
    """Return total + x * y."""
    kind = llvm_type(dtype, lanes)
    if not dtype.startswith("float"):
        return build.value(f"add {kind} {total}, {build.value(f'mul {kind} {x}, {y}')}")
    suffix = f"f{dtype[5:]}" if lanes == 1 else f"v{lanes}f{dtype[5:]}"
    return build.call(kind, f"llvm.fmuladd.{suffix}", (kind, x), (kind, y), (kind, total))


@dataclass(frozen=True, slots=True)
class Epilogue:
    """Puts a tile of sums through a formula into the target.

    The tile lies on the stack between the two, so that the formula is emitted once for all of it.

    Attributes
    ----------
    build : Builder
    evaluator : Evaluator
    formula : Formula
    strides : tuple of int
        Elements of the target, by axis of the result; the last axis is that of the columns.
    target : str
    dtype : str
        Of the sums.
    vector_bytes : int
    """

    build: Builder
    evaluator: Evaluator
    formula: Formula
    strides: tuple[int, ...]
    target: str
    dtype: str
    vector_bytes: int

    def run(
        self,
        tile: str,
        rows: int,
        columns: int,
        pitch: int,
        indices: Callable[[Index, Index], Sequence[Index]],
    ) -> None:
        """Store a tile.

        Parameters
        ----------
        tile : str
            Address of the sums, `pitch` elements from row to row.
        rows, columns : int
            How much of it counts.
        indices : callable
            From row and column in the tile to the indices of the result.
        """
        build, size = self.build, element_bytes(self.formula[-1].dtype)
        lanes = lanes_of(self.formula, -1, self.strides[-1], columns, self.vector_bytes)

        def store(row: Index, column: Index, width: int) -> None:
            place = build.offset([row, column], [pitch, 1])
            sums = build.load(
                self.dtype, build.address(tile, place, element_bytes(self.dtype)), width
            )
            where = indices(row, column)
            value = self.evaluator.emit(where, width, sums)
            address = build.address(self.target, build.offset(where, self.strides), size)
            build.store(self.formula[-1].dtype, value, address, width)

        def row_body(row: Index, _: list[str]) -> None:
            for first, last, width in pieces(columns, lanes):

                def column_body(column: Index, _: list[str], width: int = width) -> None:
                    store(row, column, width)

                build.loop(first, last, column_body, step=width)

        build.loop(0, rows, row_body)
