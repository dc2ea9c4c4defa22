"""The matrix instruction: a loop nest of vector times tile, as few matrix products.

Almost every nest is a convolution or a product of matrices: each level of the reduction leaves the
acc address alone, each other level moves it to places that no other iteration uses. Its levels then
fall into four groups, and the nest is a batch of matrix products. Any other nest takes the general
way, which finds for each acc word the last iteration that overwrites it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isa.instructions import MATRIX_LEVELS

from .nest import Addresses, addresses, bounds, steps
from .scratchpads import Int32, Scratchpads, require

__all__ = ["matrix"]

# |int8 * int8| <= 2**14 and float32 holds every integer up to 2**24: sums of 1024 products are
# exact in float32, in whatever order they are added.
_EXACT_PRODUCTS = 1024
# Larger products are given to several threads by OpenBLAS, which for these sizes costs more than it
# gains as soon as anything else runs. (OpenBLAS, interface/gemm.c: SMP_THRESHOLD_MIN.)
_BLAS_PRODUCTS = 1 << 19
# Products that the general way holds at once.
_CHUNK_ITERATIONS = 1 << 14


@dataclass(frozen=True)
class _Level:
    count: int
    acc: int
    act: int
    weight: int
    reduces: bool


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
        strides = [getattr(level, operand) for level in levels]
        return addresses(base, [level.count for level in levels], strides).reshape(-1)


def matrix(fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
    """Execute a matrix instruction.

    Raises
    ------
    SimulationError
        An address outside acc, act or weight is used.
    """
    nest = _nest(fields)
    _require(fields, scratchpads)
    kept = tuple(level for level in nest.levels if level.acc)
    summed = tuple(level for level in nest.levels if not level.acc)
    regular = nest.accumulate or (
        all(level.reduces for level in summed) and not any(level.reduces for level in kept)
    )
    if regular and _distinct(nest.over(kept, "acc")):
        _products(nest, kept, summed, scratchpads)
    else:
        _general(nest, scratchpads)


def _nest(fields: Mapping[str, int]) -> _Nest:
    columns = [steps(fields, name, MATRIX_LEVELS) for name in ("count", "acc", "act", "weight")]
    reduces = [bool(fields["reduce"] >> level & 1) for level in range(MATRIX_LEVELS)]
    levels = tuple(_Level(*row) for row in zip(*columns, reduces, strict=True) if row[0] > 1)
    return _Nest(levels, fields["acc"], fields["act"], fields["weight"], bool(fields["accumulate"]))


def _require(fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
    counts = steps(fields, "count", MATRIX_LEVELS)
    for name, memory, unit in (
        ("acc", scratchpads.acc, "words"),
        ("act", scratchpads.act_rows, "vectors of rows bytes"),
        ("weight", scratchpads.tiles, "tiles"),
    ):
        low, high = bounds(fields[name], counts, steps(fields, name, MATRIX_LEVELS))
        require(name, low, high, len(memory), unit)


def _distinct(values: Addresses) -> bool:
    return np.unique(values).size == values.size


def _products(
    nest: _Nest,
    kept: tuple[_Level, ...],
    summed: tuple[_Level, ...],
    scratchpads: Scratchpads,
) -> None:
    """Execute a nest whose acc addresses are distinct over `kept` and fixed over `summed`."""
    batch = tuple(level for level in kept if level.act and level.weight)
    channels = tuple(level for level in kept if level.weight and not level.act)
    pixels = tuple(level for level in kept if not level.weight)
    act = nest.over(pixels, "act")[:, None] + nest.over(summed, "act")
    weight = nest.over(channels, "weight")[:, None] + nest.over(summed, "weight")
    acc = nest.over(pixels, "acc")[:, None] + nest.over(channels, "acc")
    places = zip(
        nest.over(batch, "act", nest.act),
        nest.over(batch, "weight", nest.weight),
        nest.over(batch, "acc", nest.acc),
        strict=True,
    )
    for act_base, weight_base, acc_base in places:
        sums = _multiply(scratchpads, act_base + act, weight_base + weight)
        if nest.accumulate:
            sums += scratchpads.acc[acc_base + acc]
        scratchpads.acc[acc_base + acc] = sums


def _multiply(scratchpads: Scratchpads, act: Addresses, weight: Addresses) -> Int32:
    """Return the sums of vector times tile.

    Parameters
    ----------
    act : int64[pixels, reduction]
    weight : int64[channels, reduction]

    Returns
    -------
    int32[pixels, channels, columns], modulo 2**32
    """
    _, columns, rows = scratchpads.tiles.shape
    total: Int32 = np.zeros((len(act), len(weight) * columns), np.int32)
    depth = max(1, _EXACT_PRODUCTS // rows)
    for start in range(0, act.shape[1], depth):
        tiles = scratchpads.tiles[weight[:, start : start + depth]]
        right = tiles.transpose(1, 3, 0, 2).reshape(-1, total.shape[1]).astype(np.float32)
        height = max(1, _BLAS_PRODUCTS // right.size)
        for top in range(0, len(act), height):
            vectors = scratchpads.act_rows[act[top : top + height, start : start + depth]]
            left = vectors.reshape(len(vectors), -1).astype(np.float32)
            total[top : top + height] += (left @ right).astype(np.int32)
    return total.reshape(len(act), len(weight), columns)


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
    counts = tuple(level.count for level in nest.levels)
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
