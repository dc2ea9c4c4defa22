"""Operands of convolutions and matrix products, made ready: zero points, layout, padding."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ....errors import Unsupported
from ....ops.quantized_linear import without_zero_point as exact_difference
from ....ops.windows import ints
from ..formula import FormulaBuilder, row_major
from ..graph import Step, Tensor
from .context import Context, constant_of, operand
from .elementwise import without_zero_point

__all__ = ["Operands", "corrected", "lay_out", "read_operands", "sum_dtype"]

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
    """

    data: Tensor
    weight: Tensor
    sum_dtype: str
    fill: Array | None = None
    correction: Array | None = None


def read_operands(context: Context, step: Step, weight: Tensor) -> Operands:
    """Return the operands of a step of nn or qnn, `weight` transposed already.

    With weights that are known, ``sum (x - zx) (w - zw)  ->  sum x (w - zw) - zx sum (w - zw)``;
    otherwise the zero points are taken off while the program runs.
    """
    data = operand(step, 0)
    if not step.name.startswith("qnn."):
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
    """Return the type in which products are summed.

    Raises
    ------
    Unsupported
        The operands are bool.
    """
    assert isinstance(step.result, Tensor)
    source, result = operand(step, 0).dtype, step.result.dtype
    if source == "bool":
        raise Unsupported(f'{step.name} of bool: cast the operands to "int8" first', step.span)
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


def _subtracted(context: Context, data: Tensor, point: Array) -> Tensor:
    """Return int32 data - point, where point broadcasts along the last axis."""
    if not point.any():
        return data
    target = Tensor(data.shape, "int32")
    build = FormulaBuilder(data.shape)
    node = build.cast(without_zero_point(build, build.load(data), point), "int32")
    context.elementwise(build, node, target)
    return target


def lay_out(
    context: Context, step: Step, operands: Operands, order: tuple[int, ...], reaches_over: bool
) -> Operands:
    """Return operands of a convolution whose data are [n, h, w, c], padding around them.

    Parameters
    ----------
    order : tuple of int
        Axes n, h, w, c of the data.
    reaches_over : bool
        The kernel may read up to three bytes past the end of the data.
    """
    data = operands.data
    top, left, bottom, right = padding = ints(step.attrs, "padding")
    if order == (0, 1, 2, 3) and not any(padding) and not reaches_over:
        return operands
    n, h, w, c = shape = tuple(data.shape[axis] for axis in order)
    padded = Tensor((n, h + top + bottom, w + left + right, c), data.dtype, slack=4)
    if any(padding):
        fill = np.asarray(0 if operands.fill is None else operands.fill).astype(data.dtype)
        context.fill(padded, Tensor((), data.dtype, constant=fill))
    to, source = row_major(padded.shape), row_major(data.shape)
    start = top * to[1] + left * to[2]
    context.copy(padded, data, shape, to, [source[axis] for axis in order], start)
    return replace(operands, data=padded)
