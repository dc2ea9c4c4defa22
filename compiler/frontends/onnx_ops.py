"""ONNX operators as Relay's, one function each; images stay NCHW and kernels OIHW.

Operators that only move elements take any data type; the others take float32.
"""

from collections.abc import Mapping
from math import prod

import numpy as np

from ..errors import ImportFailed, Unsupported
from ..ir import Constant, Expr, Tuple
from ..ops import call
from .onnx_node import OnnxContext, OnnxConverter

__all__ = ["FLOAT", "MOVEMENT", "clip_bounds", "pool_attributes", "units_first"]


def _named(name: str, count: int = 1) -> OnnxConverter:
    """Return the converter to the Relay operator `name` of `count` float32 operands."""

    def converter(context: OnnxContext) -> Expr:
        return call(name, *context.floats(*range(count)), span=context.span)

    return converter


def _conv(context: OnnxContext) -> Expr:
    data, weight = context.floats(0, 1)
    context.image(0)
    channels, _, height, width = context.image(1)
    made = call(
        "nn.conv2d",
        data,
        weight,
        span=context.span,
        channels=channels,
        kernel_size=(height, width),
        groups=context.attribute("group", 1),
        data_layout="NCHW",
        kernel_layout="OIHW",
        **context.window((height, width)),
    )
    if not context.has(2):
        return made
    return call("nn.bias_add", made, *context.floats(2), span=context.span, axis=1)


def units_first(context: OnnxContext) -> bool:
    """Return whether operand B of Gemm or MatMul is [units, k], not [k, units]."""
    return context.kind == "Gemm" and bool(context.attribute("transB", 0))


def _gemm(context: OnnxContext) -> Expr:
    data, weight = context.floats(0, 1)
    span = context.span
    context.require("transA", 0, 0)
    if not units_first(context):
        weight = call("transpose", weight, span=span, axes=(1, 0))
    made: Expr = call("nn.dense", data, weight, span=span, units=context.result.shape[-1])
    made = _scaled(context, made, "alpha")
    if not context.has(2):
        return made
    (bias,) = context.floats(2)
    return call("add", made, _scaled(context, bias, "beta"), span=span)


def _scaled(context: OnnxContext, value: Expr, name: str) -> Expr:
    """Return `value` times the attribute `name`."""
    factor = context.attribute(name, 1.0)
    if factor == 1.0:
        return value
    constant = Constant(np.array(factor, np.float32), span=context.span)
    return call("multiply", value, constant, span=context.span)


def _matmul(context: OnnxContext) -> Expr:
    left, right = context.floats(0, 1)
    ranks = (len(context.value(0).shape), len(context.value(1).shape))
    if ranks[1] == 2 and ranks[0] >= 2:
        turned = call("transpose", right, span=context.span, axes=(1, 0))
        units = context.value(1).shape[1]
        return call("nn.dense", left, turned, span=context.span, units=units)
    if ranks == (3, 3):
        return call("nn.batch_matmul", left, right, span=context.span, transpose_b=False)
    raise Unsupported(
        f"MatMul of {ranks[0]} and {ranks[1]} axes is not supported; "
        "the nearest supported ones are n and 2 (n >= 2), and 3 and 3",
        context.span,
    )


def clip_bounds(context: OnnxContext) -> tuple[float, float]:
    """Return the bounds of Relu or Clip."""
    if context.kind == "Relu":
        return 0.0, np.inf
    bounds = []
    for number, name, default in ((1, "min", -np.inf), (2, "max", np.inf)):
        if context.has(number):
            bounds.append(float(context.constant(number, f"the bound {name}").reshape(())))
        else:
            bounds.append(float(context.attribute(name, default)))
    return bounds[0], bounds[1]


def _clip(context: OnnxContext) -> Expr:
    (data,) = context.floats(0)
    low, high = clip_bounds(context)
    return call("clip", data, span=context.span, a_min=low, a_max=high)


