"""nn.deformable_conv2d: a convolution whose taps data moves.

Source
------
Dai et al., Deformable Convolutional Networks (ICCV 2017), equations 2 to 4.
"""

from typing import cast

import numpy as np

from ..ir.types import FuncType, IncompleteType, TensorType, Type
from .convolution import CONV2D_ATTRIBUTES, convolution_type, multiply_accumulate
from .images import bilinear
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator
from .shapes import require_equal, require_rank, same_dtype
from .spatial import from_channels_last, sizes_of, to_channels_last
from .windows import ints, permutation

__all__ = ["ROWS"]


def _relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    data, offset, weight = types
    found = convolution_type(data, weight, attrs)
    if found is None or isinstance(offset, IncompleteType):
        return None
    assert isinstance(data, TensorType)
    assert isinstance(found[0], TensorType) and isinstance(found[1], TensorType)
    if not isinstance(offset, TensorType):
        raise Mismatch(f"offset must be a tensor, not {offset}", "pass a tensor")
    if not data.dtype.startswith("float"):
        raise Mismatch(f"data must be floating point, not {data.dtype}", "cast it")
    same_dtype(("data", "offset"), data, offset)
    same_dtype(("data", "weight"), data, found[0])
    layout, groups = str(attrs["data_layout"]), cast(int, attrs["deformable_groups"])
    inputs, height, width = sizes_of(data, layout, "CHW")
    if 0 in (height, width):
        raise Mismatch(f"data must not be empty, but is {data}", "check it")
    if groups < 1 or (isinstance(inputs, int) and inputs % groups):
        raise Mismatch(
            f"deformable_groups must divide the {inputs} channels of data, not be {groups}",
            "correct it",
        )
    require_rank("offset", offset, 4)
    kernel = dict(zip(str(attrs["kernel_layout"]), found[0].shape, strict=True))
    channels = 2 * groups * cast(int, kernel["H"]) * cast(int, kernel["W"])
    expected = dict(zip(layout, found[1].shape, strict=True)) | {"C": channels}
    for letter, size in zip(layout, offset.shape, strict=True):
        why = "the result's, and y and x for each tap of each group"
        require_equal(f"axis {letter} of offset", size, expected[letter], why, "check offset")
    return FuncType((data, offset, found[0]), found[1])


def _deformable(attrs: Attributes, data: Array, offset: Array, weight: Array) -> Array:
    layout, parts = str(attrs["data_layout"]), cast(int, attrs["deformable_groups"])
    kernel = np.transpose(weight, permutation(str(attrs["kernel_layout"]), "HWIO"))
    height, width, per_group, outputs = kernel.shape
    image = to_channels_last(data, layout, "HW").astype(np.float64)
    moves = to_channels_last(offset, layout, "HW").astype(np.float64)
    batch, rows, columns, _ = moves.shape
    moves = moves.reshape(batch, rows, columns, parts, height, width, 2)
    strides, dilation, padding = (ints(attrs, n) for n in ("strides", "dilation", "padding"))
    y = np.arange(rows)[:, None] * strides[0] - padding[0] + np.arange(height) * dilation[0]
    x = np.arange(columns)[:, None] * strides[1] - padding[1] + np.arange(width) * dilation[1]
    # [rows, columns, part, height, width]
    places_y = y[:, None, None, :, None] + moves[..., 0]
    places_x = x[None, :, None, None, :] + moves[..., 1]
    size = image.shape[3] // parts
    taps = np.empty((batch, rows, columns, height, width, image.shape[3]))
    for number, part in np.ndindex(batch, parts):
        own = slice(part * size, (part + 1) * size)
        at = places_y[number, :, :, part], places_x[number, :, :, part]
        taps[number, ..., own] = bilinear(image[number, :, :, own], *at, outside=True)
    groups = cast(int, attrs["groups"])
    split = np.moveaxis(taps.reshape(*taps.shape[:5], groups, per_group), 5, 0)
    length = height * width * per_group
    lines = split.reshape(groups, batch * rows * columns, length)
    kernels = np.moveaxis(kernel.reshape(length, groups, outputs // groups), 1, 0)
    total = np.moveaxis(multiply_accumulate(lines, kernels), 0, 1)
    result = from_channels_last(total.reshape(batch, rows, columns, outputs), layout, "HW")
    return result.astype(str(attrs["out_dtype"]) or data.dtype)


ROWS = (
    Operator(
        "nn.deformable_conv2d",
        ("data", "offset", "weight"),
        _relation,
        _deformable,
        Kind.ANCHOR,
        {**CONV2D_ATTRIBUTES, "deformable_groups": Attribute("int", 1)},
    ),
)
