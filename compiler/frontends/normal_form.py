"""The form that int8 networks take in Relay: one sequence of operators for each layer.

::

    convolution      qnn.conv2d -> nn.bias_add -> qnn.requantize [-> clip]
    fully connected  qnn.dense  -> nn.bias_add -> qnn.requantize [-> clip]
    two activations  qnn.batch_matmul -> qnn.requantize [-> clip]
    element-wise     qnn.add | qnn.mul [-> clip]
    average pool     qnn.avg_pool2d [-> clip]
    softmax          qnn.softmax
    other scale      qnn.requantize

Every importer builds its layers here, so that what the backends match is written once. A layer with
weights always has a bias. Scales are float32 constants; only the product of two scales is float64,
which holds it exactly.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..ir import Constant, Expr, Span
from ..ops import call
from .common import Array

__all__ = [
    "Quantization",
    "add",
    "average_pool",
    "batch_product",
    "bounded",
    "convolution",
    "dense",
    "dequantized",
    "multiply",
    "quantized",
    "requantized",
    "softmax",
]


@dataclass(frozen=True, slots=True, eq=False)
class Quantization:
    """What the int8 value q of a tensor stands for: scale * (q - zero_point).

    Attributes
    ----------
    scale : float32 array
        A scalar, or of weights a vector: one scale for each output channel.
    zero_point : int, in -128..127
    """

    scale: npt.NDArray[np.float32]
    zero_point: int

    def same(self, other: "Quantization") -> bool:
        """Return whether equal integers stand for equal numbers."""
        return self.zero_point == other.zero_point and np.array_equal(self.scale, other.scale)


def _pair(what: Quantization, span: Span) -> tuple[Constant, Constant]:
    """Return scale and zero point as constants."""
    return Constant(what.scale, span=span), _int32(what.zero_point, span)


def _int32(value: int, span: Span) -> Constant:
    return Constant(np.array(value, np.int32), span=span)


def quantized(data: Expr, what: Quantization, span: Span) -> Expr:
    """Return float32 `data` as int8, half rounded away from zero."""
    return call("qnn.quantize", data, *_pair(what, span), span=span, out_dtype="int8")


def dequantized(data: Expr, what: Quantization, span: Span, axis: int = -1) -> Expr:
    """Return what the integers `data` stand for, as float32."""
    return call("qnn.dequantize", data, *_pair(what, span), span=span, axis=axis)


def requantized(
    data: Expr, source: Quantization, target: Quantization, rounding: str, span: Span
) -> Expr:
    """Return int8 `data` of one quantisation in another; `data` itself where they are the same."""
    if source.same(target):
        return data
    return call(
        "qnn.requantize",
        data,
        *_pair(source, span),
        *_pair(target, span),
        span=span,
        rounding=rounding,
        out_dtype="int8",
    )


def bounded(data: Expr, low: int, high: int, span: Span) -> Expr:
    """Return int8 `data` clamped to low..high; `data` itself where that is all of int8."""
    low, high = max(low, -128), min(high, 127)
    if (low, high) == (-128, 127):
        return data
    return call("clip", data, span=span, a_min=float(low), a_max=float(high))


def _layer(
    accumulator: Expr,
    bias: Array,
    axis: int,
    scales: tuple[Quantization, Quantization, Quantization],
    rounding: str,
    span: Span,
) -> Expr:
    """Return int32 sums of products with their bias, as int8."""
    data, weight, result = scales
    biased = call("nn.bias_add", accumulator, Constant(bias, span=span), span=span, axis=axis)
    product = data.scale.astype(np.float64) * weight.scale.astype(np.float64)
    return call(
        "qnn.requantize",
        biased,
        Constant(product, span=span),
        _int32(0, span),
        *_pair(result, span),
        span=span,
        axis=axis,
        rounding=rounding,
        out_dtype="int8",
    )


def convolution(
    data: Expr,
    weight: Array,
    bias: Array,
    scales: tuple[Quantization, Quantization, Quantization],
    rounding: str,
    span: Span,
    **attrs: object,
) -> Expr:
    """Return a convolution layer.

    Parameters
    ----------
    data : Expr
        int8 image.
    weight : int8 array
    bias : int32[channels]
    scales : Quantization of data, weight and result
    rounding : str
    attrs
        Of qnn.conv2d, data_layout and kernel_layout among them.
    """
    (in_scale, in_zero_point), (w_scale, w_zero_point) = (_pair(what, span) for what in scales[:2])
    kernel = str(attrs["kernel_layout"])
    accumulator = call(
        "qnn.conv2d",
        data,
        Constant(weight, span=span),
        in_zero_point,
        w_zero_point,
        in_scale,
        w_scale,
        span=span,
        channels=len(bias),
        kernel_size=(weight.shape[kernel.index("H")], weight.shape[kernel.index("W")]),
        out_dtype="int32",
        **attrs,
    )
    axis = str(attrs["data_layout"]).index("C")
    return _layer(accumulator, bias, axis, scales, rounding, span)


def dense(
    data: Expr,
    weight: Array,
    bias: Array,
    scales: tuple[Quantization, Quantization, Quantization],
    rounding: str,
    span: Span,
) -> Expr:
    """Return a fully connected layer: int8 data[n, k], weight[units, k], int32 bias[units]."""
    (in_scale, in_zero_point), (w_scale, w_zero_point) = (_pair(what, span) for what in scales[:2])
    accumulator = call(
        "qnn.dense",
        data,
        Constant(weight, span=span),
        in_zero_point,
        w_zero_point,
        in_scale,
        w_scale,
        span=span,
        units=weight.shape[0],
        out_dtype="int32",
    )
    return _layer(accumulator, bias, 1, scales, rounding, span)


def batch_product(
    operands: tuple[Expr, Expr],
    scales: tuple[Quantization, Quantization, Quantization],
    rounding: str,
    span: Span,
) -> Expr:
    """Return the products of int8 matrices [n, i, k] and [n, k, j], both computed."""
    (left_scale, left_point), (right_scale, right_point) = (
        _pair(what, span) for what in scales[:2]
    )
    sums = call(
        "qnn.batch_matmul",
        *operands,
        left_point,
        right_point,
        left_scale,
        right_scale,
        span=span,
        out_dtype="int32",
        transpose_b=False,
    )
    unit = scales[0].scale.astype(np.float64) * scales[1].scale.astype(np.float64)
    return call(
        "qnn.requantize",
        sums,
        Constant(unit, span=span),
        _int32(0, span),
        *_pair(scales[2], span),
        span=span,
        rounding=rounding,
        out_dtype="int8",
    )


def _binary(
    name: str,
    left: tuple[Expr, Quantization],
    right: tuple[Expr, Quantization],
    result: Quantization,
    rounding: str,
    span: Span,
) -> Expr:
    """Return an element-wise operator on two int8 tensors."""
    return call(
        name,
        left[0],
        right[0],
        *_pair(left[1], span),
        *_pair(right[1], span),
        *_pair(result, span),
        span=span,
        rounding=rounding,
    )


def add(
    left: tuple[Expr, Quantization],
    right: tuple[Expr, Quantization],
    result: Quantization,
    rounding: str,
    span: Span,
) -> Expr:
    """Return the sum of two int8 tensors."""
    return _binary("qnn.add", left, right, result, rounding, span)


def multiply(
    left: tuple[Expr, Quantization],
    right: tuple[Expr, Quantization],
    result: Quantization,
    rounding: str,
    span: Span,
) -> Expr:
    """Return the element-wise product of two int8 tensors."""
    return _binary("qnn.mul", left, right, result, rounding, span)


def average_pool(
    data: Expr,
    source: Quantization,
    result: Quantization,
    rounding: str,
    span: Span,
    **attrs: object,
) -> Expr:
    """Return the average over each window of an int8 image; attrs are those of nn.avg_pool2d."""
    return call(
        "qnn.avg_pool2d",
        data,
        *_pair(source, span),
        *_pair(result, span),
        span=span,
        rounding=rounding,
        **attrs,
    )


def softmax(data: Expr, source: Quantization, result: Quantization, axis: int, span: Span) -> Expr:
    """Return the softmax of an int8 tensor, by integers; the result's scale is a power of two."""
    return call(
        "qnn.softmax", data, *_pair(source, span), *_pair(result, span), span=span, axis=axis
    )
