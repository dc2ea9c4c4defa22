"""Softmax of float and of quantised elements."""

from math import prod
from types import MappingProxyType
from typing import cast

from ....ops.quantized_nn import softmax_shift, softmax_table
from ..formula import FormulaBuilder
from ..graph import Step, Tensor
from ..kernels import QuantizedSoftmax, Softmax
from .context import Context, Table, constant_of, operand

__all__ = ["OTHERS"]


def _extents(step: Step) -> tuple[int, int, int]:
    """Return how many elements lie before, along and after the axis."""
    shape = operand(step, 0).shape
    axis = cast(int, step.attrs["axis"]) % len(shape)
    return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])


def _softmax(context: Context, step: Step) -> None:
    data, target = operand(step, 0), step.result
    assert isinstance(target, Tensor)
    if data.dtype == "float16":
        data, target = _converted(context, data, "float32"), Tensor(data.shape, "float32")
    kernel = Softmax(*_extents(step), data.dtype, step.name == "nn.log_softmax")
    context.call(kernel, target, data)
    if target is not step.result:
        assert isinstance(step.result, Tensor)
        build = FormulaBuilder(target.shape)
        context.elementwise(build, build.cast(build.load(target), "float16"), step.result)


def _converted(context: Context, data: Tensor, dtype: str) -> Tensor:
    """Return `data` cast to another type."""
    target = Tensor(data.shape, dtype)
    build = FormulaBuilder(data.shape)
    context.elementwise(build, build.cast(build.load(data), dtype), target)
    return target


def _quantized_softmax(context: Context, step: Step) -> None:
    data, target = operand(step, 0), step.result
    assert isinstance(target, Tensor)
    table = softmax_table(constant_of(step, 1, "scale"))
    kernel = QuantizedSoftmax(
        *_extents(step),
        softmax_shift(constant_of(step, 3, "output_scale")),
        int(constant_of(step, 4, "output_zero_point").item()),
    )
    context.call(kernel, target, data, Tensor(table.shape, "int64", constant=table))


OTHERS: Table = MappingProxyType(
    {
        "nn.log_softmax": _softmax,
        "nn.softmax": _softmax,
        "qnn.softmax": _quantized_softmax,
    }
)
