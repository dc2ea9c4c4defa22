"""Softmax of quantised elements, by integers alone."""

from math import prod
from types import MappingProxyType
from typing import cast

from ....ops.quantized_nn import softmax_shift, softmax_table
from ..graph import Step, Tensor
from ..kernels import QuantizedSoftmax
from .context import Context, Table, constant_of, operand

__all__ = ["OTHERS"]


def _extents(step: Step) -> tuple[int, int, int]:
    """Return how many elements lie before, along and after the axis."""
    shape = operand(step, 0).shape
    axis = cast(int, step.attrs["axis"]) % len(shape)
    return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])


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


OTHERS: Table = MappingProxyType({"qnn.softmax": _quantized_softmax})
