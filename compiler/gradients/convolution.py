"""Gradients of convolutions: convolutions again.

By the data: the gradient, with zeros between its elements for the strides, convolved with the
kernel turned around. By the kernel: the data convolved with the gradient, batch and channels
exchanged, strides and dilation exchanged.
"""

from typing import cast

import numpy as np

from ..ir.nodes import Expr
from ..ir.types import TensorType, Type
from ..ops.registry import call
from ..ops.windows import permutation
from .site import Gradient, Rule, Site, indices, number, reshape, transpose

__all__ = ["RULES", "transposed_convolution", "widened", "widened_type"]


def _conv2d(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    attrs = site.attrs
    layout, order = str(attrs["data_layout"]), str(attrs["kernel_layout"])
    image = transpose(site.args[0], permutation(layout, "NCHW"))
    kernel = transpose(site.args[1], permutation(order, "OIHW"))
    shape = tuple(site.shape()[layout.index(letter)] for letter in "NCHW")
    kernel_shape = tuple(site.shape(1)[order.index(letter)] for letter in "OIHW")
    result = tuple(site.result_shape[layout.index(letter)] for letter in "NCHW")
    first = transpose(grad, permutation(layout, "NCHW"))
    dtype = site.tensor().dtype
    by_data = transposed_convolution(first, kernel, shape, kernel_shape, result, attrs, dtype)
    by_kernel = _by_kernel(site, image, first, shape, kernel_shape, result)
    return (
        transpose(by_data, permutation("NCHW", layout)),
        transpose(by_kernel, permutation("OIHW", order)),
    )


def transposed_convolution(
    grad: Expr,
    kernel: Expr,
    shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    result: tuple[int, ...],
    attrs: object,
    dtype: str,
) -> Expr:
    """Return the gradient of a convolution by its data.

    Parameters
    ----------
    grad : Tensor[result], kernel : Tensor[kernel_shape]
    shape, result : of data and result, (n, c, h, w)
    kernel_shape : (o, i, h, w), i counted in a group
    attrs : with strides, dilation, padding and groups
    """
    given = cast(dict[str, tuple[int, ...]], attrs)
    groups = cast(int, given["groups"])
    outputs, inputs, *taps = kernel_shape
    spread = grad
    for axis in (0, 1):
        stride, dilation = given["strides"][axis], given["dilation"][axis]
        low = given["padding"][axis]
        count, reach = result[axis + 2], dilation * (taps[axis] - 1)
        spread = _with_gaps(spread, axis + 2, stride, dtype)
        covered = (count - 1) * stride + 1
        end = shape[axis + 2] + low - covered
        spread = _fit(spread, axis + 2, reach - low, end, covered, dtype)
    turned = reshape(kernel, (groups, outputs // groups, inputs, *taps))
    turned = transpose(turned, (0, 2, 1, 3, 4))
    turned = reshape(turned, (groups * inputs, outputs // groups, *taps))
    for axis in (2, 3):
        back = np.arange(taps[axis - 2])[::-1].copy()
        turned = call("take", turned, indices(back), axis=axis)
    return call("nn.conv2d", spread, turned, dilation=given["dilation"], groups=groups)


def _with_gaps(expr: Expr, axis: int, stride: int, dtype: str) -> Expr:
    """Return a tensor with ``stride - 1`` zeros after each element along an axis but the last."""
    if stride == 1:
        return expr
    wider = call("expand_dims", expr, axis=axis + 1)
    widths = tuple((0, stride - 1 if place == axis + 1 else 0) for place in range(5))
    padded = call("nn.pad", wider, number(0, dtype), pad_width=widths)
    # Axis and gaps become one: 0 keeps a size, -3 merges two.
    joined = tuple(-3 if place == axis else 0 for place in range(4))
    merged = call("reshape", padded, newshape=joined)
    return call("strided_slice", merged, begin=(0,), end=(-(stride - 1),), axes=(axis,))


def _fit(expr: Expr, axis: int, low: int, high: int, size: int, dtype: str) -> Expr:
    """Return a tensor of `size` along an axis with zeros added, or elements cut, at both ends."""
    widths = tuple((max(low, 0), max(high, 0)) if a == axis else (0, 0) for a in range(4))
    if any(widths[axis]):
        expr = call("nn.pad", expr, number(0, dtype), pad_width=widths)
    if low < 0 or high < 0:
        first = max(-low, 0)
        last = size + max(low, 0) + min(high, 0) + max(high, 0)
        expr = call("strided_slice", expr, begin=(first,), end=(last,), axes=(axis,))
    return expr


def _by_kernel(
    site: Site,
    image: Expr,
    grad: Expr,
    shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    result: tuple[int, ...],
) -> Expr:
    """Return the gradient by the kernel, as OIHW."""
    groups = cast(int, site.attrs["groups"])
    batch, _, height, width = shape
    outputs, inputs, *taps = kernel_shape
    rows = reshape(image, (batch, groups, inputs, height, width))
    rows = reshape(transpose(rows, (2, 1, 0, 3, 4)), (inputs, groups * batch, height, width))
    found = call(
        "nn.conv2d",
        rows,
        transpose(grad, (1, 0, 2, 3)),
        strides=site.attrs["dilation"],
        dilation=site.attrs["strides"],
        padding=site.attrs["padding"],
        groups=groups,
    )
    # Rows of the data that no window reached give taps beyond the kernel.
    found = call("strided_slice", found, begin=(0, 0), end=tuple(taps), axes=(2, 3))
    assert result[1] == outputs
    return transpose(found, (1, 0, 2, 3))


def _conv1d(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Take the row for an image of one line."""
    layout, order = str(site.attrs["data_layout"]), str(site.attrs["kernel_layout"])
    places = layout.index("W"), order.index("W")
    (stride,), (dilation,) = (
        cast(tuple[int], site.attrs[name]) for name in ("strides", "dilation")
    )
    low, high = cast(tuple[int, int], site.attrs["padding"])
    attrs = {
        **site.attrs,
        "strides": (1, stride),
        "dilation": (1, dilation),
        "padding": (0, low, 0, high),
        "data_layout": layout.replace("W", "HW"),
        "kernel_layout": order.replace("W", "HW"),
    }
    wide = Site(
        site.name,
        attrs,
        tuple(widened(arg, place) for arg, place in zip(site.args, places, strict=True)),
        tuple(widened_type(kind, place) for kind, place in zip(site.types, places, strict=True)),
        widened(site.output, places[0]),
        widened_type(site.result, places[0]),
        site.span,
    )
    found = _conv2d(wide, widened(grad, places[0]))
    parts = zip(found, places, strict=True)
    return tuple(call("squeeze", cast(Expr, part), axis=(place,)) for part, place in parts)


def widened(expr: Expr, place: int) -> Expr:
    """Return a tensor with one more axis, of size 1."""
    return call("expand_dims", expr, axis=place)


def widened_type(kind: Type, place: int) -> Type:
    """Return the type of such a tensor."""
    assert isinstance(kind, TensorType)
    return TensorType((*kind.shape[:place], 1, *kind.shape[place:]), kind.dtype)


def _conv2d_transpose(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """The operator is the gradient of a convolution by its data, so its gradient is that."""
    layout, order = str(site.attrs["data_layout"]), str(site.attrs["kernel_layout"])
    image = transpose(grad, permutation(layout, "NCHW"))
    small = transpose(site.args[0], permutation(layout, "NCHW"))
    kernel = transpose(site.args[1], permutation(order, "IOHW"))
    shape = tuple(site.result_shape[layout.index(letter)] for letter in "NCHW")
    kernel_shape = tuple(site.shape(1)[order.index(letter)] for letter in "IOHW")
    result = tuple(site.shape()[layout.index(letter)] for letter in "NCHW")
    by_data = call(
        "nn.conv2d",
        image,
        kernel,
        strides=site.attrs["strides"],
        dilation=site.attrs["dilation"],
        padding=site.attrs["padding"],
        groups=site.attrs["groups"],
    )
    by_data = call("strided_slice", by_data, begin=(0, 0), end=tuple(result[2:]), axes=(2, 3))
    by_kernel = _by_kernel(site, image, small, shape, kernel_shape, result)
    return (
        transpose(by_data, permutation("NCHW", layout)),
        transpose(by_kernel, permutation("IOHW", order)),
    )


RULES: dict[str, Rule] = {
    "nn.conv1d": _conv1d,
    "nn.conv2d": _conv2d,
    "nn.conv2d_transpose": _conv2d_transpose,
}
