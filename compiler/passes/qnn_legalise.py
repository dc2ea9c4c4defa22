"""Brings operators on quantised tensors to data types that a target has.

before -> after, for a target of signed operands::

    qnn.conv2d(%x: uint8, w: uint8, 130, 120, ...)
        ->  qnn.conv2d(signed(%x), signed(w), 2, -8, ...)
    signed(q) = cast(cast(q, dtype="int16") - 128i16, dtype="int8")

The number that a value stands for stays: value and zero point move together by 128. With
``dtype="int16"`` all operands are widened instead, for targets without products of bytes.
"""

from typing import cast

import numpy as np

from ..ir.module import Module
from ..ir.nodes import Call, Constant, Expr, Op
from ..ir.types import TensorType
from ..ops.registry import call
from .functions import map_bodies, rewrite_calls

__all__ = ["qnn_legalise"]

_OFFSET = 128


def qnn_legalise(module: Module, dtype: str = "int8") -> Module:
    """Return `module` with products of operands of `dtype`, "int8" or "int16", only."""
    if dtype not in ("int8", "int16"):
        raise ValueError(f'dtype must be "int8" or "int16", not {dtype!r}')

    def rule(node: Call) -> Expr | None:
        return _legalise(node, dtype)

    return map_bodies(module, lambda body: rewrite_calls(body, dict.fromkeys(_PRODUCTS, rule)))


_PRODUCTS = ("qnn.conv2d", "qnn.conv2d_transpose", "qnn.dense", "qnn.batch_matmul")


def _legalise(node: Call, dtype: str) -> Expr | None:
    data, weight, data_point, weight_point, *scales = node.args
    left = _moved(data, data_point, dtype)
    right = _moved(weight, weight_point, dtype)
    if left is None and right is None:
        return None
    data, data_point = left or (data, data_point)
    weight, weight_point = right or (weight, weight_point)
    operands = (data, weight, data_point, weight_point, *scales)
    return call(cast(Op, node.op).name, *operands, span=node.span, **node.attrs)


def _moved(x: Expr, point: Expr, dtype: str) -> tuple[Expr, Expr] | None:
    """Return a tensor and its zero point in `dtype`, None if they stay as they are."""
    kind = x.type
    if not isinstance(kind, TensorType) or kind.dtype not in ("int8", "uint8"):
        return None
    if dtype == "int16":
        return call("cast", x, dtype="int16"), point
    if kind.dtype == "int8":
        return None
    offset = Constant(np.array(_OFFSET, np.int16))
    signed = call("subtract", call("cast", x, dtype="int16"), offset)
    moved = call("subtract", point, Constant(np.array(_OFFSET, np.int32)))
    return call("cast", signed, dtype="int8"), moved
