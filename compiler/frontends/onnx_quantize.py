"""QuantizeLinear and DequantizeLinear; between them, `onnx_qdq` finds int8 layers.

QuantizeLinear of what is computed rounds half away from zero where ONNX rounds half to even: it
differs, by one, only where a value lies exactly between two steps. Constants are rounded as ONNX
does.
"""

import numpy as np

from ..errors import ImportFailed, Unsupported
from . import normal_form
from .common import Array
from .normal_form import Quantization
from .onnx_node import OnnxContext, Source, Value, constant_value

__all__ = ["dequantize", "quantization_of", "quantize"]


def quantization_of(context: OnnxContext) -> tuple[Quantization, str]:
    """Return scale and zero point of a (De)QuantizeLinear as int8's, and the file's data type.

    Raises
    ------
    Unsupported
        Neither int8 nor uint8 (int32 of a bias), zero points that differ, or blocks.
    ImportFailed
        A scale that is not > 0.
    """
    context.require("block_size", 0, 0)
    dtype = _dtype(context)
    scale = np.asarray(context.constant(1, "the scale"), np.float32)
    points = np.zeros(1, np.int64)
    if context.has(2):
        points = context.constant(2, "the zero point").astype(np.int64).reshape(-1)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise ImportFailed(
            f"the scale must be > 0, not {scale.min()}; calibrate and export again", context.span
        )
    if len(set(points.tolist())) > 1:
        raise Unsupported(
            f"zero points must be equal along the axis, not {points.min()}..{points.max()}; "
            "quantise weights symmetrically",
            context.span,
        )
    scale = scale.reshape(()) if scale.size == 1 else scale.reshape(-1)
    shift = 128 if dtype == "uint8" else 0
    return Quantization(scale, int(points[0]) - shift), dtype


def _dtype(context: OnnxContext) -> str:
    """Return the data type of the integers, which must be one that is taken."""
    taken: tuple[str, ...] = ("int8", "uint8")
    dtype = context.result.dtype
    if context.kind == "DequantizeLinear":
        dtype, taken = context.value(0).dtype, (*taken, "int32")
    if dtype not in taken:
        raise Unsupported(
            f"data type {dtype} is not supported; the nearest supported ones are "
            f"{' and '.join(taken)}",
            context.span,
        )
    return dtype


def quantize(context: OnnxContext) -> Value:
    """Return the value of QuantizeLinear."""
    what, dtype = quantization_of(context)
    value, span = context.value(0), context.span
    if value.array is not None:
        array = _quantized_constant(context, value.array, what)
        return Value(constant_value(array, span).expr, array.shape, dtype, array, dtype == "uint8")
    if what.scale.ndim:
        raise Unsupported(
            f"{len(what.scale)} scales for an activation are not supported; "
            "the nearest supported form is one scale",
            span,
        )
    source = value.source
    if source is not None and not source.quantization.scale.ndim and value.shape:
        expr = normal_form.requantized(source.expr, source.quantization, what, "UPWARD", span)
    else:
        (data,) = context.floats(0)
        expr = normal_form.quantized(data, what, span)
    return Value(expr, context.result.shape, dtype, None, dtype == "uint8")


def _quantized_constant(context: OnnxContext, array: Array, what: Quantization) -> Array:
    """Return a constant as int8, less 128 if it is uint8; half to even, as ONNX."""
    scale = what.scale
    if scale.ndim:
        shape = [1] * array.ndim
        shape[context.attribute("axis", 1)] = -1
        scale = scale.reshape(shape)
    steps = np.rint(array.astype(np.float32) / scale).astype(np.float64) + what.zero_point
    return np.asarray(np.clip(steps, -128, 127), np.int8)


def dequantize(context: OnnxContext) -> Value:
    """Return the value of DequantizeLinear, and with it the integers it comes from."""
    what, _ = quantization_of(context)
    value, span = context.value(0).signed(context.span), context.span
    axis = context.attribute("axis", 1)
    expr = normal_form.dequantized(value.expr, what, span, axis if what.scale.ndim else -1)
    source = Source(value.expr, value.array, what, axis)
    return Value(expr, context.result.shape, "float32", source=source)
