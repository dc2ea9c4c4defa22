"""TFLite operators on float32 tensors."""

from typing import Any

import numpy as np

from ..errors import Unsupported
from ..ir import Constant, Expr, Tuple
from ..ops import call
from .common import Array
from .tflite_node import TfliteNode

__all__ = [
    "add",
    "average_pool",
    "concatenation",
    "convolution",
    "depthwise",
    "fully_connected",
    "max_pool",
    "multiply",
    "pad",
    "relu",
    "relu6",
    "softmax",
]

FLOAT = "FLOAT32"


def _activated(node: TfliteNode, value: Expr, bounds: tuple[float | None, float | None]) -> Expr:
    """Return `value` clamped to the bounds."""
    low, high = bounds
    if low is None and high is None:
        return value
    if low == 0.0 and high is None:
        return call("nn.relu", value, span=node.span)
    assert low is not None and high is not None, "every other activation has two bounds"
    return call("clip", value, span=node.span, a_min=low, a_max=high)


def _layer(node: TfliteNode, accumulator: Expr, channels: int, axis: int) -> Expr:
    """Return sums of products with their bias and activation."""
    made = accumulator
    if node.has_input(2):
        bias = Constant(node.bias(2, channels, FLOAT), span=node.span)
        made = call("nn.bias_add", made, bias, span=node.span, axis=axis)
    return _activated(node, made, node.activation())


def convolution(node: TfliteNode) -> Expr:
    """Convert CONV_2D."""
    return _convolution(node, node.convolution_form(), 0)


def depthwise(node: TfliteNode) -> Expr:
    """Convert DEPTHWISE_CONV_2D."""
    return _convolution(node, node.depthwise_form(), 3)


def _convolution(node: TfliteNode, form: tuple[Array, dict[str, Any]], axis: int) -> Expr:
    """Return a convolution layer; `axis` of TFLite's weight is its output channels."""
    node.require_dtypes(FLOAT, 0, 1)
    kernel, attrs = form
    channels = node.tensor(1).shape[axis]
    made: Expr = call(
        "nn.conv2d",
        node.value(0),
        Constant(kernel, span=node.span),
        span=node.span,
        channels=channels,
        kernel_size=kernel.shape[:2],
        **attrs,
    )
    return _layer(node, made, channels, 3)


def fully_connected(node: TfliteNode) -> Expr:
    """Convert FULLY_CONNECTED: weight [units, k]; data of more axes is flattened to [n, k]."""
    node.require_dtypes(FLOAT, 0, 1)
    weight = node.constant(1, "weight", 2)
    units, width = weight.shape
    if node.options["WeightsFormat"] != 0:
        raise Unsupported("shuffled weights are not supported; convert again", node.span)
    data = node.value(0)
    if len(node.tensor(0).shape) != 2:
        data = call("reshape", data, span=node.span, newshape=(-1, width))
    made: Expr = call(
        "nn.dense", data, Constant(weight, span=node.span), span=node.span, units=units
    )
    made = _layer(node, made, units, 1)
    if len(node.output.shape) != 2:
        made = call("reshape", made, span=node.span, newshape=node.output.shape)
    return made


def add(node: TfliteNode) -> Expr:
    """Convert ADD."""
    node.require_dtypes(FLOAT, 0, 1)
    made = call("add", node.value(0), node.value(1), span=node.span)
    return _activated(node, made, node.activation())


def multiply(node: TfliteNode) -> Expr:
    """Convert MUL."""
    node.require_dtypes(FLOAT, 0, 1)
    made = call("multiply", node.value(0), node.value(1), span=node.span)
    return _activated(node, made, node.activation())


def _pool(node: TfliteNode, name: str) -> Expr:
    """Return a pooling operator with its activation."""
    node.require_dtypes(FLOAT, 0)
    size = (node.options["FilterHeight"], node.options["FilterWidth"])
    made = call(
        name, node.value(0), span=node.span, pool_size=size, layout="NHWC", **node.window(size)
    )
    return _activated(node, made, node.activation())


def average_pool(node: TfliteNode) -> Expr:
    """Convert AVERAGE_POOL_2D: padding does not count."""
    return _pool(node, "nn.avg_pool2d")


def max_pool(node: TfliteNode) -> Expr:
    """Convert MAX_POOL_2D."""
    return _pool(node, "nn.max_pool2d")


def softmax(node: TfliteNode) -> Expr:
    """Convert SOFTMAX over the last axis."""
    node.require_dtypes(FLOAT, 0)
    if node.options["Beta"] != 1.0:
        raise Unsupported(
            f"SOFTMAX must have beta 1, not {node.options['Beta']}; scale its input", node.span
        )
    return call("nn.softmax", node.value(0), span=node.span, axis=-1)


def relu(node: TfliteNode) -> Expr:
    """Convert RELU."""
    node.require_dtypes(FLOAT, 0)
    return _activated(node, node.value(0), (0.0, None))


def relu6(node: TfliteNode) -> Expr:
    """Convert RELU6."""
    node.require_dtypes(FLOAT, 0)
    return _activated(node, node.value(0), (0.0, 6.0))


def pad(node: TfliteNode) -> Expr:
    """Convert PAD with zeros."""
    node.require_dtypes(FLOAT, 0)
    widths = tuple((int(before), int(after)) for before, after in node.constant(1, "paddings", 2))
    zero = Constant(np.zeros((), np.float32), span=node.span)
    return call("nn.pad", node.value(0), zero, span=node.span, pad_width=widths)


def concatenation(node: TfliteNode) -> Expr:
    """Convert CONCATENATION."""
    numbers = range(len(node.inputs))
    node.require_dtypes(FLOAT, *numbers)
    parts = Tuple(tuple(node.value(number) for number in numbers), span=node.span)
    made = call("concatenate", parts, span=node.span, axis=node.options["Axis"])
    return _activated(node, made, node.activation())
