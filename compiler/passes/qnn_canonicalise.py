"""Writes operators on quantised tensors as plain ones on integers, with the same bits.

before -> after (scales and zero points must be constants; m, s: multiplier and shift of a scale)::

    qnn.conv2d(%x, w, zx, zw, ...)   ->  nn.conv2d(nn.pad(%x, zx), w - zw) - zx * sum(w - zw)
    qnn.dense(%x, w, zx, zw, ...)    ->  nn.dense(%x, w - zw) - zx * sum(w - zw)
    qnn.requantize(%x, ...)          ->  cast(clip(((x - zi) * m + half) >> s) + zo))
    qnn.add, qnn.subtract, qnn.mul   ->  operands brought to one scale, then added; or multiplied
    qnn.concatenate                  ->  each part brought to the scale of the result
    qnn.quantize, qnn.dequantize     ->  round(x / scale) + zero point; (x - zero point) * scale

A weight that is no constant has its zero point subtracted as the program runs. Operators with a
meaning in integers of their own (average pool, softmax, tables) stay.
"""

from collections.abc import Callable
from typing import cast

import numpy as np

from isa.arithmetic import Rounding

from ..ir.module import Module
from ..ir.nodes import Call, Constant, Expr, Tuple
from ..ir.types import TensorType
from ..ops.quantized import ADD_LEFT_SHIFT, add_parameters, along_axis
from ..ops.registry import call
from .functions import map_bodies, rewrite_calls
from .integer_forms import Array, int64, number, requantised, rescaled, saturated, wrapped

__all__ = ["qnn_canonicalise"]


def qnn_canonicalise(module: Module) -> Module:
    """Return `module` without the operators above."""
    return map_bodies(module, lambda body: rewrite_calls(body, _RULES))


def _rule(function: Callable[..., Expr | None], first: int) -> Callable[[Call], Expr | None]:
    """Return the rule for an operator whose operands from `first` on must be constants."""

    def rule(node: Call) -> Expr | None:
        parameters = node.args[first:]
        if not all(isinstance(arg, Constant) for arg in parameters):
            return None
        return function(node, *(cast(Constant, arg).value for arg in parameters))

    return rule


def _quantize(node: Call, scale: Array, zero_point: Array) -> Expr | None:
    kind = _tensor(node)
    axis, rank = cast(int, node.attrs["axis"]), len(kind.shape)
    factor = number(along_axis(scale, rank, axis), "float32")
    point = number(along_axis(zero_point, rank, axis), "float64")
    steps = call("round", call("divide", node.args[0], factor))
    total = call("add", call("cast", steps, dtype="float64"), point)
    # What is not a number counts as 0.
    total = call("where", call("equal", steps, steps), total, point)
    limits = np.iinfo(kind.dtype)
    low = call("maximum", total, number(limits.min, "float64"))
    high = call("minimum", low, number(limits.max, "float64"))
    return call("cast", high, dtype=kind.dtype, span=node.span)


def _dequantize(node: Call, scale: Array, zero_point: Array) -> Expr | None:
    axis, rank = cast(int, node.attrs["axis"]), len(_tensor(node).shape)
    offset = _less(node.args[0], along_axis(zero_point, rank, axis))
    real = call("cast", offset, dtype="float32")
    return call("multiply", real, number(along_axis(scale, rank, axis), "float32"))


def _requantize(
    node: Call, in_scale: Array, in_point: Array, out_scale: Array, out_point: Array
) -> Expr | None:
    kind = _tensor(node)
    axis, rank = cast(int, node.attrs["axis"]), len(kind.shape)
    offset = _less(node.args[0], along_axis(in_point, rank, axis))
    scale = along_axis(in_scale, rank, axis)
    result = rescaled(offset, scale, out_scale, _rounding(node))
    return saturated(result, out_point, kind.dtype)


def _conv2d(node: Call, data_point: Array, weight_point: Array, *scales: Array) -> Expr | None:
    data, weight = node.args[:2]
    attrs = dict(node.attrs)
    layout, kernel_layout = str(attrs["data_layout"]), str(attrs["kernel_layout"])
    kernel = _less(weight, along_axis(weight_point, 4, kernel_layout.index("O")))
    padded = data
    if np.any(data_point):
        top, left, bottom, right = cast(tuple[int, int, int, int], attrs["padding"])
        widths = {"H": (top, bottom), "W": (left, right)}
        around = [widths.get(letter, (0, 0)) for letter in layout]
        value = number(data_point, _tensor(data).dtype)
        padded = call("nn.pad", data, value, pad_width=around) if any(map(any, around)) else data
        attrs["padding"] = (0, 0, 0, 0)
    attrs["out_dtype"] = "int64"
    product = call("nn.conv2d", int64(padded), kernel, span=node.span, **attrs)
    axes = tuple(place for place, letter in enumerate(kernel_layout) if letter != "O")
    sums = call("sum", kernel, axis=axes)
    after = 3 - layout.index("C")
    vector = call("expand_dims", sums, axis=1, num_newaxis=after) if after else sums
    return _without_point(product, vector, data_point)


