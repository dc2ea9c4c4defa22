"""ONNX reductions as Relay's."""

from collections.abc import Mapping

import numpy as np

from ..ir import Expr
from ..ops import call
from .onnx_node import OnnxContext, OnnxConverter

__all__ = ["REDUCTION", "reduced_axes"]


def reduced_axes(context: OnnxContext) -> tuple[int, ...]:
    """Return the axes to reduce: an attribute, in later versions input 1; all by default."""
    rank = len(context.value(0).shape)
    axes = context.attribute("axes", None)
    if context.has(1):
        axes = context.constant(1, "axes").tolist()
    if not axes:
        return () if context.attribute("noop_with_empty_axes", 0) else tuple(range(rank))
    return tuple(int(axis) % rank for axis in axes)


def _reduced(name: str, before: str = "", after: str = "") -> OnnxConverter:
    """Return the converter to a Relay reduction, with operators of one operand around it."""

    def converter(context: OnnxContext) -> Expr:
        (data,) = context.numbers(0)
        span, axes = context.span, reduced_axes(context)
        keep = bool(context.attribute("keepdims", 1))
        if before == "square":
            data = call("multiply", data, data, span=span)
        elif before:
            data = call(before, data, span=span)
        if axes:
            data = call(name, data, span=span, axis=axes, keepdims=keep)
        return call(after, data, span=span) if after else data

    return converter


def _log_sum_exp(context: OnnxContext) -> Expr:
    axes = reduced_axes(context)
    if not axes:
        return context.floats(0)[0]
    keep = bool(context.attribute("keepdims", 1))
    return call("logsumexp", *context.floats(0), span=context.span, axis=axes, keepdims=keep)


def _place(name: str) -> OnnxConverter:
    """Return the converter of ArgMax or ArgMin; the place is int64."""

    def converter(context: OnnxContext) -> Expr:
        made = call(
            name,
            context.value(0).expr,
            span=context.span,
            axis=(context.attribute("axis", 0),),
            keepdims=bool(context.attribute("keepdims", 1)),
            select_last_index=bool(context.attribute("select_last_index", 0)),
        )
        return call("cast", made, span=context.span, dtype="int64")

    return converter


def _softmax(context: OnnxContext) -> Expr:
    """Convert Softmax and LogSoftmax; before set 13 they ran over all axes from `axis` on."""
    (data,) = context.floats(0)
    shape, span = context.value(0).shape, context.span
    name = "nn.softmax" if context.kind == "Softmax" else "nn.log_softmax"
    axis = context.attribute("axis", -1 if context.version >= 13 else 1) % max(len(shape), 1)
    if context.version >= 13:
        return call(name, data, span=span, axis=axis)
    rest = int(np.prod(shape[axis:]))
    if rest == shape[axis]:
        return call(name, data, span=span, axis=axis)
    flat = call("reshape", data, span=span, newshape=(int(np.prod(shape[:axis])), rest))
    made = call(name, flat, span=span, axis=1)
    return call("reshape", made, span=span, newshape=shape)


def _hardmax(context: OnnxContext) -> Expr:
    """1 at the first largest element of an axis, 0 elsewhere."""
    (data,) = context.floats(0)
    shape = context.value(0).shape
    axis = context.attribute("axis", -1 if context.version >= 13 else 1) % len(shape)
    place = call("argmax", data, span=context.span, axis=(axis,))
    ends = context.scalar(1), context.scalar(0)
    dtype = context.value(0).dtype
    return call(
        "one_hot", place, *ends, span=context.span, depth=shape[axis], axis=axis, dtype=dtype
    )


REDUCTION: Mapping[str, OnnxConverter] = {
    "ArgMax": _place("argmax"),
    "ArgMin": _place("argmin"),
    "Hardmax": _hardmax,
    "LogSoftmax": _softmax,
    "ReduceL1": _reduced("sum", "abs"),
    "ReduceL2": _reduced("sum", "square", "sqrt"),
    "ReduceLogSum": _reduced("sum", "", "log"),
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceMax": _reduced("max"),
    "ReduceMean": _reduced("mean"),
    "ReduceMin": _reduced("min"),
    "ReduceProd": _reduced("prod"),
    "ReduceSum": _reduced("sum"),
    "ReduceSumSquare": _reduced("sum", "square"),
    "Softmax": _softmax,
}
