"""Blocks of pixels moved into channels or the batch and back, mirrored edges, spread elements."""

from typing import cast

import numpy as np

from ..ir.types import Dim, TensorType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import axis_in, require_rank
from .spatial import (
    check_layout,
    from_channels_last,
    sizes_of,
    to_channels_last,
    with_sizes,
)
from .windows import ints

__all__ = ["ROWS"]


def _block(attrs: Attributes) -> int:
    """Return the block size."""
    block = cast(int, attrs["block_size"])
    if block < 1:
        raise Mismatch(f"block_size must be >= 1, not {block}", "correct it")
    return block


def _divide(size: Dim, parts: int, what: str) -> Dim:
    """Return size // parts; Mismatch, naming `what`, if it does not divide."""
    if isinstance(size, int) and size % parts:
        raise Mismatch(f"{what} must be a multiple of {parts}, not {size}", "pad it first")
    return size // parts


def _depth_to_space_type(attrs: Attributes, data: TensorType) -> Type:
    block, layout = _block(attrs), str(attrs["layout"])
    check_layout("layout", layout, "NCHW")
    height, width, channels = sizes_of(data, layout, "HWC")
    sizes = height * block, width * block, _divide(channels, block * block, "axis C of data")
    return TensorType(with_sizes(data, layout, "HWC", sizes), data.dtype)


