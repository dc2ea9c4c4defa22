"""The matrix instruction: a loop nest of vector times tile, as few matrix products.

Almost every nest is a convolution or a product of matrices: each level of the reduction leaves the
acc address alone, each other level moves it to places that no other iteration uses. Its levels then
fall into four groups, and the nest is a batch of matrix products. Any other nest takes the general
way, which finds for each acc word the last iteration that overwrites it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isa.instructions import MATRIX_LEVELS

from .nest import Addresses, addresses, are_distinct, bounds, places, steps
from .scratchpads import Int8, Int32, Scratchpads, require
from .transfer import Bus

__all__ = ["Matrix", "matrix"]

# |int8 * int8| <= 2**14 and float32 holds every integer up to 2**24: sums of 1024 products are
# exact in float32, in whatever order they are added.
_EXACT_PRODUCTS = 1024
# Larger products are given to several threads by OpenBLAS, which for these sizes costs more than it
# gains as soon as anything else runs. (OpenBLAS, interface/gemm.c: SMP_THRESHOLD_MIN.)
_BLAS_PRODUCTS = 1 << 19
# Matrix products of an instruction whose views are kept.
_KEPT_PRODUCTS = 16
# Products that the general way holds at once.
_CHUNK_ITERATIONS = 1 << 14


class _Level(NamedTuple):
    iterations: int
    acc: int
    act: int
    weight: int
    reduces: bool


_PLACES = {name: place for place, name in enumerate(_Level._fields)}


@dataclass(frozen=True)
class _Nest:
    """The levels of an instruction that have more than one iteration, the outermost first."""

    levels: tuple[_Level, ...]
    acc: int
    act: int
    weight: int
    accumulate: bool

    def over(self, levels: tuple[_Level, ...], operand: str, base: int = 0) -> Addresses:
        """Return the addresses of `operand` over some levels, flattened."""
        return addresses(base, *_nest_of(levels, operand)).reshape(-1)


def matrix(fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
    """Execute a matrix instruction once: see `Matrix` and its `execute`."""
    Matrix(fields, scratchpads).execute()


class Matrix:
    """A matrix instruction of a machine, to be executed any number of times.

    Parameters
    ----------
    fields : of the instruction
    scratchpads : Scratchpads

    Raises
    ------
    SimulationError
        An address outside acc, act or weight is used.
    """

    def __init__(self, fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
        nest = _nest(fields)
        _require(nest, scratchpads)
        self._nest, self._scratchpads = nest, scratchpads
        kept = tuple(level for level in nest.levels if level.acc)
        summed = tuple(level for level in nest.levels if not level.acc)
        regular = nest.accumulate or (
            all(level.reduces for level in summed) and not any(level.reduces for level in kept)
        )
        self._regular = regular and are_distinct(*_nest_of(kept, "acc"))
        self._batch = tuple(level for level in kept if level.act and level.weight)
        self._channels = tuple(level for level in kept if level.weight and not level.act)
        self._pixels = tuple(level for level in kept if not level.weight)
        # The order of a sum is free: what lies together in act is best copied together.
        self._summed = tuple(sorted(summed, key=lambda level: -abs(level.act)))
        few = prod(level.iterations for level in self._batch) <= _KEPT_PRODUCTS
        self._products = list(self._views()) if self._regular and few else None

    def execute(self, _bus: Bus | None = None) -> None:
        """Execute the instruction."""
        if not self._regular:
            _general(self._nest, self._scratchpads)
            return
        pixels, channels = len(self._pixels), len(self._channels) + 1
        for vectors, weights, target in self._products or self._views():
            sums = _multiply(vectors, weights, pixels, channels).reshape(target.shape)
            if self._nest.accumulate:
                target += sums
            else:
                target[...] = sums

    def _views(self) -> Iterator[tuple[Int8, Int8, Int32]]:
        """Yield of each product its vectors, tiles and sums.

        Yields
        ------
        int8[*pixels, *reduction, rows], int8[*channels, columns, *reduction, rows],
        int32[*pixels, *channels, columns]
        """
        nest, pads, batch = self._nest, self._scratchpads, self._batch
        for act, weight, acc in zip(
            nest.over(batch, "act", nest.act).tolist(),
            nest.over(batch, "weight", nest.weight).tolist(),
            nest.over(batch, "acc", nest.acc).tolist(),
            strict=True,
        ):
            vectors = _view(pads.act_rows, act, (*self._pixels, *self._summed), "act")
            tiles = _view(pads.tiles, weight, (*self._channels, *self._summed), "weight")
            target = _view(pads.acc, acc, (*self._pixels, *self._channels), "acc")
            yield vectors, np.moveaxis(tiles, -2, len(self._channels)), target


def _nest(fields: Mapping[str, int]) -> _Nest:
    columns = [steps(fields, name, MATRIX_LEVELS) for name in ("count", "acc", "act", "weight")]
    reduce = fields["reduce"]
    levels = tuple(
        _Level(count, acc, act, weight, bool(reduce >> number & 1))
        for number, (count, acc, act, weight) in enumerate(zip(*columns, strict=True))
        if count > 1
    )
    return _Nest(levels, fields["acc"], fields["act"], fields["weight"], bool(fields["accumulate"]))


def _require(nest: _Nest, scratchpads: Scratchpads) -> None:
    for name, base, memory, unit in (
        ("acc", nest.acc, scratchpads.acc, "words"),
        ("act", nest.act, scratchpads.act_rows, "vectors of rows bytes"),
        ("weight", nest.weight, scratchpads.tiles, "tiles"),
    ):
        low, high = bounds(base, *_nest_of(nest.levels, name))
        require(name, low, high, len(memory), unit)


def _nest_of(levels: tuple[_Level, ...], operand: str) -> tuple[list[int], list[int]]:
    """Return the iterations of some levels, and how far each moves `operand`."""
    place = _PLACES[operand]
    return [level[0] for level in levels], [level[place] for level in levels]


def _view(memory: Any, base: int, levels: tuple[_Level, ...], operand: str) -> Any:
    """Return a view of what the iterations over `levels` address."""
    return places(memory, base, *_nest_of(levels, operand))


def _multiply(act: Int8, weight: Int8, pixel_axes: int, channel_axes: int) -> Int32:
    """Return the sums of products over the last axes, which are the same of both.

    Parameters
    ----------
    act : int8[*pixels, *reduction]
    weight : int8[*channels, *reduction]

    Returns
    -------
    int32[pixels, channels], modulo 2**32
    """
    left = act.astype(np.float32, order="C").reshape(prod(act.shape[:pixel_axes]), -1)
    right = weight.astype(np.float32, order="C").reshape(prod(weight.shape[:channel_axes]), -1).T
    total: Int32 = np.empty((len(left), right.shape[1]), np.int32)
    for start in range(0, len(right), _EXACT_PRODUCTS):
        part = right[start : start + _EXACT_PRODUCTS]
        height = max(1, _BLAS_PRODUCTS // part.size)
        for top in range(0, len(left), height):
            rows = slice(top, top + height)
            sums = left[rows, start : start + _EXACT_PRODUCTS] @ part
            if start:
                total[rows] += sums.astype(np.int32)
            else:
                total[rows] = sums
    return total


def _general(nest: _Nest, scratchpads: Scratchpads) -> None:
    """Execute any nest: keep of each acc word what follows its last overwriting iteration."""
    start = np.full(len(scratchpads.acc), -1, np.int64)
    if not nest.accumulate:
        for order, index in _chunks(nest):
            overwrites = np.ones(order.shape, np.bool_)
            for level, position in zip(nest.levels, index, strict=True):
                overwrites &= (position == 0) | (not level.reduces)
            places = _place(nest, index, "acc")
            np.maximum.at(start, places[overwrites], order[overwrites])
    scratchpads.acc[start >= 0] = 0
    for order, index in _chunks(nest):
        places = _place(nest, index, "acc")
        live = order >= start[places]
        act = scratchpads.act_rows[_place(nest, index, "act")[live]]
        tiles = scratchpads.tiles[_place(nest, index, "weight")[live]]
        products = np.einsum("ir,icr->ic", act, tiles, dtype=np.int32, casting="unsafe")
        np.add.at(scratchpads.acc, places[live], products)


def _chunks(nest: _Nest) -> Iterator[tuple[Addresses, tuple[npt.NDArray[np.intp], ...]]]:
    """Yield the iterations in order, a few at a time: their numbers and index of each level."""
    counts = tuple(level.iterations for level in nest.levels)
    total = int(np.prod(counts, dtype=np.int64))
    for start in range(0, total, _CHUNK_ITERATIONS):
        order = np.arange(start, min(start + _CHUNK_ITERATIONS, total), dtype=np.int64)
        yield order, np.unravel_index(order, counts) if counts else ()


def _place(nest: _Nest, index: tuple[npt.NDArray[np.intp], ...], operand: str) -> Addresses:
    base = np.int64(getattr(nest, operand))
    size = index[0].shape if index else (1,)
    place: Addresses = np.full(size, base)
    for level, position in zip(nest.levels, index, strict=True):
        place += position * getattr(level, operand)
    return place
