"""Convolutions and matrix products: axes of the result become rows and columns of a kernel."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import cast

import numpy as np

from ....ops.windows import ints, permutation
from ..formula import FormulaBuilder, row_major
from ..graph import Array, Step, Tensor
from ..kernels import Contraction
from ..products import PLAIN, Product
from .context import AnchorTable, Arranged, Context, Finish, operand
from .depthwise import convolve_depthwise
from .operands import (
    Operands,
    lay_out,
    read_operands,
    unsigned,
    window_strides,
)
from .packing import Weights, arrange_weights, product_of
from .starts import take_start

__all__ = ["ANCHORS", "Walk", "contract"]

# Bytes of weights that are read once, a block of columns after the other, and not once for each
# line of places: about half of an L2 cache.
_MUCH_WEIGHT = 1 << 19


@dataclass(frozen=True, eq=False, slots=True)
class Walk:
    """How a contraction walks through its operands.

    Attributes
    ----------
    data, weight : tuple of int
        Elements from one index of the result to the next, by axis but the last, which is that of
        the columns.
    groups, group_stride : int
        Parts of the columns, and elements of the data from one to the next.
    reduction : tuple of (count, elements of the data)
    """

    data: tuple[int, ...]
    weight: tuple[int, ...]
    groups: int
    group_stride: int
    reduction: tuple[tuple[int, int], ...]


def _shape(step: Step) -> tuple[int, ...]:
    assert isinstance(step.result, Tensor)
    return step.result.shape


def _formula(
    step: Step, operands: Operands, channel_axis: int, finish: Finish
) -> tuple[FormulaBuilder, int]:
    """Return the formula of a sum: its correction, the type of the result, what follows."""
    assert isinstance(step.result, Tensor)
    build = FormulaBuilder(step.result.shape)
    node = build.anchor(operands.sum_dtype)
    if operands.correction is not None:
        shape = operands.correction.shape
        correction = Tensor(shape, "int32", constant=operands.correction)
        node = build.apply("add", "int32", node, build.along(correction, channel_axis))
    return build, finish(build, build.cast(node, step.result.dtype))


def _extents(axes: Arranged) -> tuple[int, int]:
    """Return lines and places in a line."""
    return axes.shape[-3], axes.shape[-2]


def contract(
    context: Context,
    target: Tensor,
    operands: Operands,
    shape: tuple[int, int, int, int],
    product: Product,
    walk: Walk,
    formula: tuple[FormulaBuilder, int],
    order: tuple[int, ...],
    pack: Callable[[tuple[int, int]], Weights] | None = None,
    strides: tuple[int, ...] | None = None,
) -> None:
    """Add a contraction; `order` names the axes of the result, columns last.

    `shape` and `product` are those of `arrange_weights`, unless `pack` is given, which gets lines
    and places in a line. `strides` are those of the target by axis, if it has not the formula's.
    """
    build, node = formula
    node = build.stored(node, target.memory_dtype)
    start, node = take_start(build, node, order[-1])
    axes = context.arrange(
        build.shape,
        build.formula(node),
        (*walk.data, 0),
        (*walk.weight, 0),
        order=order,
        target=strides or target.strides,
        fixed=1,
    )
    # Lines and places of a line share their weights.
    outer = max((n + 1 for n, stride in enumerate(axes.strides[1]) if stride), default=0)
    while len(axes.shape) < outer + 3:
        axes = axes.with_axis(outer)
    if pack is not None:
        weights = pack(_extents(axes))
    else:
        weights = _known_weights(context, operands, shape, product, _extents(axes))
    starts = [] if start is None else [_padded(start, weights.dot.lanes)]
    kernel = Contraction(
        axes.shape,
        axes.target,
        axes.strides[0][:-1],
        axes.strides[1][:-3],
        walk.groups,
        (walk.group_stride, weights.group_stride),
        operands.origin,
        walk.reduction,
        weights.tile,
        weights.step,
        not weights.step and weights.tensor.size_bytes > _MUCH_WEIGHT,
        start is not None,
        weights.dot,
        axes.formula,
        context.machine.vector_bytes,
        _extents(axes) == (1, 1) and context.turns(weights.tensor),
    )
    context.call(kernel, target, operands.data, weights.tensor, *starts, *build.tensors)


def _padded(start: Array, lanes: int) -> Tensor:
    """Return what sums begin with, of which whole vectors are read."""
    long = np.pad(start, (0, lanes))
    return Tensor(long.shape, str(long.dtype), constant=long)


def _known_weights(
    context: Context,
    operands: Operands,
    shape: tuple[int, int, int, int],
    product: Product,
    extents: tuple[int, int],
) -> Weights:
    """Return weights as `arrange_weights` does; the same ones again for the same array."""
    weight = operands.weight
    if weight.constant is None:
        return arrange_weights(context.machine, operands, shape, product, extents)
    place, _ = weight.constant.__array_interface__["data"]
    key = (
        place,
        weight.shape,
        weight.constant.strides,
        weight.dtype,
        operands.data.memory_dtype,
        operands.sum_dtype,
        shape,
        product,
        extents,
    )
    return context.remember(
        key, weight, lambda: arrange_weights(context.machine, operands, shape, product, extents)
    )


def _conv2d(context: Context, step: Step, target: Tensor, finish: Finish) -> None:
    """Convolve; data channels last, weights [height, width, inputs, outputs]."""
    kernel_layout = str(step.attrs["kernel_layout"])
    weight = context.transposed(operand(step, 1), permutation(kernel_layout, "HWIO"))
    operands = read_operands(context, step, weight)
    order = permutation(str(step.attrs["data_layout"]), "NHWC")
    groups = cast(int, step.attrs["groups"])
    if 1 < groups == weight.shape[3] and weight.shape[2] == 1:
        product = product_of(context.machine, operands)
        operands = unsigned(lay_out(context, step, operands, order, product, False), PLAIN)
        formula = _formula(step, operands, order[3], finish)
        convolve_depthwise(context, step, target, operands, formula, order)
        return
    # A row of a window lies together in memory, unless taps or groups lie between.
    joins = groups == 1 and ints(step.attrs, "dilation")[1] == 1
    product = product_of(context.machine, operands)
    group = product.group
    length = weight.shape[2] * (weight.shape[1] if joins else 1)
    operands = lay_out(context, step, operands, order, product, length % group != 0)
    strides, (down, across) = window_strides(step, operands.data)
    taps = [(weight.shape[0], down)]
    if not joins:
        taps.append((weight.shape[1], across))
    shape = groups, prod(count for count, _ in taps), length, weight.shape[3] // groups
    operands = unsigned(operands, product)
    taps.append((-(-length // group), group))
    walk = Walk(strides, (0, 0, 0), groups, weight.shape[2], tuple(taps))
    formula = _formula(step, operands, order[3], finish)
    contract(context, target, operands, shape, product, walk, formula, order)


def _dense(context: Context, step: Step, target: Tensor, finish: Finish) -> None:
    """Multiply by weights [units, inputs], as a convolution with one tap does."""
    weight = context.transposed(operand(step, 1), (1, 0))
    inputs, units = weight.shape
    if weight.constant is not None:
        kernel = weight.constant.reshape(1, 1, inputs, units)
        weight = Tensor(kernel.shape, weight.dtype, constant=kernel)
    else:
        weight = Tensor((1, 1, inputs, units), weight.dtype, base=weight)
    operands = read_operands(context, step, weight)
    # Fewer at a time where the end of the last row would be overrun.
    whole = 0 if operands.data.root.slack else inputs
    product = product_of(context.machine, operands, whole)
    group = product.group
    operands = unsigned(operands, product)
    shape = 1, 1, inputs, units
    rows = row_major(operand(step, 0).shape)[:-1]
    reduction = ((-(-inputs // group), group),)
    walk = Walk(rows, (0,) * len(rows), 1, 0, reduction)
    rank = len(_shape(step))
    formula = _formula(step, operands, rank - 1, finish)
    order = tuple(range(rank))
    contract(context, target, operands, shape, product, walk, formula, order)


ANCHORS: AnchorTable = MappingProxyType(
    {
        "nn.conv2d": _conv2d,
        "nn.dense": _dense,
        "qnn.conv2d": _conv2d,
        "qnn.dense": _dense,
    }
)
