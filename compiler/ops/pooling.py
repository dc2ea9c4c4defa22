"""Pooling over windows of an image: nn.max_pool2d, nn.avg_pool2d and their global forms."""

from typing import cast

import numpy as np

from ..ir.types import Dim, TensorType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import require_rank
from .windows import (
    ceil_padding,
    from_channels_last,
    image_axes,
    ints,
    permutation,
    sliding_windows,
    to_channels_last,
    window_extents,
)

__all__ = ["AVG_POOL2D_ATTRIBUTES", "ROWS", "lowest", "pool_type", "window_sums"]

MAX_POOL2D_ATTRIBUTES = {
    "pool_size": Attribute("pair", required=True),
    "strides": Attribute("pair", (1, 1)),
    "dilation": Attribute("pair", (1, 1)),
    "padding": Attribute("padding", (0, 0, 0, 0)),
    "layout": Attribute("str", "NCHW"),
    "out_layout": Attribute("str", ""),
    "ceil_mode": Attribute("bool", False),
}

AVG_POOL2D_ATTRIBUTES = {**MAX_POOL2D_ATTRIBUTES, "count_include_pad": Attribute("bool", False)}

GLOBAL_POOL2D_ATTRIBUTES = {
    "layout": Attribute("str", "NCHW"),
    "out_layout": Attribute("str", ""),
}


def pool_type(attrs: Attributes, data: TensorType) -> TensorType:
    """Return the type of a pooled image.

    Raises
    ------
    Mismatch
        No image, a window that does not fit, or padding that hides a whole window.
    """
    layout = str(attrs["layout"])
    n, h, w, c = image_axes(layout)
    _require_same_layout(attrs)
    require_rank("data", data, 4)
    window = ints(attrs, "pool_size")
    top, left, bottom, right = ints(attrs, "padding")
    if max(top, bottom) >= window[0] or max(left, right) >= window[1]:
        raise Mismatch(
            f"padding {(top, left, bottom, right)} must be smaller than pool_size {window}",
            "a window must cover at least one element of data",
        )
    shape: list[Dim] = list(data.shape)
    shape[h], shape[w] = window_extents((data.shape[h], data.shape[w]), window, attrs)
    return TensorType(tuple(shape), data.dtype)


def _require_same_layout(attrs: Attributes) -> None:
    """Raise Mismatch if the result shall have another layout than the data."""
    if attrs["out_layout"] not in ("", attrs["layout"]):
        raise Mismatch(
            f'out_layout must be as layout "{attrs["layout"]}", not "{attrs["out_layout"]}"',
            "transpose the result instead",
        )


def _global_pool_type(attrs: Attributes, data: TensorType) -> Type:
    _, h, w, _ = image_axes(str(attrs["layout"]))
    _require_same_layout(attrs)
    require_rank("data", data, 4)
    if 0 in (data.shape[h], data.shape[w]):
        raise Mismatch(f"data must not be empty, but is {data}", "check it")
    shape = tuple(1 if axis in (h, w) else size for axis, size in enumerate(data.shape))
    return TensorType(shape, data.dtype)


def lowest(dtype: np.dtype[np.generic]) -> object:
    """Return the smallest value of `dtype`, minus infinity for floating point."""
    if dtype.kind == "f":
        return -np.inf
    return False if dtype.kind == "b" else np.iinfo(dtype.name).min


def _windows(attrs: Attributes, data: Array, fill: object) -> Array:
    """Return the windows [n, rows, columns, pool_size[0], pool_size[1], c] of an image."""
    image = to_channels_last(data, str(attrs["layout"]))
    window = ints(attrs, "pool_size")
    padding = ceil_padding((image.shape[1], image.shape[2]), window, attrs)
    return sliding_windows(
        image, window, ints(attrs, "strides"), ints(attrs, "dilation"), padding, fill
    )


def window_sums(attrs: Attributes, data: Array) -> tuple[Array, Array]:
    """Return the sum over each window and how many elements it counts.

    Returns
    -------
    sums : int64 or float64, image in the layout of `data`
    counts : int64, in the same layout, sizes 1 for batch and channels. Padding counts only if
        ``count_include_pad``; what ceil_mode adds beyond it never does.
    """
    layout = str(attrs["layout"])
    wide = np.float64 if data.dtype.kind == "f" else np.int64
    sums = _windows(attrs, data.astype(wide), 0).sum(axis=(3, 4))
    sizes = dict(zip(layout, data.shape, strict=True))
    ones = np.ones((1, sizes["H"], sizes["W"], 1), np.int64)
    if attrs["count_include_pad"]:
        top, left, bottom, right = ints(attrs, "padding")
        ones = np.pad(ones, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=1)
        attrs = {**attrs, "padding": (0, 0, 0, 0)}
    counted = np.transpose(ones, permutation("NHWC", layout))
    counts = _windows(attrs, counted, 0).sum(axis=(3, 4))
    return from_channels_last(sums, layout), from_channels_last(counts, layout)


def _max_pool2d(attrs: Attributes, data: Array) -> Array:
    largest = _windows(attrs, data, lowest(data.dtype)).max(axis=(3, 4))
    return from_channels_last(largest, str(attrs["layout"]))


def _avg_pool2d(attrs: Attributes, data: Array) -> Array:
    sums, counts = window_sums(attrs, data)
    if data.dtype.kind == "f":
        return np.asarray(sums / counts).astype(data.dtype)
    return np.asarray(np.sign(sums) * (np.abs(sums) // counts)).astype(data.dtype)


def _global_axes(attrs: Attributes) -> tuple[int, int]:
    """Return the axes of rows and columns."""
    _, h, w, _ = image_axes(str(attrs["layout"]))
    return h, w


def _global_max_pool2d(attrs: Attributes, data: Array) -> Array:
    return cast(Array, data.max(axis=_global_axes(attrs), keepdims=True))


def _global_avg_pool2d(attrs: Attributes, data: Array) -> Array:
    _, h, w, _ = image_axes(str(attrs["layout"]))
    whole = {
        "pool_size": (data.shape[h], data.shape[w]),
        "strides": (1, 1),
        "dilation": (1, 1),
        "padding": (0, 0, 0, 0),
        "count_include_pad": False,
        **attrs,
    }
    return _avg_pool2d(whole, data)


_DATA = ("data",)

ROWS = (
    Operator(
        "nn.max_pool2d",
        _DATA,
        from_tensors(pool_type),
        _max_pool2d,
        Kind.ANCHOR,
        MAX_POOL2D_ATTRIBUTES,
    ),
    Operator(
        "nn.avg_pool2d",
        _DATA,
        from_tensors(pool_type),
        _avg_pool2d,
        Kind.ANCHOR,
        AVG_POOL2D_ATTRIBUTES,
    ),
    Operator(
        "nn.global_max_pool2d",
        _DATA,
        from_tensors(_global_pool_type),
        _global_max_pool2d,
        Kind.ANCHOR,
        GLOBAL_POOL2D_ATTRIBUTES,
    ),
    Operator(
        "nn.global_avg_pool2d",
        _DATA,
        from_tensors(_global_pool_type),
        _global_avg_pool2d,
        Kind.ANCHOR,
        GLOBAL_POOL2D_ATTRIBUTES,
    ),
)
