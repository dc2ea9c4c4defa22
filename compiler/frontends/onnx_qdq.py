"""Recognises int8 layers between DequantizeLinear and QuantizeLinear, in the normal form.

::

    DequantizeLinear(q1) ...        before
      -> operator [-> Add of a constant] [-> Relu | Clip]
      -> QuantizeLinear
    the normal form's layer on q1 ...   after, rounding "UPWARD"

A file's uint8 is held as int8 less 128, its zero point as well: the same numbers, exactly.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from ..errors import Unsupported
from ..ir import Expr, Tuple
from ..ops import call
from . import normal_form
from .common import Array
from .normal_form import Quantization
from .onnx_linear import batched, unbatched, units_first
from .onnx_node import OnnxContext, Source
from .onnx_open import newshape
from .onnx_pooling import pool_attributes

__all__ = ["QDQ", "Layer"]

ROUNDING = "UPWARD"

# Only a Gemm with these is the product and the bias alone.
GEMM_DEFAULTS = (("alpha", 1.0), ("beta", 1.0), ("transA", 0))


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """An operator between DequantizeLinear and QuantizeLinear.

    Attributes
    ----------
    context : OnnxContext
    target : Quantization
        Of the result.
    bias : array or None
        A float32 constant that is added before the result is quantised.
    """

    context: OnnxContext
    target: Quantization
    bias: Array | None = None

    def source(self, number: int) -> Source | None:
        """Return what input `number` was dequantised from, if it was, from one scale."""
        value = self.context.inputs[number] if number < len(self.context.inputs) else None
        source = None if value is None else value.source
        if source is None or source.quantization.scale.ndim:
            return None
        return source


LayerConverter = Callable[[Layer], Expr | None]


def _weight(layer: Layer, axis: int) -> tuple[Array, Quantization] | None:
    """Return the int8 weight in input 1 and its scales along output channels `axis`."""
    source = layer.context.value(1).source
    if source is None or source.array is None or source.array.dtype != np.int8:
        return None
    if source.quantization.zero_point != 0:
        raise Unsupported(
            f"the weight must have zero point 0 (128 of uint8), not "
            f"{source.quantization.zero_point}; quantise weights symmetrically",
            layer.context.span,
        )
    if source.quantization.scale.ndim and source.axis % source.array.ndim != axis:
        raise Unsupported(
            f"the weight must have one scale, or one for each index of axis {axis} (its output "
            f"channels), not of axis {source.axis}; set axis of its DequantizeLinear",
            layer.context.span,
        )
    return source.array, source.quantization


def _bias(
    layer: Layer, number: int, data: Quantization, weight: Quantization, channels: int
) -> Array | None:
    """Return the bias as int32 in units of the accumulator; None if it is not a constant vector.

    One that the file holds in these units already, as it should be, stays as it is.
    """
    unit = data.scale.astype(np.float64) * weight.scale.astype(np.float64)
    value = layer.context.inputs[number] if number < len(layer.context.inputs) else None
    terms: list[tuple[Array, Array]] = []
    if layer.bias is not None:
        terms.append((layer.bias, 1 / unit))
    if value is not None and value.source is not None and value.source.array is not None:
        source = value.source
        ratio = source.quantization.scale.astype(np.float64) / unit
        held = value.source.array.astype(np.float64) - source.quantization.zero_point
        terms.append((held, np.where(np.abs(ratio - 1) < 1e-5, 1.0, ratio)))
    elif value is not None and value.array is not None:
        terms.append((value.array, 1 / unit))
    elif value is not None:
        return None
    total = np.zeros(channels, np.float64)
    for term, factor in terms:
        if term.size not in (1, channels):
            return None
        total += term.reshape(-1).astype(np.float64) * factor.astype(np.float64)
    limits = np.iinfo(np.int32)
    return np.clip(np.rint(total), limits.min, limits.max).astype(np.int32)


def _conv(layer: Layer) -> Expr | None:
    context = layer.context
    data, found = layer.source(0), _weight(layer, 0)
    if data is None or found is None:
        return None
    weight, scales = found
    if len(context.value(0).shape) != 4:
        return None
    channels, _, height, width = context.image(1)
    bias = _bias(layer, 2, data.quantization, scales, channels)
    if bias is None:
        return None
    return normal_form.convolution(
        data.expr,
        weight,
        bias,
        (data.quantization, scales, layer.target),
        ROUNDING,
        context.span,
        groups=context.attribute("group", 1),
        data_layout="NCHW",
        kernel_layout="OIHW",
        **context.window((height, width)),
    )


def _dense(layer: Layer) -> Expr | None:
    """Convert Gemm, and MatMul with a matrix of weights."""
    context = layer.context
    if len(context.value(1).shape) != 2 or len(context.value(0).shape) < 2:
        return None
    transposed = units_first(context)
    if any(context.attribute(name, default) != default for name, default in GEMM_DEFAULTS):
        return None
    data, found = layer.source(0), _weight(layer, 0 if transposed else 1)
    if data is None or found is None:
        return None
    weight, scales = found
    weight = weight if transposed else np.ascontiguousarray(weight.T)
    bias = _bias(layer, 2, data.quantization, scales, weight.shape[0])
    if bias is None:
        return None
    expr = data.expr
    flat = len(context.value(0).shape) == 2
    if not flat:
        expr = call("reshape", expr, span=context.span, newshape=(-1, weight.shape[1]))
    quantizations = (data.quantization, scales, layer.target)
    made = normal_form.dense(expr, weight, bias, quantizations, ROUNDING, context.span)
    if flat:
        return made
    rows, units = context.value(0).shape[:-1], weight.shape[0]
    codes = newshape(context, (prod(rows), units), (*rows, units))
    return call("reshape", made, span=context.span, newshape=codes)


def _matmul(layer: Layer) -> Expr | None:
    """Convert MatMul: with a matrix of weights, or of two activations."""
    made = _dense(layer)
    left, right = layer.source(0), layer.source(1)
    ranks = len(layer.context.value(0).shape), len(layer.context.value(1).shape)
    if made is not None or left is None or right is None or min(ranks) < 2 or max(ranks) < 3:
        return made
    if layer.bias is not None:
        return None
    context = layer.context
    product = normal_form.batch_product(
        batched(context, left.expr, right.expr),
        (left.quantization, right.quantization, layer.target),
        ROUNDING,
        context.span,
    )
    return unbatched(context, product)


def _element_wise(make: Callable[..., Expr]) -> LayerConverter:
    """Return the converter of an element-wise operator on two tensors."""

    def converter(layer: Layer) -> Expr | None:
        left, right = layer.source(0), layer.source(1)
        if left is None or right is None:
            return None
        return make(
            (left.expr, left.quantization),
            (right.expr, right.quantization),
            layer.target,
            ROUNDING,
            layer.context.span,
        )

    return converter


def _average_pool(layer: Layer) -> Expr | None:
    source = layer.source(0)
    if source is None or len(layer.context.value(0).shape) != 4:
        return None
    attrs = pool_attributes(layer.context)
    return normal_form.average_pool(
        source.expr, source.quantization, layer.target, ROUNDING, layer.context.span, **attrs
    )


def _unchanged(layer: Layer) -> Expr | None:
    """Convert Relu or Clip alone; the importer clamps the result."""
    source = layer.source(0)
    return None if source is None else _as_target(layer, source.expr, source.quantization)


def _as_target(layer: Layer, made: Expr, source: Quantization) -> Expr:
    """Return `made` in the result's quantisation."""
    return normal_form.requantized(made, source, layer.target, ROUNDING, layer.context.span)


