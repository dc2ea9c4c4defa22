"""ONNX normalisations as Relay's."""

from collections.abc import Mapping
from math import prod

import numpy as np

from ..errors import Unsupported
from ..ir import Constant, Expr
from ..ops import call
from .onnx_node import OnnxContext, OnnxConverter, OnnxSplitter

__all__ = ["MOMENTS", "NORMALIZATION"]


def _batch_norm(context: OnnxContext) -> Expr:
    (data,) = context.floats(0)
    context.floats(1, 2, 3, 4)
    context.require("training_mode", 0, 0)
    epsilon = context.attribute("epsilon", 1e-5)
    shape = (-1, *[1] * (len(context.value(0).shape) - 2))
    if any(context.value(number).array is None for number in range(1, 5)):
        return call("nn.batch_norm", *context.floats(0, 1, 2, 3, 4), span=context.span,
                    epsilon=float(epsilon))  # fmt: skip
    scale, bias, mean, variance = (
        context.constant(number, what).astype(np.float64)
        for number, what in enumerate(("scale", "B", "mean", "var"), 1)
    )
    factor = scale / np.sqrt(variance + epsilon)
    made = data
    dtype = context.value(0).dtype
    for name, vector in (("multiply", factor), ("add", bias - mean * factor)):
        constant = Constant(vector.astype(dtype).reshape(shape), span=context.span)
        made = call(name, made, constant, span=context.span)
    return made


def _layer_norm(context: OnnxContext) -> Expr:
    """Convert LayerNormalization over the last axes, several as one."""
    data, scale = context.floats(0, 1)
    shape, span = context.value(0).shape, context.span
    axis = context.attribute("axis", -1) % len(shape)
    width = prod(shape[axis:])
    if axis != len(shape) - 1:
        data = call("reshape", data, span=span, newshape=(*shape[:axis], width))
    bias: Expr = Constant(np.zeros(width, context.value(0).dtype), span=span)
    if context.has(2):
        (bias,) = context.floats(2)
    scale, bias = (_vector(context, expr, n, width) for n, expr in ((1, scale), (2, bias)))
    epsilon = float(context.attribute("epsilon", 1e-5))
    made = call("nn.layer_norm", data, scale, bias, span=span, axis=-1, epsilon=epsilon)
    if axis == len(shape) - 1:
        return made
    return call("reshape", made, span=span, newshape=shape)


def _layer_norm_with_moments(context: OnnxContext) -> tuple[Expr, ...]:
    """Return the normalised data, the mean, and one over the deviation."""
    made = _layer_norm(context)
    if len(context.results) == 1:
        return (made,)
    (data,), span = context.floats(0), context.span
    rank = len(context.value(0).shape)
    axes = tuple(range(context.attribute("axis", -1) % rank, rank))
    mean = call("mean", data, span=span, axis=axes, keepdims=True)
    variance = call("variance", data, mean, span=span, axis=axes, keepdims=True)
    epsilon = context.scalar(context.attribute("epsilon", 1e-5))
    return made, mean, call("rsqrt", call("add", variance, epsilon, span=span), span=span)


def _vector(context: OnnxContext, expr: Expr, number: int, width: int) -> Expr:
    """Return parameter `number` as a vector of `width` elements."""
    shape = context.value(number).shape if context.has(number) else (width,)
    if shape == (width,):
        return expr
    if prod(shape) == width:
        return call("reshape", expr, span=context.span, newshape=(width,))
    if prod(shape) == 1:
        flat = call("reshape", expr, span=context.span, newshape=(1,))
        return call("broadcast_to", flat, span=context.span, shape=(width,))
    raise Unsupported(
        f"input {number} must have {width} elements, not {shape}; the nearest supported form has "
        "one for each element that is normalised",
        context.span,
    )


def _rms_norm(context: OnnxContext) -> Expr:
    """x / sqrt(mean(x * x) + epsilon) * scale."""
    data, scale = context.floats(0, 1)
    rank, span = len(context.value(0).shape), context.span
    axes = tuple(range(context.attribute("axis", -1) % rank, rank))
    square = call("multiply", data, data, span=span)
    mean = call("mean", square, span=span, axis=axes, keepdims=True)
    epsilon = context.scalar(context.attribute("epsilon", 1e-5))
    root = call("sqrt", call("add", mean, epsilon, span=span), span=span)
    return call("multiply", call("divide", data, root, span=span), scale, span=span)


def _instance_norm(context: OnnxContext) -> Expr:
    epsilon = float(context.attribute("epsilon", 1e-5))
    return call(
        "nn.instance_norm", *context.floats(0, 1, 2), span=context.span, axis=1, epsilon=epsilon
    )


def _group_norm(context: OnnxContext) -> Expr:
    """Convert GroupNormalization; in set 18 a scale is of a group, since 21 of a channel."""
    data, *parameters = context.floats(0, 1, 2)
    channels = context.value(0).shape[1]
    groups = int(context.attribute("num_groups", 1))
    if context.value(1).shape != (channels,):
        times = channels // groups
        parameters = [
            call("repeat", one, span=context.span, repeats=times, axis=0) for one in parameters
        ]
    return call(
        "nn.group_norm",
        data,
        *parameters,
        span=context.span,
        num_groups=groups,
        axis=1,
        epsilon=float(context.attribute("epsilon", 1e-5)),
    )


def _lp_norm(context: OnnxContext) -> Expr:
    """x divided by the sum of its sizes along an axis, or by the root of the sum of squares."""
    (data,) = context.floats(0)
    span, axis = context.span, context.attribute("axis", -1)
    first = context.attribute("p", 2) == 1
    parts = call("abs", data, span=span) if first else call("multiply", data, data, span=span)
    total = call("sum", parts, span=span, axis=(axis,), keepdims=True)
    size = total if first else call("sqrt", total, span=span)
    # ONNX gives 0 where all is 0.
    zero = call("equal", size, context.scalar(0), span=span)
    return call("divide", data, call("where", zero, context.scalar(1), size, span=span), span=span)


def _mean_variance(context: OnnxContext) -> Expr:
    """(x - mean) / (deviation + 1e-9), as ONNX's function body has it."""
    (data,) = context.floats(0)
    span, axes = context.span, tuple(context.attribute("axes", (0, 2, 3)))
    mean = call("mean", data, span=span, axis=axes, keepdims=True)
    centred = call("subtract", data, mean, span=span)
    squares = call("multiply", centred, centred, span=span)
    variance = call("mean", squares, span=span, axis=axes, keepdims=True)
    deviation = call("add", call("sqrt", variance, span=span), context.scalar(1e-9), span=span)
    return call("divide", centred, deviation, span=span)


def _local_response(context: OnnxContext) -> Expr:
    return call(
        "nn.lrn",
        *context.floats(0),
        span=context.span,
        size=int(context.attribute("size", 1)),
        axis=1,
        alpha=float(context.attribute("alpha", 1e-4)),
        beta=float(context.attribute("beta", 0.75)),
        bias=float(context.attribute("bias", 1.0)),
    )


NORMALIZATION: Mapping[str, OnnxConverter] = {
    "BatchNormalization": _batch_norm,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "LRN": _local_response,
    "LpNormalization": _lp_norm,
    "MeanVarianceNormalization": _mean_variance,
    "RMSNormalization": _rms_norm,
}

MOMENTS: Mapping[str, OnnxSplitter] = {"LayerNormalization": _layer_norm_with_moments}
"""Normalisations that may have several results."""
