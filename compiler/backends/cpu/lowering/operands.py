"""Operands of convolutions and matrix products, made ready: zero points, layout, padding."""

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ....ops.quantized_linear import without_zero_point as exact_difference
from ....ops.windows import ints
from ..formula import FormulaBuilder
from ..graph import Step, Tensor
from ..products import Product
from .context import Context, constant_of, operand
from .elementwise import without_zero_point

__all__ = [
    "Operands",
    "corrected",
    "lay_out",
    "read_operands",
    "sum_dtype",
    "unsigned",
    "window_strides",
]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, slots=True)
class Operands:
    """Data and weights.

    Attributes
    ----------
    data : Tensor
        [n, h, w, c] once laid out.
    weight : Tensor
        [height, width, inputs of a group, outputs].
    sum_dtype : str
    fill : Array or None
        Value of the padding, a scalar; None for 0.
    correction : Array or None
        int32[outputs] to add to each sum.
    origin : int
        Elements from the first of the data to the first of the first window.
    """

    data: Tensor
    weight: Tensor
    sum_dtype: str
    fill: Array | None = None
    correction: Array | None = None
    origin: int = 0


def read_operands(context: Context, step: Step, weight: Tensor) -> Operands:
    """Return the operands of a step of nn or qnn, `weight` transposed already.

    With weights that are known, ``sum (x - zx) (w - zw)  ->  sum x (w - zw) - zx sum (w - zw)``;
    otherwise the zero points are taken off while the program runs.
    """
    data = operand(step, 0)
    if not step.name.startswith("qnn."):
        data = data if weight.constant is not None else context.plain(data)
        return Operands(data, weight, sum_dtype(step))
    point = constant_of(step, 2, "input_zero_point")
    weight_point = constant_of(step, 3, "kernel_zero_point")
    if weight.constant is None:
        data, weight = _subtracted(context, data, point), _subtracted(context, weight, weight_point)
        return Operands(data, weight, "int32")
    kernel = weight.constant
    if weight_point.any():
        kernel = exact_difference(kernel, weight_point)
    ready = Tensor(weight.shape, str(kernel.dtype), constant=kernel)
    operands = Operands(data, ready, "int32", fill=point)
    return corrected(operands, -int(point.item())) if point.item() else operands


def sum_dtype(step: Step) -> str:
    """Return the type in which products are summed."""
    assert isinstance(step.result, Tensor)
    source, result = operand(step, 0).dtype, step.result.dtype
    if source.startswith("float"):
        return "float64" if "float64" in (source, result) else "float32"
    narrow = ("int8", "int16", "int32")
    return "int32" if source.endswith(narrow) and result.endswith(narrow) else "int64"


def corrected(operands: Operands, offset: int) -> Operands:
    """Return operands whose data are taken for `offset` more than they are."""
    kernel = operands.weight.constant
    assert kernel is not None
    more = offset * kernel.astype(np.int64).sum(axis=(0, 1, 2))
    before = 0 if operands.correction is None else operands.correction
    return replace(operands, correction=(more + before).astype(np.int32))


def unsigned(operands: Operands, product: Product) -> Operands:
    """Return operands with the correction for int8 that are multiplied as uint8."""
    data = operands.data
    moved = data.memory_offset or (
        128 if product.is_unsigned and data.memory_dtype == "int8" else 0
    )
    return corrected(operands, -moved) if moved else operands


def _subtracted(context: Context, data: Tensor, point: Array) -> Tensor:
    """Return int32 data - point, where point broadcasts along the last axis."""
    if not point.any():
        return context.plain(data)
    target = Tensor(data.shape, "int32")
    build = FormulaBuilder(data.shape)
    node = build.cast(without_zero_point(build, build.load(data), point), "int32")
    context.elementwise(build, node, target)
    return target


def lay_out(
    context: Context,
    step: Step,
    operands: Operands,
    order: tuple[int, ...],
    product: Product,
    reaches_over: bool,
) -> Operands:
    """Return operands of a convolution whose data are [n, h, w, c], padding around them.

    Parameters
    ----------
    order : tuple of int
        Axes n, h, w, c of the data.
    product : Product
        How they will be multiplied.
    reaches_over : bool
        The kernel may read up to three bytes past the end of the data.
    """
    data = operands.data
    top, left, bottom, right = padding = ints(step.attrs, "padding")
    fill = 0 if operands.fill is None else cast(float, operands.fill.item())
    enough = all(have >= want for have, want in zip(data.border, padding, strict=True))
    if (
        order != (0, 1, 2, 3)
        or not enough
        or (any(padding) and data.fill != fill)
        or (reaches_over and not data.root.slack)
    ):
        stored = product.stored(data.memory_dtype)
        sides = cast(tuple[int, int, int, int], padding)
        data = _padded(context, data, order, stored, sides, fill)
    _, line, pixel, _ = data.strides
    return replace(operands, data=data, origin=-(top * line + left * pixel))


def _padded(
    context: Context,
    data: Tensor,
    order: tuple[int, ...],
    stored: str,
    padding: tuple[int, int, int, int],
    fill: float,
) -> Tensor:
    """Return a copy of `data` with its axes in order and padding around it."""
    shape = tuple(data.shape[axis] for axis in order)
    padded = Tensor(shape, data.dtype, slack=16, border=padding, fill=fill, stored=stored)
    context.surround(padded)
    strides = tuple(data.strides[axis] for axis in order)
    if padded.memory_dtype == data.memory_dtype:
        context.copy(padded, data, shape, padded.strides, strides)
    else:
        build = FormulaBuilder(shape)
        context.elementwise(build, build.load(data, strides), padded)
    return padded


def window_strides(step: Step, data: Tensor) -> tuple[tuple[int, int, int], tuple[int, int]]:
    """Return the data's strides by n, row and column of the result, and from tap to tap."""
    n, h, w, _ = data.strides
    down, across = ints(step.attrs, "strides")
    rows, columns = ints(step.attrs, "dilation")
    return (n, h * down, w * across), (h * rows, w * columns)