def _concat(layer: Layer) -> Expr | None:
    context = layer.context
    sources = [layer.source(number) for number in range(len(context.inputs))]
    parts = [_as_target(layer, s.expr, s.quantization) for s in sources if s is not None]
    if len(parts) != len(sources):
        return None
    joined = Tuple(tuple(parts), span=context.span)
    return call("concatenate", joined, span=context.span, axis=context.attribute("axis", 1))


def _softmax(layer: Layer) -> Expr | None:
    """Convert Softmax where the result's scale is a power of two, as integers need it."""
    source, context = layer.source(0), layer.context
    mantissa, exponent = np.frexp(np.float64(layer.target.scale))
    if source is None or mantissa != 0.5 or not -15 <= exponent <= 1 or context.version < 13:
        return None
    axis = context.attribute("axis", -1)
    return normal_form.softmax(source.expr, source.quantization, layer.target, axis, context.span)


QDQ: Mapping[str, LayerConverter] = {
    "Add": _element_wise(normal_form.add),
    "AveragePool": _average_pool,
    "Clip": _unchanged,
    "Concat": _concat,
    "Conv": _conv,
    "Gemm": _dense,
    "GlobalAveragePool": _average_pool,
    "MatMul": _matmul,
    "Mul": _element_wise(normal_form.multiply),
    "Relu": _unchanged,
    "Softmax": _softmax,
}
