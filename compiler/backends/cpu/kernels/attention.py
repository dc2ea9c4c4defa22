"""The kernel of attention: scores of a block of rows and of some keys at a time, never of all.

``softmax(f(query key)) value``, f any formula of a score. Of few keys all scores of a row stand in
the scratch at once. Of more, a row keeps the largest score so far, the sum of its exponentials and
the mixed values; when a larger score comes, these are scaled down.

Source
------
Milakov and Gimelshein, Online normalizer calculation for softmax, 2018, algorithm 3; Dao et al.,
FlashAttention, 2022, algorithm 1.
"""

from dataclasses import dataclass, replace
from math import prod

from ..builder import Builder, Index, element_bytes
from ..formula import Formula, Node
from ..site import literal
from .contraction import Contraction
from .dot import Dot
from .elementwise import Elementwise
from .parts import Run, count_parts, nest_parts, runs
from .scores import ScoreRows

__all__ = ["Attention"]

# Simple operations that a score costs besides its products.
_COST = 16


@dataclass(frozen=True, slots=True)
class Attention:
    """The values of each row, mixed by the softmax of its scores.

    Attributes
    ----------
    outer : tuple of int
        Axes of independent problems: batch, heads.
    rows, inner, keys, columns : int
        The query is [rows, inner], the key [inner, keys], the value [keys, columns].
    query_strides : tuple of int
        Elements by outer axis, from row to row, and along the inner axis.
    key_strides : tuple of int
        Elements by outer axis. Keys lie in panels of `block[1]` of them, the last one narrower if
        need be, each [inner, keys].
    key_step : int
        Elements along the inner axis of a panel, 0 if they are those of the panel.
    value_strides, target_strides : tuple of int
        Elements by outer axis, and from row to row.
    scores : Formula
        Of a score, by outer axes, row and key.
    formula : Formula
        Of a mixed value, by outer axes, row and column.
    dtype : str
        float32 or float64: of query, key, value and of what is computed in.
    block : (int, int)
        Rows and keys whose scores stand in the scratch at most.
    tiles : pair of (int, int, int)
        Register tiles of the two products, as those of `Contraction`.
    vector_bytes : int
    """

    outer: tuple[int, ...]
    rows: int
    inner: int
    keys: int
    columns: int
    query_strides: tuple[int, ...]
    key_strides: tuple[int, ...]
    key_step: int
    value_strides: tuple[int, ...]
    target_strides: tuple[int, ...]
    scores: Formula
    formula: Formula
    dtype: str
    block: tuple[int, int]
    tiles: tuple[tuple[int, int, int], tuple[int, int, int]]
    vector_bytes: int

    @property
    def lanes(self) -> int:
        """Elements of a vector."""
        return self.vector_bytes // element_bytes(self.dtype)

    @property
    def chunks(self) -> int:
        """How many parts: problems, and blocks of rows in each."""
        work = prod(self.outer) * self.rows * self.keys * (self.inner + self.columns + _COST)
        return count_parts((*self.outer, self.blocks), work)

    @property
    def blocks(self) -> int:
        """Blocks of rows."""
        return sum(run.count for run in runs(self.rows, self.block[0]))

    @property
    def in_place(self) -> tuple[int, ...]:
        """None: query, key and value are read by several parts or in another order."""
        return ()

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the body; `pointers` are target, query, key, value, what the formulas read."""
        emission = _Emission(self, build, pointers)
        nest_parts(build, (*self.outer, self.blocks), self.chunks, (first, last), emission.block)


@dataclass(frozen=True, eq=False, slots=True)
class _Place:
    """A block of rows: how many, and the addresses of what belongs to its first.

    `masks` and `others` are those of what each load of the two formulas reads.
    """

    rows: int
    target: str
    query: str
    key: str
    value: str
    masks: list[str]
    others: list[str]


class _Emission:
    """Writes one kernel."""

    def __init__(self, kernel: Attention, build: Builder, pointers: list[str]) -> None:
        self.kernel, self.build = kernel, build
        self.pointers, others = pointers[:4], pointers[4:]
        count = 1 + max((node.argument for node in _loads(kernel.scores)), default=-1)
        self.masks, self.others = others[:count], others[count:]
        self.size = element_bytes(kernel.dtype)
        most, width = kernel.block
        self.is_whole = width >= kernel.keys
        self.scores = ScoreRows(build, kernel.dtype, kernel.lanes, most, min(width, kernel.keys))
        # Mixed values that are not final yet.
        self.mixed = "" if self.is_whole else build.allocate(most * kernel.columns * self.size)

    def block(self, where: list[Index]) -> None:
        """Compute a block of rows."""
        *outer, number = where
        larger, *smaller = runs(self.kernel.rows, self.kernel.block[0])

        def rows(run: Run) -> None:
            row = self.build.offset([number], [run.size], run.first - run.number * run.size)
            self._rows(self._place([*outer, row], run.size))

        if not smaller:
            rows(larger)
        elif isinstance(number, int):
            rows(larger if number < larger.count else smaller[0])
        else:
            is_larger = self.build.value(f"icmp slt i64 {number}, {larger.count}")
            self.build.branch(is_larger, lambda: rows(larger), lambda: rows(smaller[0]))

    def _place(self, where: list[Index], rows: int) -> _Place:
        """Return the block of `rows` that begins at some outer place and row."""
        kernel, build = self.kernel, self.build
        target, query, key, value = self.pointers

        def at(pointer: str, places: list[Index], strides: tuple[int, ...], size: int) -> str:
            return build.address(pointer, build.offset(places, strides), size)

        def read(formula: Formula, pointers: list[str]) -> list[str]:
            return [
                at(pointers[node.argument], where, node.strides[:-1], element_bytes(node.dtype))
                for node in _loads(formula)
            ]

        return _Place(
            rows,
            at(target, where, kernel.target_strides, element_bytes(kernel.formula[-1].dtype)),
            at(query, where, kernel.query_strides[:-1], self.size),
            at(key, where[:-1], kernel.key_strides, self.size),
            at(value, where[:-1], kernel.value_strides[:-1], self.size),
            read(kernel.scores, self.masks),
            read(kernel.formula, self.others),
        )

    def _rows(self, place: _Place) -> None:
        """Compute a block of rows: all keys at once, or panel by panel."""
        kernel, build, scores = self.kernel, self.build, self.scores
        pitch = kernel.columns
        if self.is_whole:
            self._score(place, 0, kernel.keys)
            scores.exponentials(place.rows, kernel.keys)
            head = (_anchor(kernel.dtype), _load(kernel.dtype, 0, (0, 1, 0)))
            share = (*head, Node("multiply", kernel.dtype, (0, 1)))
            formula = _follow(share, kernel.formula, 1)
            self._mix(place, 0, kernel.keys, formula, place.target, [scores.factors, *place.others])
            return
        scores.begin(place.rows)
        build.loop(0, place.rows * pitch, self._clear)
        whole = kernel.keys - kernel.keys % kernel.block[1]
        build.loop(
            0, whole, lambda key, _: self._panel(place, key, kernel.block[1]), step=kernel.block[1]
        )
        if whole < kernel.keys:
            self._panel(place, whole, kernel.keys - whole)
        scores.invert(place.rows)
        dtype = kernel.dtype
        head = (_load(dtype, 0, (pitch, 1)), _load(dtype, 1, (1, 0)))
        share = (*head, Node("multiply", dtype, (0, 1)))
        ends = (kernel.target_strides[-1], 1)
        shape = place.rows, kernel.columns
        formula = _follow(share, kernel.formula, 2)
        finish = Elementwise(shape, ends, 0, formula, kernel.vector_bytes)
        pointers = [place.target, self.mixed, scores.factors, *place.others]
        finish.emit(build, pointers, 0, finish.chunks)

    def _clear(self, index: Index, _: list[str]) -> None:
        """Begin a mixed value with 0."""
        address = self.build.address(self.mixed, index, self.size)
        self.build.store(self.kernel.dtype, literal(0.0, self.kernel.dtype), address)

    def _panel(self, place: _Place, key: Index, count: int) -> None:
        """Take `count` more keys in, from `key` on."""
        dtype, pitch = self.kernel.dtype, self.kernel.columns
        self._score(place, key, count)
        self.scores.more_exponentials(place.rows, count)
        formula = (
            _anchor(dtype),
            _load(dtype, 0, (0, pitch, 1)),
            _load(dtype, 1, (0, 1, 0)),
            Node("multiply", dtype, (1, 2)),
            Node("add", dtype, (0, 3)),
        )
        self._mix(place, key, count, formula, self.mixed, [self.mixed, self.scores.factors])

    def _score(self, place: _Place, key: Index, count: int) -> None:
        """Write the scores of `count` keys, from `key` on, into the scratch."""
        kernel, build = self.kernel, self.build
        loads = _loads(kernel.scores)
        masks = [
            build.address(pointer, build.multiply(key, node.strides[-1]), element_bytes(node.dtype))
            for pointer, node in zip(place.masks, loads, strict=True)
        ]
        offset = build.multiply(key, 1 if kernel.key_step else kernel.inner)
        panel = build.address(place.key, offset, self.size)
        product = self._product(
            (place.rows, count),
            (self.scores.pitch, 1),
            kernel.query_strides[-2:],
            (kernel.inner, kernel.key_step or count),
            kernel.tiles[0],
            _follow((_anchor(kernel.dtype),), kernel.scores, 0),
        )
        self.scores.pad(place.rows, count)
        product.emit(build, [self.scores.address, place.query, panel, *masks], 0, product.chunks)

    def _mix(
        self,
        place: _Place,
        key: Index,
        count: int,
        formula: Formula,
        target: str,
        others: list[str],
    ) -> None:
        """Multiply exponentials by the values of `count` keys, from `key` on."""
        kernel, build = self.kernel, self.build
        step = kernel.value_strides[-1]
        value = build.address(place.value, build.multiply(key, step), self.size)
        pitch = kernel.columns if target == self.mixed else kernel.target_strides[-1]
        product = self._product(
            (place.rows, kernel.columns),
            (pitch, 1),
            (self.scores.pitch, 1),
            (count, step),
            kernel.tiles[1],
            formula,
        )
        product.emit(build, [target, self.scores.address, value, *others], 0, product.chunks)

    def _product(
        self,
        shape: tuple[int, int],
        target: tuple[int, int],
        data: tuple[int, ...],
        reduction: tuple[int, int],
        tile: tuple[int, int, int],
        formula: Formula,
    ) -> Contraction:
        """Return a product of matrices whose `reduction` is (extent, elements of the right one)."""
        kernel = self.kernel
        inner, step = reduction
        dot = Dot(kernel.dtype, kernel.dtype, kernel.dtype, "", 1, kernel.lanes)
        return Contraction(
            (1, *shape),
            (0, *target),
            (0, data[0]),
            (),
            1,
            (0, 0),
            0,
            ((inner, data[1]),),
            tile,
            step,
            False,
            False,
            dot,
            formula,
            kernel.vector_bytes,
        )


def _loads(formula: Formula) -> list[Node]:
    """Return the nodes that read tensors."""
    return [node for node in formula if node.operation == "load"]


def _anchor(dtype: str) -> Node:
    return Node("anchor", dtype)


def _load(dtype: str, argument: int, strides: tuple[int, ...]) -> Node:
    return Node("load", dtype, (), argument, strides)


def _follow(head: Formula, formula: Formula, taken: int) -> Formula:
    """Return `formula` of the last node of `head` instead of its anchor, within a block.

    ``load(argument, (*outer, row, column))  ->  load(taken + its number among the loads, (*0, row,
    column))``, with as many zeros before as the loads of `head` have, or an anchor wants.
    """
    known: list[int] = []
    made = list(head)
    rank = max((len(node.strides) for node in head), default=0) or 3
    count = taken
    for node in formula:
        if node.operation == "anchor":
            known.append(len(head) - 1)
            continue
        new = replace(node, operands=tuple(known[operand] for operand in node.operands))
        if node.operation == "load":
            new = replace(new, argument=count, strides=(0,) * (rank - 2) + node.strides[-2:])
            count += 1
        known.append(len(made))
        made.append(new)
    return tuple(made)
