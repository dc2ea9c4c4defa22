"""The kernel of convolutions and matrix products: a register tile of sums of products.

Places of the result (pixels) are rows of the tile, its last axis (output channels) columns. The
sums stay in registers until the formula has made results of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod

from ..builder import Builder, Index, element_bytes
from ..formula import Formula
from .dot import Dot
from .evaluator import Evaluator
from .parts import clamp, count_parts, nest_parts
from .sums import Block, Sums
from .tile import column_blocks, split_evenly

__all__ = ["Contraction"]

# Parts of the innermost axes, for threads.
_MOST_PARTS = 32


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
        """How many parts: places along the first axes, or else lines or blocks of columns."""
        work = prod(self.shape) * self.steps * self.dot.group
        outer = (*self.shape[:-3], self.groups)
        if prod(outer) > 1:
            return count_parts(outer, work)
        units = sum(run.count for run in _units(self))
        return count_parts((-(-units // _per_part(units)),), work)

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the body; `pointers` are target, data, weights and what the formula reads."""
        _Emission(self, build, pointers).run((first, last))


@dataclass(frozen=True, slots=True)
class _Run:
    """Tiles of one size along an axis.

    Attributes
    ----------
    number : int
        Of the first among all tiles.
    first : int
        Where it begins.
    count, size : int
    """

    number: int
    first: int
    count: int
    size: int


def _runs(extent: int, largest: int) -> Iterator[_Run]:
    """Yield the tiles along an axis."""
    number = first = 0
    for count, size in split_evenly(extent, largest):
        yield _Run(number, first, count, size)
        number, first = number + count, first + count * size


def _units(kernel: Contraction) -> list[_Run]:
    """Return the tiles along the axis of the outermost loop over tiles."""
    if kernel.columns_outside:
        return _block_runs(kernel)
    return list(_runs(kernel.shape[-3], kernel.tile[0]))


def _block_runs(kernel: Contraction) -> list[_Run]:
    """Return blocks of columns, in vectors; one that is not whole stands alone."""
    columns, lanes = kernel.shape[-1] // kernel.groups, kernel.dot.lanes
    whole = columns // lanes if kernel.weight_step else -(-columns // lanes)
    ragged = not kernel.weight_step and columns % lanes > 0
    found: list[_Run] = []
    number = 0
    for first, count, size in column_blocks(whole, kernel.tile[2]):
        last = ragged and first + count * size == whole
        for part in (count - 1, 1) if last else (count,):
            if part:
                found.append(_Run(number, first, part, size))
                number, first = number + part, first + part * size
    return found


def _per_part(units: int) -> int:
    """Return how many tiles of the outermost loop make a part."""
    return -(-units // _MOST_PARTS)


class _Emission:
    """Writes one contraction."""

    def __init__(self, kernel: Contraction, build: Builder, pointers: list[str]) -> None:
        self.kernel, self.build = kernel, build
        target, self.data, self.weight, *others = pointers
        start = others.pop(0) if kernel.starts else ""
        evaluator = Evaluator(build, kernel.formula, others)
        self.sums = Sums(kernel, build, evaluator, target, start)

    def run(self, bounds: tuple[Index, Index]) -> None:
        """Loop over everything, in some parts."""
        kernel, build = self.kernel, self.build
        outer = (*kernel.shape[:-3], kernel.groups)
        if prod(outer) > 1:
            nest_parts(build, outer, kernel.chunks, bounds, lambda where: self._group(where, None))
            return
        zeros: list[Index] = [0] * len(outer)
        units = sum(run.count for run in _units(kernel))
        if kernel.chunks == 1:
            self._group(zeros, None)
            return
        part = _per_part(units)
        self._group(zeros, (build.multiply(bounds[0], part), build.multiply(bounds[1], part)))

    def _group(self, where: list[Index], bounds: tuple[Index, Index] | None) -> None:
        """Loop over the tiles of a group; `bounds` are numbers of tiles of the outer loop."""
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
                bounds,
                lambda block: self._bands(
                    None, lambda line, down: self._line(block, data, line, down)
                ),
            )
        else:
            self._bands(
                bounds,
                lambda line, down: self._blocks(
                    where, weight, None, lambda block: self._line(block, data, line, down)
                ),
            )

    def _bands(
        self, bounds: tuple[Index, Index] | None, body: Callable[[Index, int], None]
    ) -> None:
        """Loop over the lines; the body gets the first of a tile, and how many."""
        for run in _runs(self.kernel.shape[-3], self.kernel.tile[0]):

            def band(first: Index, size: int = run.size) -> None:
                body(first, size)

            self._loop(run, bounds, band)

    def _blocks(
        self,
        where: list[Index],
        weight: str,
        bounds: tuple[Index, Index] | None,
        body: Callable[[Block], None],
    ) -> None:
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

        runs = _block_runs(kernel)
        for run in reversed(runs) if kernel.backward else runs:

            def one(first: Index, run: _Run = run) -> None:
                body(block(first, run.size, run.first if run.count == 1 else None))

            self._loop(run, bounds, one, kernel.backward)
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
        for run in _runs(kernel.shape[-2], kernel.tile[1]):

            def tile(place: Index, run: _Run = run) -> None:
                offset = build.offset([line, place], kernel.data_strides[-2:])
                start = build.address(data, offset, size)
                self.sums.tile(block, start, (line, place), (down, run.size))

            self._loop(run, None, tile)

    def _loop(
        self,
        run: _Run,
        bounds: tuple[Index, Index] | None,
        body: Callable[[Index], None],
        backward: bool = False,
    ) -> None:
        """Run `body` where each tile begins, of those whose numbers lie between the bounds.

        If `backward`, the numbers count from the last tile.
        """
        build = self.build
        first: Index = run.number
        last: Index = run.number + run.count
        if bounds is not None:
            first, last = (
                clamp(build, limit, run.number, run.number + run.count) for limit in bounds
            )

        def one(number: Index, _: list[str]) -> None:
            step = -run.size if backward else run.size
            start = run.first + (run.count - 1) * run.size if backward else run.first
            body(build.offset([number], [step], start - run.number * step))

        build.loop(first, last, one)
