"""TFLite operators on int8 tensors, in the normal form, rounded as TFLite's kernels do."""

from typing import Any

import numpy as np

from ..errors import Unsupported
from ..ir import Constant, Expr, Tuple
from ..ops import call
from . import normal_form
from .common import Array
from .normal_form import Quantization
from .tflite_node import TfliteNode

__all__ = [
    "add",
    "average_pool",
    "concatenation",
    "convolution",
    "depthwise",
    "dequantize",
    "fully_connected",
    "max_pool",
    "multiply",
    "pad",
    "quantize",
    "relu",
    "relu6",
    "softmax",
]

ROUNDING = "TFLITE"


def _bounded(node: TfliteNode, value: Expr, bounds: tuple[float | None, float | None]) -> Expr:
    """Return int8 `value` clamped to real bounds.

    Source
    ------
    TensorFlow Lite, kernels/kernel_util.cc, CalculateActivationRangeQuantized: a bound is divided
    by the scale in float32, and half rounds away from zero.
    """
    result = node.quantization(node.output)

    def integer(bound: float) -> int:
        steps = np.float64(np.float32(bound) / result.scale)
        return result.zero_point + int(np.copysign(np.floor(np.abs(steps) + 0.5), steps))

    low = -128 if bounds[0] is None else integer(bounds[0])
    high = 127 if bounds[1] is None else integer(bounds[1])
    return normal_form.bounded(value, low, high, node.span)


def _scales(node: TfliteNode, axis: int) -> tuple[Quantization, Quantization, Quantization]:
    """Return the quantisation of data, of the weight's `axis`, and of the result."""
    return (
        node.quantization(node.tensor(0)),
        node.weight_quantization(1, axis),
        node.quantization(node.output),
    )


def convolution(node: TfliteNode) -> Expr:
    """Convert CONV_2D."""
    return _convolution(node, node.convolution_form(), 0)


def depthwise(node: TfliteNode) -> Expr:
    """Convert DEPTHWISE_CONV_2D."""
    return _convolution(node, node.depthwise_form(), 3)


def _convolution(node: TfliteNode, form: tuple[Array, dict[str, Any]], axis: int) -> Expr:
    """Return a convolution layer; `axis` of TFLite's weight is its output channels."""
    node.require_dtypes("INT8", 0, 1)
    kernel, attrs = form
    bias = node.bias(2, node.tensor(1).shape[axis], "INT32")
    scales = _scales(node, axis)
    value = node.value(0)
    made = normal_form.convolution(value, kernel, bias, scales, ROUNDING, node.span, **attrs)
    return _bounded(node, made, node.activation())


def fully_connected(node: TfliteNode) -> Expr:
    """Convert FULLY_CONNECTED: weight [units, k]; data of more axes is flattened to [n, k]."""
    node.require_dtypes("INT8", 0, 1)
    weight = node.constant(1, "weight", 2)
    units, width = weight.shape
    if node.options["WeightsFormat"] != 0:
        raise Unsupported("shuffled weights are not supported; convert again", node.span)
    data = node.value(0)
    if len(node.tensor(0).shape) != 2:
        data = call("reshape", data, span=node.span, newshape=(-1, width))
    bias = node.bias(2, units, "INT32")
    made = normal_form.dense(data, weight, bias, _scales(node, 0), ROUNDING, node.span)
    made = _bounded(node, made, node.activation())
    if len(node.output.shape) != 2:
        made = call("reshape", made, span=node.span, newshape=node.output.shape)
    return made


def _operands(node: TfliteNode) -> tuple[tuple[Expr, Quantization], tuple[Expr, Quantization]]:
    """Return both operands of an element-wise operator."""
    node.require_dtypes("INT8", 0, 1)
    left, right = (
        (node.value(number), node.quantization(node.tensor(number))) for number in (0, 1)
    )
    return left, right


def add(node: TfliteNode) -> Expr:
    """Convert ADD."""
    left, right = _operands(node)
    result = node.quantization(node.output)
    made = normal_form.add(left, right, result, ROUNDING, node.span)
    return _bounded(node, made, node.activation())


def multiply(node: TfliteNode) -> Expr:
    """Convert MUL."""
    left, right = _operands(node)
    result = node.quantization(node.output)
    made = normal_form.multiply(left, right, result, ROUNDING, node.span)
    return _bounded(node, made, node.activation())


