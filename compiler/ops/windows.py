"""Sliding windows over images, and exact sums of products: what convolution and pooling share.

Images are channels-last here; the operators transpose other layouts on the way in and out.
"""

from typing import cast

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..ir.types import Dim
from .operator import Array, Attributes, Mismatch
from .shapes import require_padding, window_count

__all__ = [
    "ceil_padding",
    "from_channels_last",
    "image_axes",
    "ints",
    "permutation",
    "sliding_windows",
    "to_channels_last",
    "window_extents",
]


def ints(attrs: Attributes, name: str) -> tuple[int, ...]:
    """Return the attribute `name`, a tuple of ints."""
    return cast(tuple[int, ...], attrs[name])


def image_axes(layout: str) -> tuple[int, int, int, int]:
    """Return where batch, row, column and channel stand in `layout`.

    Raises
    ------
    Mismatch
        `layout` is not a permutation of N, H, W, C.
    """
    if sorted(layout) != sorted("NHWC"):
        raise Mismatch(f'layout must order N, C, H and W, not be "{layout}"', 'use "NHWC"')
    n, h, w, c = (layout.index(letter) for letter in "NHWC")
    return n, h, w, c


def permutation(source: str, target: str) -> tuple[int, ...]:
    """Return the axes for ``numpy.transpose`` that turn layout `source` into `target`."""
    return tuple(source.index(letter) for letter in target)


def to_channels_last(x: Array, layout: str) -> Array:
    """Return an image tensor of `layout` as [n, h, w, c]."""
    return np.transpose(x, permutation(layout, "NHWC"))


def from_channels_last(x: Array, layout: str) -> Array:
    """Return an image tensor [n, h, w, c] in `layout`."""
    return np.ascontiguousarray(np.transpose(x, permutation("NHWC", layout)))


def window_extents(
    size: tuple[Dim, Dim], window: tuple[int, ...], attrs: Attributes
) -> tuple[Dim, Dim]:
    """Return how many windows fit down and across, from strides, dilation and padding."""
    strides, dilation = ints(attrs, "strides"), ints(attrs, "dilation")
    top, left, bottom, right = ints(attrs, "padding")
    require_padding((top, left, bottom, right))
    round_up = bool(attrs.get("ceil_mode", False))
    rows = window_count(size[0], window[0], strides[0], dilation[0], top + bottom, round_up)
    columns = window_count(size[1], window[1], strides[1], dilation[1], left + right, round_up)
    return rows, columns


def ceil_padding(
    size: tuple[int, int], window: tuple[int, ...], attrs: Attributes
) -> tuple[int, int, int, int]:
    """Return the padding, grown at bottom and right so that every window lies inside."""
    top, left, bottom, right = ints(attrs, "padding")
    strides, dilation = ints(attrs, "strides"), ints(attrs, "dilation")
    rows, columns = cast(tuple[int, int], window_extents(size, window, attrs))
    down = (rows - 1) * strides[0] + (window[0] - 1) * dilation[0] + 1 - size[0] - top
    across = (columns - 1) * strides[1] + (window[1] - 1) * dilation[1] + 1 - size[1] - left
    return top, left, max(bottom, down), max(right, across)


def sliding_windows(
    x: Array,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[int, ...],
    fill: object,
) -> Array:
    """Return every window of an image, as a view where that is possible.

    Parameters
    ----------
    x : [n, h, w, c]
    window, strides, dilation : two ints
    padding : top, left, bottom, right
    fill : scalar
        Value of the padding.

    Returns
    -------
    [n, rows, columns, window[0], window[1], c]
    """
    top, left, bottom, right = padding
    if any(padding):
        around = ((0, 0), (top, bottom), (left, right), (0, 0))
        x = np.pad(x, around, constant_values=np.asarray(fill, x.dtype))
    x = np.ascontiguousarray(x)
    batch, height, width, channels = x.shape
    rows = (height - (window[0] - 1) * dilation[0] - 1) // strides[0] + 1
    columns = (width - (window[1] - 1) * dilation[1] - 1) // strides[1] + 1
    step_n, step_h, step_w, step_c = x.strides
    return as_strided(
        x,
        (batch, rows, columns, window[0], window[1], channels),
        (
            step_n,
            step_h * strides[0],
            step_w * strides[1],
            step_h * dilation[0],
            step_w * dilation[1],
            step_c,
        ),
        writeable=False,
    )
