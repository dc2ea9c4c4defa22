"""The kernel of convolutions and matrix products: a register tile of sums of products.

Places of the result (pixels) are rows of the tile, its last axis (output channels) columns. The
sums stay in registers until the formula has made results of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

from ..builder import Builder, Index, element_bytes
from ..formula import Formula
from .dot import Dot
from .evaluator import Evaluator
from .overlay import overlaid
from .parts import Run, count_parts, loop_run, nest_parts, runs
from .sums import Block, Sums
from .tile import column_blocks

__all__ = ["Contraction"]

# Tiles along an axis that are enough to share evenly among threads.
_ENOUGH = 8


@dataclass(frozen=True, slots=True)
class Contraction:
    """Sums of products over a reduction, for all rows and columns.

    Attributes
    ----------
    shape : tuple of int
        Axes of the result: outer ones, lines, places of a line, columns. Columns of a group lie
        together.
    target_strides : tuple of int
        Elements, by axis.
    data_strides : tuple of int
        Elements of the data from one index to the next, by axis but the last.
    weight_strides : tuple of int
        The same of the weights, by outer axis.
    groups : int
        Parts of the columns, each with data and weights of its own.
    group_strides : (int, int)
        Elements of data and weights from one group to the next.
    origin : int
        Elements from the data to those of the first place.
    reduction : tuple of (count, data stride)
        Loops over the steps, the innermost last; strides in elements of the data.
    tile : (int, int, int)
        Lines, places and vectors of columns computed at once.
    weight_step : int
        Elements of the weights from one step to the next, 0 if they are packed: one block of
        columns after the other, in each of them one step after the other, whole vectors only.
    columns_outside : bool
        Loop over all places for each block of columns, not the other way round.
    starts : bool
        The sums start from a vector of columns, given after the weights, not from 0.
    dot : Dot
    formula : Formula
    vector_bytes : int
    backward : bool
        The blocks of columns are done from the last to the first.
    """

    shape: tuple[int, ...]
    target_strides: tuple[int, ...]
    data_strides: tuple[int, ...]
    weight_strides: tuple[int, ...]
    groups: int
    group_strides: tuple[int, int]
    origin: int
    reduction: tuple[tuple[int, int], ...]
    tile: tuple[int, int, int]
    weight_step: int
    columns_outside: bool
    starts: bool
    dot: Dot
    formula: Formula
    vector_bytes: int
    backward: bool = False

    @property
    def steps(self) -> int:
        """Steps of the reduction."""
        return prod(count for count, _ in self.reduction)

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes, or else tiles along one axis."""
        work = prod(self.shape) * self.steps
        outer = (*self.shape[:-3], self.groups)
        if prod(outer) > 1:
            return count_parts(outer, work)
        axis = _shared_axis(self)
        return count_parts((sum(run.count for run in _tiles(self)[axis]),), work)

    @property
    def in_place(self) -> tuple[int, ...]:
        """Operands of the formula, which come after data and weights."""
        first = 3 if self.starts else 2
        return overlaid(self.formula, self.shape, self.target_strides, first)

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the body; `pointers` are target, data, weights and what the formula reads."""
        _Emission(self, build, pointers).run((first, last))


def _tiles(kernel: Contraction) -> dict[str, list[Run]]:
    """Return the tiles along each axis, the outermost loop first."""
    lines = {"lines": list(runs(kernel.shape[-3], kernel.tile[0]))}
    columns = {"columns": _block_runs(kernel)}
    places = {"places": list(runs(kernel.shape[-2], kernel.tile[1]))}
    return {**columns, **lines, **places} if kernel.columns_outside else lines | columns | places


def _shared_axis(kernel: Contraction) -> str:
    """Return the axis whose tiles are shared among threads: the outermost that has enough.

    Columns that no vector holds are computed once for each tile of the other axes.
    """
    lanes, columns = kernel.dot.lanes, kernel.shape[-1] // kernel.groups
    totals = {axis: sum(run.count for run in found) for axis, found in _tiles(kernel).items()}
    # What is not known when this is compiled is not shared.
    counts = {axis: count if isinstance(count, int) else 1 for axis, count in totals.items()}
    if kernel.weight_step and columns % lanes:
        del counts["columns"]
    enough = (axis for axis, count in counts.items() if count >= _ENOUGH)
    return next(enough, max(counts, key=counts.__getitem__))


def _block_runs(kernel: Contraction) -> list[Run]:
    """Return blocks of columns, in vectors; one that is not whole stands alone."""
    columns, lanes = kernel.shape[-1] // kernel.groups, kernel.dot.lanes
    whole = columns // lanes if kernel.weight_step else -(-columns // lanes)
    ragged = not kernel.weight_step and columns % lanes > 0
    found: list[Run] = []
    number = 0
    for first, count, size in column_blocks(whole, kernel.tile[2]):
        last = ragged and first + count * size == whole
        for part in (count - 1, 1) if last else (count,):
            if part:
                found.append(Run(number, first, part, size))
                number, first = number + part, first + part * size
    return found


class _Emission:
    """Writes one contraction."""

    def __init__(self, kernel: Contraction, build: Builder, pointers: list[str]) -> None:
        self.kernel, self.build = kernel, build
        target, self.data, self.weight, *others = pointers
        start = others.pop(0) if kernel.starts else ""
        evaluator = Evaluator(build, kernel.formula, others)
        self.sums = Sums(kernel, build, evaluator, target, start)
        self.tiles = _tiles(kernel)
        # Numbers of tiles, by axis: those of the parts that are computed.
        self.bounds: dict[str, tuple[Index, Index]] = {}

    def run(self, bounds: tuple[Index, Index]) -> None:
        """Loop over everything, in some parts."""
        kernel, build = self.kernel, self.build
        outer = (*kernel.shape[:-3], kernel.groups)
        if prod(outer) > 1:
            nest_parts(build, outer, kernel.chunks, bounds, self._group)
            return
        if kernel.chunks > 1:
            self.bounds = {_shared_axis(kernel): bounds}
        self._group([0] * len(outer))

    def _group(self, where: list[Index]) -> None:
        """Loop over the tiles of a group."""
        kernel, build = self.kernel, self.build
        strides = (*kernel.data_strides[: len(where) - 1], kernel.group_strides[0])
        offset = build.offset(where, strides, kernel.origin)
        data = build.address(self.data, offset, element_bytes(kernel.dot.data_dtype))
        offset = build.offset(where, (*kernel.weight_strides, kernel.group_strides[1]))
        weight = build.address(self.weight, offset, element_bytes(kernel.dot.weight_dtype))
        if kernel.columns_outside:
            self._blocks(
                where,
                weight,
                lambda block: self._bands(lambda line, down: self._line(block, data, line, down)),
            )
        else:
            self._bands(
                lambda line, down: self._blocks(
                    where, weight, lambda block: self._line(block, data, line, down)
                )
            )

    def _bands(self, body: Callable[[Index, int], None]) -> None:
        """Loop over the lines; the body gets the first of a tile, and how many."""
        for run in self.tiles["lines"]:

            def band(first: Index, size: int = run.size) -> None:
                body(first, size)

            loop_run(self.build, run, self.bounds.get("lines"), band)

    def _blocks(self, where: list[Index], weight: str, body: Callable[[Block], None]) -> None:
        """Loop over the blocks of columns of a group."""
        kernel, build, dot = self.kernel, self.build, self.kernel.dot
        columns = kernel.shape[-1] // kernel.groups
        begin = build.multiply(where[-1], columns)
        size = element_bytes(dot.weight_dtype)
        # Elements of the weights from one vector of columns to the next.
        vector_step = dot.lanes * (1 if kernel.weight_step else dot.group * kernel.steps)

        def block(first: Index, vectors: int, known: int | None) -> Block:
            at = build.address(weight, build.multiply(first, vector_step), size)
            column = build.add(begin, build.multiply(first, dot.lanes))
            full = vectors * dot.lanes
            count = full if known is None else min(full, columns - known * dot.lanes)
            return Block(tuple(where[:-1]), column, at, vectors, count, dot)

        runs = self.tiles["columns"]
        for run in reversed(runs) if kernel.backward else runs:

            def one(first: Index, run: Run = run) -> None:
                body(block(first, run.size, run.first if run.count == 1 else None))

            loop_run(build, run, self.bounds.get("columns"), one, backward=kernel.backward)
        done = columns // dot.lanes * dot.lanes if kernel.weight_step else columns
        lanes = dot.lanes
        while done < columns:
            lanes //= 2
            if columns - done >= lanes:
                at = build.address(weight, done, size)
                column = build.add(begin, done)
                narrow = replace(dot, lanes=lanes)
                body(Block(tuple(where[:-1]), column, at, 1, lanes, narrow))
                done += lanes

    def _line(self, block: Block, data: str, line: Index, down: int) -> None:
        """Loop over the places of some lines."""
        kernel, build = self.kernel, self.build
        size = element_bytes(kernel.dot.data_dtype)
        for run in self.tiles["places"]:

            def tile(place: Index, run: Run = run) -> None:
                offset = build.offset([line, place], kernel.data_strides[-2:])
                start = build.address(data, offset, size)
                self.sums.tile(block, start, (line, place), (down, run.size))

            loop_run(build, run, self.bounds.get("places"), tile)