def pool_attributes(context: OnnxContext) -> dict[str, object]:
    """Return the attributes of Relay's pooling for MaxPool, AveragePool and GlobalAveragePool."""
    _, _, height, width = context.image(0)
    if context.kind.startswith("Global"):
        return {"pool_size": (height, width), "layout": "NCHW"}
    size = tuple(context.attribute("kernel_shape", ()))
    if len(size) != 2:
        raise ImportFailed(
            f"kernel_shape must have 2 elements, not {len(size)}; export again", context.span
        )
    context.require("storage_order", 0, 0)
    attrs: dict[str, object] = {
        "pool_size": size,
        "layout": "NCHW",
        "ceil_mode": bool(context.attribute("ceil_mode", 0)),
        **context.window((size[0], size[1])),
    }
    if context.kind == "AveragePool":
        attrs["count_include_pad"] = bool(context.attribute("count_include_pad", 0))
    return attrs


def _average_pool(context: OnnxContext) -> Expr:
    (data,) = context.floats(0)
    return call("nn.avg_pool2d", data, span=context.span, **pool_attributes(context))


def _max_pool(context: OnnxContext) -> Expr:
    data = context.value(0).expr
    return call("nn.max_pool2d", data, span=context.span, **pool_attributes(context))


def _softmax(context: OnnxContext) -> Expr:
    (data,) = context.floats(0)
    rank = len(context.value(0).shape)
    axis = context.attribute("axis", -1 if context.version >= 13 else 1) % rank
    # Before operator set 13, Softmax ran over all axes from `axis` on.
    if context.version < 13 and prod(context.value(0).shape[axis:]) != context.value(0).shape[axis]:
        raise Unsupported(
            f"Softmax over the axes from {axis} on is not supported; "
            f"the nearest supported one is over axis {rank - 1}",
            context.span,
        )
    return call("nn.softmax", data, span=context.span, axis=axis)


def _batch_norm(context: OnnxContext) -> Expr:
    (data,) = context.floats(0)
    context.floats(1, 2, 3, 4)
    context.require("training_mode", 0, 0)
    scale, bias, mean, variance = (
        context.constant(number, what).astype(np.float64)
        for number, what in enumerate(("scale", "B", "mean", "var"), 1)
    )
    factor = scale / np.sqrt(variance + context.attribute("epsilon", 1e-5))
    shape = (-1, *[1] * (len(context.value(0).shape) - 2))
    made = data
    for name, vector in (("multiply", factor), ("add", bias - mean * factor)):
        constant = Constant(vector.astype(np.float32).reshape(shape), span=context.span)
        made = call(name, made, constant, span=context.span)
    return made


def _reshape(context: OnnxContext) -> Expr:
    """Convert what changes the shape alone; the checker's shape inference knows the result."""
    data = context.value(0).expr
    return call("reshape", data, span=context.span, newshape=context.result.shape)


def _transpose(context: OnnxContext) -> Expr:
    value = context.value(0)
    axes = tuple(context.attribute("perm", tuple(reversed(range(len(value.shape))))))
    return call("transpose", value.expr, span=context.span, axes=axes)


def _concat(context: OnnxContext) -> Expr:
    parts = Tuple(
        tuple(context.value(number).expr for number in range(len(context.inputs))),
        span=context.span,
    )
    return call("concatenate", parts, span=context.span, axis=context.attribute("axis", 1))


# Each takes elements of its first input unchanged, whatever their type.
MOVEMENT: Mapping[str, OnnxConverter] = {
    "Flatten": _reshape,
    "MaxPool": _max_pool,
    "Reshape": _reshape,
    "Squeeze": _reshape,
    "Transpose": _transpose,
    "Unsqueeze": _reshape,
}

FLOAT: Mapping[str, OnnxConverter] = {
    "Add": _named("add", 2),
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _conv,
    "Gemm": _gemm,
    "GlobalAveragePool": _average_pool,
    "MatMul": _matmul,
    "Mul": _named("multiply", 2),
    "Relu": _named("nn.relu"),
    "Softmax": _softmax,
}
