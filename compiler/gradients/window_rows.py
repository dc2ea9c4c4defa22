"""Images as rows of places, and windows as a table of rows: what pools over any axes are made of.

An image becomes Tensor[(places, n * c)]. A table int64[windows, taps] says which row each tap of
each window reads; the row after the last one is what lies outside the image.
"""

from collections.abc import Sequence
from math import prod
from typing import cast

import numpy as np
import numpy.typing as npt

from ..ir.nodes import Constant, Expr
from ..ops.operator import Attributes
from ..ops.registry import call
from ..ops.spatial import AXES, image_windows
from .site import indices, number, reshape, transpose

__all__ = [
    "Table",
    "adaptive_table",
    "first_largest",
    "image_of",
    "read",
    "rows_of",
    "spatial_sizes",
    "window_table",
    "written",
]

Table = npt.NDArray[np.int64]


def _order(layout: str) -> str:
    """Return the layout of rows: the axes that windows move along, batch, channels."""
    return f"{AXES[len(layout) - 2]}NC"


def spatial_sizes(layout: str, shape: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes of the axes that windows move along."""
    return tuple(shape[layout.index(letter)] for letter in AXES[len(layout) - 2])


def rows_of(image: Expr, layout: str, shape: Sequence[int]) -> Expr:
    """Return an image as Tensor[(places, n * c)]."""
    places = prod(spatial_sizes(layout, shape))
    moved = transpose(image, [layout.index(letter) for letter in _order(layout)])
    return reshape(moved, (places, shape[layout.index("N")] * shape[layout.index("C")]))


def image_of(rows: Expr, layout: str, shape: Sequence[int]) -> Expr:
    """Return rows as the image of `shape` that they are of."""
    order = _order(layout)
    whole = reshape(rows, tuple(shape[layout.index(letter)] for letter in order))
    return transpose(whole, [order.index(letter) for letter in layout])


def window_table(sizes: tuple[int, ...], window: tuple[int, ...], attrs: Attributes) -> Table:
    """Return the rows that windows read, by strides, dilation, padding and ceil_mode of a call."""
    places = np.arange(prod(sizes), dtype=np.int64).reshape(1, *sizes, 1)
    found = image_windows(places, window, attrs, prod(sizes))
    return cast(Table, found.reshape(-1, prod(window)))


def adaptive_table(sizes: tuple[int, ...], target: tuple[int, ...]) -> Table:
    """Return the rows of windows that share the axes evenly; shorter ones end outside.

    Window i of m over n elements is floor(i * n / m) .. ceil((i + 1) * n / m).
    """
    places = np.arange(prod(sizes), dtype=np.int64).reshape(sizes)
    cuts = [
        places[
            tuple(
                slice(i * n // m, -(-(i + 1) * n // m))
                for i, n, m in zip(place, sizes, target, strict=True)
            )
        ].ravel()
        for place in np.ndindex(*target)
    ]
    table = np.full((len(cuts), max(map(len, cuts))), prod(sizes), np.int64)
    for line, cut in zip(table, cuts, strict=True):
        line[: len(cut)] = cut
    return table


def read(rows: Expr, table: Table, outside: float, dtype: str) -> Expr:
    """Return what windows read, Tensor[(windows, taps, n * c)]; `outside` is beyond the image."""
    padded = call("nn.pad", rows, number(outside, dtype), pad_width=((0, 1), (0, 0)))
    return call("take", padded, indices(table), axis=0)


def written(taps: Expr, table: Table, places: int, columns: int, dtype: str) -> Expr:
    """Return rows with all that taps [windows, taps, columns] give them added up."""
    whole = call("zeros", shape=(places + 1, columns), dtype=dtype)
    flat = reshape(taps, (table.size, columns))
    total = call("scatter_nd", whole, indices(table.reshape(1, -1)), flat, mode="add")
    return call("strided_slice", total, begin=(0,), end=(places,), axes=(0,))


def first_largest(taps: Expr, count: int, dtype: str) -> Expr:
    """Return 1 at the first largest of the taps of each window and 0 elsewhere, as `taps`."""
    best = call("argmax", taps, axis=(1,), keepdims=True)
    numbers = Constant(np.arange(count, dtype=np.int32).reshape(1, count, 1))
    return call("cast", call("equal", best, numbers), dtype=dtype)