def _require_same(node: TfliteNode, numbers: range) -> Quantization:
    """Return the quantisation of the result, which these inputs must share."""
    result = node.quantization(node.output)
    for number in numbers:
        given = node.quantization(node.tensor(number))
        if not given.same(result):
            raise Unsupported(
                f"input '{node.tensor(number).name}' (scale {given.scale}, zero point "
                f"{given.zero_point}) must be quantised as the result is (scale {result.scale}, "
                f"zero point {result.zero_point}); put a QUANTIZE between",
                node.span,
            )
    return result


def average_pool(node: TfliteNode) -> Expr:
    """Convert AVERAGE_POOL_2D."""
    node.require_dtypes("INT8", 0)
    same = _require_same(node, range(1))
    size = (node.options["FilterHeight"], node.options["FilterWidth"])
    made = normal_form.average_pool(
        node.value(0),
        same,
        same,
        ROUNDING,
        node.span,
        pool_size=size,
        layout="NHWC",
        **node.window(size),
    )
    return _bounded(node, made, node.activation())


def max_pool(node: TfliteNode) -> Expr:
    """Convert MAX_POOL_2D."""
    node.require_dtypes("INT8", 0)
    _require_same(node, range(1))
    size = (node.options["FilterHeight"], node.options["FilterWidth"])
    made = call(
        "nn.max_pool2d",
        node.value(0),
        span=node.span,
        pool_size=size,
        layout="NHWC",
        **node.window(size),
    )
    return _bounded(node, made, node.activation())


def softmax(node: TfliteNode) -> Expr:
    """Convert SOFTMAX over the last axis."""
    node.require_dtypes("INT8", 0)
    if node.options["Beta"] != 1.0:
        raise Unsupported(
            f"SOFTMAX must have beta 1, not {node.options['Beta']}; scale its input", node.span
        )
    source, result = node.quantization(node.tensor(0)), node.quantization(node.output)
    return normal_form.softmax(node.value(0), source, result, -1, node.span)


def relu(node: TfliteNode) -> Expr:
    """Convert RELU."""
    return _clamped(node, (0.0, None))


def relu6(node: TfliteNode) -> Expr:
    """Convert RELU6."""
    return _clamped(node, (0.0, 6.0))


def _clamped(node: TfliteNode, bounds: tuple[float, float | None]) -> Expr:
    """Return the input in the result's quantisation, clamped."""
    node.require_dtypes("INT8", 0)
    source, result = node.quantization(node.tensor(0)), node.quantization(node.output)
    made = normal_form.requantized(node.value(0), source, result, ROUNDING, node.span)
    return _bounded(node, made, bounds)


def pad(node: TfliteNode) -> Expr:
    """Convert PAD: what is added stands for 0.0."""
    node.require_dtypes("INT8", 0)
    zero = np.array(_require_same(node, range(1)).zero_point, np.int8)
    widths = tuple((int(before), int(after)) for before, after in node.constant(1, "paddings", 2))
    filler = Constant(zero, span=node.span)
    return call("nn.pad", node.value(0), filler, span=node.span, pad_width=widths)


def concatenation(node: TfliteNode) -> Expr:
    """Convert CONCATENATION: inputs quantised as the result is."""
    numbers = range(len(node.inputs))
    node.require_dtypes("INT8", *numbers)
    _require_same(node, numbers)
    parts = Tuple(tuple(node.value(number) for number in numbers), span=node.span)
    made = call("concatenate", parts, span=node.span, axis=node.options["Axis"])
    return _bounded(node, made, node.activation())


def quantize(node: TfliteNode) -> Expr:
    """Convert QUANTIZE: from float32, or from int8 of another scale."""
    result = node.quantization(node.output)
    if node.tensor(0).dtype == "FLOAT32" and node.output.dtype == "INT8":
        return normal_form.quantized(node.value(0), result, node.span)
    node.require_dtypes("INT8", 0)
    source = node.quantization(node.tensor(0))
    return normal_form.requantized(node.value(0), source, result, ROUNDING, node.span)


def dequantize(node: TfliteNode) -> Expr:
    """Convert DEQUANTIZE: int8 to float32, one scale or one along an axis."""
    tensor = node.tensor(0)
    if (tensor.dtype, node.output.dtype) != ("INT8", "FLOAT32"):
        raise Unsupported(
            f"DEQUANTIZE of {tensor.dtype} to {node.output.dtype} is not supported; "
            "the nearest supported one is of INT8 to FLOAT32",
            node.span,
        )
    source = node.quantization(tensor)
    return normal_form.dequantized(node.value(0), source, node.span)
