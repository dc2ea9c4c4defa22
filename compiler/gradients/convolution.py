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
from ..ops.spatial import AXES
from ..ops.windows import permutation
from .site import Gradient, Rule, Site, indices, number, reshape, transpose

__all__ = ["RULES", "transposed_convolution", "widened", "widened_type"]


def _letters(site: Site) -> str:
    """Return the axes that windows move along: W, HW or DHW."""
    return AXES[len(site.result_shape) - 2]


def _convolution(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    attrs, axes = site.attrs, _letters(site)
    layout, order = str(attrs["data_layout"]), str(attrs["kernel_layout"])
    plain, kernel_plain = f"NC{axes}", f"OI{axes}"
    image = transpose(site.args[0], permutation(layout, plain))
    kernel = transpose(site.args[1], permutation(order, kernel_plain))
    shape = tuple(site.shape()[layout.index(letter)] for letter in plain)
    kernel_shape = tuple(site.shape(1)[order.index(letter)] for letter in kernel_plain)
    result = tuple(site.result_shape[layout.index(letter)] for letter in plain)
    first = transpose(grad, permutation(layout, plain))
    dtype = site.tensor().dtype
    by_data = transposed_convolution(first, kernel, shape, kernel_shape, result, attrs, dtype)
    by_kernel = _by_kernel(site, image, first, shape, kernel_shape, result)
    return (
        transpose(by_data, permutation(plain, layout)),
        transpose(by_kernel, permutation(kernel_plain, order)),
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
    shape, result : of data and result, (n, c, d, h, w) with as many of d, h, w as there are
    kernel_shape : (o, i, d, h, w), i counted in a group
    attrs : with strides, dilation, padding and groups
    """
    given = cast(dict[str, tuple[int, ...]], attrs)
    groups = cast(int, given["groups"])
    outputs, inputs, *taps = kernel_shape
    spread, rank = grad, len(shape)
    for axis in range(rank - 2):
        stride, dilation = given["strides"][axis], given["dilation"][axis]
        low = given["padding"][axis]
        count, reach = result[axis + 2], dilation * (taps[axis] - 1)
        spread = _with_gaps(spread, axis + 2, stride, rank, dtype)
        covered = (count - 1) * stride + 1
        end = shape[axis + 2] + low - covered
        spread = _fit(spread, axis + 2, (reach - low, end), covered, rank, dtype)
    turned = reshape(kernel, (groups, outputs // groups, inputs, *taps))
    turned = transpose(turned, (0, 2, 1, *range(3, rank + 1)))
    turned = reshape(turned, (groups * inputs, outputs // groups, *taps))
    for axis in range(2, rank):
        back = np.arange(taps[axis - 2])[::-1].copy()
        turned = call("take", turned, indices(back), axis=axis)
    name = f"nn.conv{rank - 2}d"
    return call(name, spread, turned, dilation=given["dilation"], groups=groups)


def _with_gaps(expr: Expr, axis: int, stride: int, rank: int, dtype: str) -> Expr:
    """Return a tensor with ``stride - 1`` zeros after each element along an axis but the last."""
    if stride == 1:
        return expr
    wider = call("expand_dims", expr, axis=axis + 1)
    widths = tuple((0, stride - 1 if place == axis + 1 else 0) for place in range(rank + 1))
    padded = call("nn.pad", wider, number(0, dtype), pad_width=widths)
    # Axis and gaps become one: 0 keeps a size, -3 merges two.
    joined = tuple(-3 if place == axis else 0 for place in range(rank))
    merged = call("reshape", padded, newshape=joined)
    return call("strided_slice", merged, begin=(0,), end=(-(stride - 1),), axes=(axis,))


def _fit(expr: Expr, axis: int, ends: tuple[int, int], size: int, rank: int, dtype: str) -> Expr:
    """Return a tensor of `size` along an axis with zeros added, or elements cut, at both ends."""
    low, high = ends
    widths = tuple((max(low, 0), max(high, 0)) if a == axis else (0, 0) for a in range(rank))
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
    """Return the gradient by the kernel, as O, I and the axes."""
    groups = cast(int, site.attrs["groups"])
    batch, _, *sizes = shape
    outputs, inputs, *taps = kernel_shape
    places = tuple(range(2, len(shape)))
    rows = reshape(image, (batch, groups, inputs, *sizes))
    rows = transpose(rows, (2, 1, 0, *range(3, len(shape) + 1)))
    rows = reshape(rows, (inputs, groups * batch, *sizes))
    found = call(
        f"nn.conv{len(sizes)}d",
        rows,
        transpose(grad, (1, 0, *places)),
        strides=site.attrs["dilation"],
        dilation=site.attrs["strides"],
        padding=site.attrs["padding"],
        groups=groups,
    )
    # Rows of the data that no window reached give taps beyond the kernel.
    found = call("strided_slice", found, begin=(0,) * len(sizes), end=tuple(taps), axes=places)
    assert result[1] == outputs
    return transpose(found, (1, 0, *places))


def widened(expr: Expr, place: int) -> Expr:
    """Return a tensor with one more axis, of size 1."""
    return call("expand_dims", expr, axis=place)


def widened_type(kind: Type, place: int) -> Type:
    """Return the type of such a tensor."""
    assert isinstance(kind, TensorType)
    return TensorType((*kind.shape[:place], 1, *kind.shape[place:]), kind.dtype)


def _transposed(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """The operator is the gradient of a convolution by its data, so its gradient is that."""
    axes = _letters(site)
    plain, kernel_plain = f"NC{axes}", f"IO{axes}"
    layout, order = str(site.attrs["data_layout"]), str(site.attrs["kernel_layout"])
    image = transpose(grad, permutation(layout, plain))
    small = transpose(site.args[0], permutation(layout, plain))
    kernel = transpose(site.args[1], permutation(order, kernel_plain))
    shape = tuple(site.result_shape[layout.index(letter)] for letter in plain)
    kernel_shape = tuple(site.shape(1)[order.index(letter)] for letter in kernel_plain)
    result = tuple(site.shape()[layout.index(letter)] for letter in plain)
    by_data = call(
        f"nn.conv{len(axes)}d",
        image,
        kernel,
        strides=site.attrs["strides"],
        dilation=site.attrs["dilation"],
        padding=site.attrs["padding"],
        groups=site.attrs["groups"],
    )
    places = tuple(range(2, len(shape)))
    begin = (0,) * len(axes)
    by_data = call("strided_slice", by_data, begin=begin, end=tuple(result[2:]), axes=places)
    by_kernel = _by_kernel(site, image, small, shape, kernel_shape, result)
    return (
        transpose(by_data, permutation(plain, layout)),
        transpose(by_kernel, permutation(kernel_plain, order)),
    )


RULES: dict[str, Rule] = {
    **{f"nn.conv{count}d": _convolution for count in AXES},
    **{f"nn.conv{count}d_transpose": _transposed for count in AXES},
}