def _dense(node: Call, data_point: Array, weight_point: Array, *scales: Array) -> Expr | None:
    data, weight = node.args[:2]
    kernel = _less(weight, along_axis(weight_point, 2, 0))
    attrs = {**node.attrs, "out_dtype": "int64"}
    product = call("nn.dense", int64(data), kernel, span=node.span, **attrs)
    return _without_point(product, call("sum", kernel, axis=[1]), data_point)


def _without_point(product: Expr, sums: Expr, point: Array) -> Expr:
    """Return an int64 product of data less their zero point, as int32."""
    if np.any(point):
        product = call("subtract", product, call("multiply", sums, number(point)))
    return call("cast", product, dtype="int32")


def _sum(name: str) -> Callable[..., Expr | None]:
    def rule(
        node: Call,
        lhs_scale: Array,
        lhs_point: Array,
        rhs_scale: Array,
        rhs_point: Array,
        out_scale: Array,
        out_point: Array,
    ) -> Expr | None:
        lhs, rhs = _less(node.args[0], lhs_point), _less(node.args[1], rhs_point)
        dtype = _tensor(node).dtype
        if _rounding(node) == Rounding.UPWARD:
            left = rescaled(lhs, lhs_scale, out_scale, Rounding.UPWARD)
            right = rescaled(rhs, rhs_scale, out_scale, Rounding.UPWARD)
            return saturated(call(name, left, right), out_point, dtype)
        parameters = add_parameters(lhs_scale, rhs_scale, out_scale)
        wide = number(ADD_LEFT_SHIFT)
        left, right = (wrapped(call("left_shift", part, wide)) for part in (lhs, rhs))
        left = requantised(left, *parameters[:2], Rounding.TFLITE)
        right = requantised(right, *parameters[2:4], Rounding.TFLITE)
        total = wrapped(call(name, left, right))
        return saturated(requantised(total, *parameters[4:], Rounding.TFLITE), out_point, dtype)

    return rule


def _mul(
    node: Call,
    lhs_scale: Array,
    lhs_point: Array,
    rhs_scale: Array,
    rhs_point: Array,
    out_scale: Array,
    out_point: Array,
) -> Expr | None:
    product = call("multiply", _less(node.args[0], lhs_point), _less(node.args[1], rhs_point))
    scale = np.asarray(lhs_scale, np.float64) * np.asarray(rhs_scale, np.float64)
    result = rescaled(wrapped(product), scale, out_scale, _rounding(node))
    return saturated(result, out_point, _tensor(node).dtype)


def _concatenate(node: Call) -> Expr | None:
    data, scales, points, out_scale, out_point = node.args
    if not all(isinstance(part, Tuple) for part in (data, scales, points)):
        return None
    known = (*cast(Tuple, scales).fields, *cast(Tuple, points).fields, out_scale, out_point)
    if not all(isinstance(part, Constant) for part in known):
        return None
    values = [cast(Constant, part).value for part in known]
    count = len(cast(Tuple, data).fields)
    target = values[-2], values[-1]
    parts = []
    for place, part in enumerate(cast(Tuple, data).fields):
        scale, point = values[place], values[count + place]
        if not (scale == target[0] and point == target[1]):
            moved = rescaled(_less(part, point), scale, target[0], _rounding(node))
            part = saturated(moved, target[1], _tensor(node).dtype)
        parts.append(part)
    return call("concatenate", Tuple(tuple(parts)), axis=node.attrs["axis"], span=node.span)


def _less(x: Expr, zero_point: Array) -> Expr:
    """Return integers less their zero point, as int64."""
    return call("subtract", int64(x), number(zero_point)) if np.any(zero_point) else int64(x)


def _rounding(node: Call) -> Rounding:
    return Rounding[str(node.attrs["rounding"])]


def _tensor(node: Expr) -> TensorType:
    assert isinstance(node.type, TensorType)
    return node.type


_RULES = {
    "qnn.add": _rule(_sum("add"), 2),
    "qnn.concatenate": _concatenate,
    "qnn.conv2d": _rule(_conv2d, 2),
    "qnn.dense": _rule(_dense, 2),
    "qnn.dequantize": _rule(_dequantize, 1),
    "qnn.mul": _rule(_mul, 2),
    "qnn.quantize": _rule(_quantize, 1),
    "qnn.requantize": _rule(_requantize, 1),
    "qnn.subtract": _rule(_sum("subtract"), 2),
}