def _depth_to_space(attrs: Attributes, data: Array) -> Array:
    block, layout = _block(attrs), str(attrs["layout"])
    image = to_channels_last(data, layout, "HW")
    n, h, w, c = image.shape
    if attrs["mode"] == "DCR":
        split = image.reshape(n, h, w, block, block, c // block**2).transpose(0, 1, 3, 2, 4, 5)
    else:
        split = image.reshape(n, h, w, c // block**2, block, block).transpose(0, 1, 4, 2, 5, 3)
    joined = split.reshape(n, h * block, w * block, c // block**2)
    return from_channels_last(joined, layout, "HW")


def _space_to_depth_type(attrs: Attributes, data: TensorType) -> Type:
    block, layout = _block(attrs), str(attrs["layout"])
    check_layout("layout", layout, "NCHW")
    height, width, channels = sizes_of(data, layout, "HWC")
    sizes = (
        _divide(height, block, "axis H of data"),
        _divide(width, block, "axis W of data"),
        channels * block * block,
    )
    return TensorType(with_sizes(data, layout, "HWC", sizes), data.dtype)


def _space_to_depth(attrs: Attributes, data: Array) -> Array:
    block, layout = _block(attrs), str(attrs["layout"])
    image = to_channels_last(data, layout, "HW")
    n, h, w, c = image.shape
    rows, columns = h // block, w // block
    split = image.reshape(n, rows, block, columns, block, c)
    joined = split.transpose(0, 1, 3, 2, 4, 5).reshape(n, rows, columns, c * block**2)
    return from_channels_last(joined, layout, "HW")


def _pairs(attrs: Attributes, name: str, block: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of attribute `name`, one for each entry of the block."""
    pairs = cast(tuple[tuple[int, int], ...], attrs[name])
    if (
        len(pairs) != len(block)
        or min(block, default=1) < 1
        or any(x < 0 for p in pairs for x in p)
    ):
        raise Mismatch(
            f"block_shape {list(block)} must be >= 1 and {name} have one pair >= 0 for each of "
            f"its entries, not {[list(pair) for pair in pairs]}",
            "correct the attributes",
        )
    return pairs


def _space_to_batch_type(attrs: Attributes, data: TensorType) -> Type:
    block = ints(attrs, "block_shape")
    pairs = _pairs(attrs, "paddings", block)
    _require_axes(data, len(block))
    shape: list[Dim] = list(data.shape)
    for axis, (size, pair) in enumerate(zip(block, pairs, strict=True), 1):
        shape[0] = shape[0] * size
        shape[axis] = _divide(shape[axis] + sum(pair), size, f"padded axis {axis} of data")
    return TensorType(tuple(shape), data.dtype)


def _require_axes(data: TensorType, count: int) -> None:
    """Raise Mismatch unless data has a batch and `count` axes more."""
    if len(data.shape) <= count:
        raise Mismatch(
            f"data must have more than {count} axes, not {len(data.shape)}",
            "the batch comes first, then the axes of block_shape",
        )


def _space_to_batch(attrs: Attributes, data: Array) -> Array:
    block = ints(attrs, "block_shape")
    pairs = _pairs(attrs, "paddings", block)
    around = ((0, 0), *pairs, *((0, 0),) * (data.ndim - 1 - len(block)))
    value = np.asarray(attrs["pad_value"]).astype(data.dtype)
    padded = np.pad(data, around, constant_values=value)
    count, rest = len(block), padded.shape[1 + len(block) :]
    split: list[int] = [padded.shape[0]]
    for size, step in zip(padded.shape[1:], block, strict=False):
        split += [size // step, step]
    order = [2 * axis + 2 for axis in range(count)] + [0]
    order += [2 * axis + 1 for axis in range(count)]
    order += list(range(2 * count + 1, 2 * count + 1 + len(rest)))
    outer = [size // step for size, step in zip(padded.shape[1:], block, strict=False)]
    batch = int(np.prod(block)) * data.shape[0]
    return padded.reshape(*split, *rest).transpose(order).reshape(batch, *outer, *rest)


def _batch_to_space_type(attrs: Attributes, data: TensorType) -> Type:
    block = ints(attrs, "block_shape")
    pairs = _pairs(attrs, "crops", block)
    _require_axes(data, len(block))
    shape: list[Dim] = list(data.shape)
    shape[0] = _divide(shape[0], int(np.prod(block)), "axis 0 of data")
    for axis, (size, pair) in enumerate(zip(block, pairs, strict=True), 1):
        left = shape[axis] * size - sum(pair)
        if isinstance(left, int) and left < 0:
            raise Mismatch(f"crops {list(pair)} must leave axis {axis} a size >= 0", "crop less")
        shape[axis] = left
    return TensorType(tuple(shape), data.dtype)


def _batch_to_space(attrs: Attributes, data: Array) -> Array:
    block = ints(attrs, "block_shape")
    pairs, count = _pairs(attrs, "crops", block), len(block)
    batch, rest = data.shape[0] // int(np.prod(block)), data.shape[1 + count :]
    order = [count]
    for axis in range(count):
        order += [count + 1 + axis, axis]
    order += list(range(2 * count + 1, 2 * count + 1 + len(rest)))
    outer = [size * step for size, step in zip(data.shape[1:], block, strict=False)]
    split = data.reshape(*block, batch, *data.shape[1:]).transpose(order)
    whole = split.reshape(batch, *outer, *rest)
    cuts = tuple(slice(a, size - b) for (a, b), size in zip(pairs, outer, strict=True))
    return np.ascontiguousarray(whole[(slice(None), *cuts)])


def _mirror_pad_type(attrs: Attributes, data: TensorType) -> Type:
    pairs = cast(tuple[tuple[int, int], ...], attrs["pad_width"])
    if len(pairs) != len(data.shape) or any(x < 0 for pair in pairs for x in pair):
        raise Mismatch(
            f"pad_width must have one pair >= 0 an axis, {len(data.shape)} of them, not "
            f"{[list(pair) for pair in pairs]}",
            "write [0, 0] for an axis that stays",
        )
    edge = attrs["mode"] == "REFLECT"
    for axis, (size, pair) in enumerate(zip(data.shape, pairs, strict=True)):
        if isinstance(size, int) and max(pair) > max(size - edge, 0):
            raise Mismatch(
                f"pad_width must be at most {max(size - edge, 0)} along axis {axis}, not "
                f"{list(pair)}",
                "an element is mirrored once",
            )
    sizes = zip(data.shape, pairs, strict=True)
    return TensorType(tuple(size + sum(pair) for size, pair in sizes), data.dtype)


def _mirror_pad(attrs: Attributes, data: Array) -> Array:
    widths = cast(tuple[tuple[int, int], ...], attrs["pad_width"])
    return np.pad(data, widths, mode="symmetric" if attrs["mode"] == "SYMMETRIC" else "reflect")


def _dilate_type(attrs: Attributes, x: TensorType) -> Type:
    strides = ints(attrs, "strides")
    require_rank("x", x, len(strides))
    if min(strides, default=1) < 1 or 0 in x.shape:
        raise Mismatch(
            f"strides must be >= 1 and x not empty, not {list(strides)} and {x}", "correct them"
        )
    sizes = zip(x.shape, strides, strict=True)
    return TensorType(tuple((size - 1) * step + 1 for size, step in sizes), x.dtype)


def _dilate(attrs: Attributes, x: Array) -> Array:
    strides = ints(attrs, "strides")
    sizes = zip(x.shape, strides, strict=True)
    shape = [(size - 1) * step + 1 for size, step in sizes]
    result = np.full(shape, np.asarray(attrs["dilation_value"]).astype(x.dtype), x.dtype)
    result[tuple(slice(None, None, step) for step in strides)] = x
    return result


def _fifo_type(attrs: Attributes, data: TensorType, buffer: TensorType) -> Type:
    axis = axis_in(cast(int, attrs["axis"]), len(buffer.shape))
    require_rank("data", data, len(buffer.shape))
    for number, (size, limit) in enumerate(zip(data.shape, buffer.shape, strict=True)):
        if not (isinstance(size, int) and isinstance(limit, int)):
            continue
        if size > limit or (size != limit and number != axis):
            raise Mismatch(f"axis {number} of data must fit {limit}, not {size}", "check it")
    if data.dtype != buffer.dtype:
        raise Mismatch(f"buffer must be {data.dtype}, not {buffer.dtype}", "cast it")
    return buffer


def _fifo_buffer(attrs: Attributes, data: Array, buffer: Array) -> Array:
    axis = cast(int, attrs["axis"])
    joined = np.concatenate((buffer, data), axis=axis)
    size = buffer.shape[axis]
    return np.take(joined, range(joined.shape[axis] - size, joined.shape[axis]), axis)


_SUB_PIXEL = {
    "block_size": Attribute("int", 1),
    "layout": Attribute("str", "NCHW"),
    "mode": Attribute("str", "DCR", choices=("DCR", "CRD")),
}
_BLOCK = {"block_shape": Attribute("ints", (1, 1))}
_DATA = ("data",)

ROWS = (
    Operator(
        "nn.depth_to_space",
        _DATA,
        from_tensors(_depth_to_space_type),
        _depth_to_space,
        Kind.INJECTIVE,
        _SUB_PIXEL,
    ),
    Operator(
        "nn.space_to_depth",
        _DATA,
        from_tensors(_space_to_depth_type),
        _space_to_depth,
        Kind.INJECTIVE,
        _SUB_PIXEL,
    ),
    Operator(
        "nn.space_to_batch_nd",
        _DATA,
        from_tensors(_space_to_batch_type),
        _space_to_batch,
        Kind.INJECTIVE,
        {
            **_BLOCK,
            "paddings": Attribute("pairs", required=True),
            "pad_value": Attribute("float", 0.0),
        },
    ),
    Operator(
        "nn.batch_to_space_nd",
        _DATA,
        from_tensors(_batch_to_space_type),
        _batch_to_space,
        Kind.INJECTIVE,
        {**_BLOCK, "crops": Attribute("pairs", required=True)},
    ),
    Operator(
        "nn.mirror_pad",
        _DATA,
        from_tensors(_mirror_pad_type),
        _mirror_pad,
        Kind.INJECTIVE,
        {
            "mode": Attribute("str", "SYMMETRIC", choices=("SYMMETRIC", "REFLECT")),
            "pad_width": Attribute("pairs", required=True),
        },
    ),
    Operator(
        "nn.dilate",
        ("x",),
        from_tensors(_dilate_type),
        _dilate,
        Kind.INJECTIVE,
        {"strides": Attribute("ints", (1, 1)), "dilation_value": Attribute("float", 0.0)},
    ),
    Operator(
        "nn.fifo_buffer",
        ("data", "buffer"),
        from_tensors(_fifo_type),
        _fifo_buffer,
        Kind.OPAQUE,
        {"axis": Attribute("int", 0)},
    ),
)
