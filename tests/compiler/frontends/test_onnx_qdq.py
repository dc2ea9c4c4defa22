"""int8 layers between DequantizeLinear and QuantizeLinear: within 1 of onnxruntime, and int8."""

import numpy as np
import pytest

from compiler.frontends import import_onnx
from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Call, Op
from compiler.ir.visitor import post_order
from compiler.passes.convert_layout import convert_layout

SEEDS = range(4)
SHAPE = (1, 4, 6, 8)


def _names(module):
    """Return the operators of @main, in order."""
    return [
        node.op.name
        for node in post_order(module["main"].body)
        if isinstance(node, Call) and isinstance(node.op, Op)
    ]


class Layer:
    """Adds the parts of a QDQ layer to a network, activations of one data type."""

    def __init__(self, network, random, dtype):
        self.network, self.random, self.dtype = network, random, dtype
        self.zero = 128 if dtype == "uint8" else 0

    def point(self):
        return int(self.random.integers(-100, 100)) + self.zero

    def weight(self, shape, axis, per_channel=True):
        """Add a dequantised int8 weight; return its name and scales."""
        scale = np.exp(self.random.uniform(-6, -4, shape[axis] if per_channel else ()))
        scale = scale.astype(np.float32)
        value = self.network.constant(self.random.integers(-127, 128, shape), np.int8)
        return self.network.dequantized(value, scale, axis=axis if per_channel else None), scale

    def bias(self, count, scale):
        value = self.network.constant(self.random.integers(-2000, 2000, count), np.int32)
        return self.network.dequantized(value, np.broadcast_to(scale, count), dtype="int32", axis=0)

    def quantized(self, value, scale, zero_point=None):
        point = self.point() if zero_point is None else zero_point
        return self.network.quantized(value, scale, point, self.dtype)


def conv(layer, x, scale, groups=1, relu=None, per_channel=True, bias=True, **attributes):
    outputs, inputs = 8, 4 // groups
    weight, w_scale = layer.weight((outputs, inputs, 3, 3), 0, per_channel)
    operands = [x, weight] + ([layer.bias(outputs, scale * w_scale)] if bias else [])
    made = layer.network.node("Conv", *operands, group=groups, **attributes)
    if relu:
        made = relu(layer.network, made)
    return layer.quantized(made, scale * w_scale.mean() * 90)


def depthwise(layer, x, scale):
    weight, w_scale = layer.weight((4, 1, 3, 3), 0)
    made = layer.network.node(
        "Conv", x, weight, layer.bias(4, scale * w_scale), group=4, pads=[1, 1, 1, 1]
    )
    return layer.quantized(made, scale * w_scale.mean() * 60)


def gemm(layer, x, scale, transposed=1):
    flat = layer.network.node("Flatten", x)
    shape = (10, 192) if transposed else (192, 10)
    weight, w_scale = layer.weight(shape, 1 - transposed)
    made = layer.network.node(
        "Gemm", flat, weight, layer.bias(10, scale * w_scale), transB=transposed
    )
    return layer.quantized(made, scale * w_scale.mean() * 400)


def matmul(layer, x, scale, bias=None, flat=True):
    if flat:
        x = layer.network.node("Flatten", x)
    weight, w_scale = layer.weight((192 if flat else 8, 10), 1)
    made = layer.network.node("MatMul", x, weight)
    if bias == "float":
        real = (layer.random.normal(size=10) * 900 * scale * w_scale).astype(np.float32)
        made = layer.network.node("Add", layer.network.constant(real), made)
    elif bias:
        made = layer.network.node("Add", made, layer.bias(10, scale * w_scale))
    return layer.quantized(made, scale * w_scale.mean() * (400 if flat else 100))


def transposed_weight(layer, x, scale):
    weight, w_scale = layer.weight((10, 192), 0)
    turned = layer.network.node("Transpose", weight, perm=[1, 0])
    made = layer.network.node("MatMul", layer.network.node("Flatten", x), turned)
    return layer.quantized(made, scale * w_scale.mean() * 400)


def float_weight(layer, x, scale):
    """A weight that the file holds in float32 and quantises itself."""
    real = layer.network.constant(layer.random.normal(size=(8, 4, 3, 3)).astype(np.float32))
    weight = layer.network.activation(real, 0.03, 0)
    return layer.quantized(layer.network.node("Conv", x, weight), scale * 0.03 * 90)


def element_wise(kind, factor):
    def case(layer, x, scale):
        other = layer.random.integers(-128, 128, SHAPE) + layer.zero
        value = layer.network.constant(other, layer.dtype)
        other_scale, point = np.float32(scale * 1.7), layer.point()
        y = layer.network.dequantized(value, other_scale, point, layer.dtype)
        made = layer.network.node(kind, x, y)
        return layer.quantized(made, factor(scale, other_scale))

    return case


def residual(layer, x, scale):
    relu = layer.network.activation(
        layer.network.node("Relu", x), scale / 2, layer.zero - 128, layer.dtype
    )
    made = layer.network.node("Relu", layer.network.node("Add", x, relu))
    return layer.quantized(made, scale * 1.3, layer.zero - 128)


def moved(layer, x, scale):
    n = layer.network
    shape = n.constant([1, 8, 24], np.int64)
    made = n.node("Reshape", n.node("Transpose", x, perm=[0, 2, 3, 1]), shape)
    return layer.quantized(made, scale * 1.5)


def concat(layer, x, scale):
    n = layer.network
    y = n.activation(n.node("Relu", x), scale / 2, layer.zero - 128, layer.dtype)
    return layer.quantized(n.node("Concat", x, y, axis=1), scale)


def pool(kind, **attributes):
    def case(layer, x, scale):
        return layer.quantized(layer.network.node(kind, x, **attributes), scale / 2)

    return case


def softmax(layer, x, scale):
    flat = layer.network.node("Reshape", x, layer.network.constant([24, 8], np.int64))
    return layer.quantized(layer.network.node("Softmax", flat), 1 / 256, layer.zero - 128)


def alone(kind):
    def case(layer, x, scale):
        made = _clip(layer.network, x) if kind == "Clip" else layer.network.node(kind, x)
        return layer.quantized(made, scale * 1.2, layer.zero - 30)

    return case


def softmax_to_another_scale(layer, x, scale):
    flat = layer.network.node("Reshape", x, layer.network.constant([24, 8], np.int64))
    return layer.quantized(layer.network.node("Softmax", flat), 1 / 255, layer.zero - 128)


def _clip(network, value):
    bounds = [network.constant(np.float32(bound)) for bound in (-0.3, 1.1)]
    return network.node("Clip", value, *bounds)


WINDOW = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}
# Each case, and the operators of its layer. Where the zero point is -128, a relu needs no clip.
LAYER = ["qnn.conv2d", "nn.bias_add", "qnn.requantize"]
DENSE = ["reshape", "qnn.dense", "nn.bias_add", "qnn.requantize"]
CASES = {
    "Conv": (conv, LAYER),
    "Conv padded": (lambda *a: conv(*a, pads=[1, 1, 1, 1], strides=[2, 2]), LAYER),
    "Conv per tensor": (lambda *a: conv(*a, per_channel=False), LAYER),
    "Conv without bias": (lambda *a: conv(*a, bias=False), LAYER),
    "Conv grouped": (lambda *a: conv(*a, groups=2), LAYER),
    "Conv Relu": (lambda *a: conv(*a, relu=lambda n, v: n.node("Relu", v)), [*LAYER, "clip"]),
    "Conv Clip": (lambda *a: conv(*a, relu=_clip), [*LAYER, "clip"]),
    "Conv of a float weight": (float_weight, LAYER),
    "Conv depthwise": (depthwise, LAYER),
    "Gemm": (gemm, DENSE),
    "Gemm not transposed": (lambda *a: gemm(*a, transposed=0), DENSE),
    "MatMul": (matmul, DENSE),
    "MatMul Add": (lambda *a: matmul(*a, bias="int32"), DENSE),
    "MatMul Add float": (lambda *a: matmul(*a, bias="float"), DENSE),
    "MatMul of more axes": (lambda *a: matmul(*a, flat=False), [*DENSE, "reshape"]),
    "MatMul of a transposed weight": (transposed_weight, DENSE),
    "Add": (element_wise("Add", lambda a, b: a + b), ["qnn.add"]),
    "Mul": (element_wise("Mul", lambda a, b: a * b * 90), ["qnn.mul"]),
    "Add Relu": (residual, ["qnn.requantize", "qnn.add"]),
    "MaxPool": (pool("MaxPool", **WINDOW), ["nn.max_pool2d", "qnn.requantize"]),
    "AveragePool": (pool("AveragePool", **WINDOW), ["qnn.avg_pool2d"]),
    "AveragePool with padding": (
        pool("AveragePool", count_include_pad=1, **WINDOW), ["qnn.avg_pool2d"],
    ),
    "GlobalAveragePool": (pool("GlobalAveragePool"), ["qnn.avg_pool2d"]),
    "Transpose Reshape": (moved, ["transpose", "reshape", "qnn.requantize"]),
    "Concat": (concat, ["qnn.requantize", "qnn.requantize", "qnn.requantize", "concatenate"]),
    "Relu": (alone("Relu"), ["qnn.requantize", "clip"]),
    "Clip": (alone("Clip"), ["qnn.requantize", "clip"]),
    "Softmax": (softmax, ["reshape", "qnn.softmax"]),
    "Softmax to another scale": (
        softmax_to_another_scale, ["reshape", "qnn.dequantize", "nn.softmax", "qnn.quantize"],
    ),
}  # fmt: skip


def _build(network, name, seed, dtype):
    """Return the file of one layer between float32 and integers, and its operators."""
    random = np.random.default_rng(seed)
    case, expected = CASES[name]
    layer = Layer(network, random, dtype)
    scale, point = np.float32(np.exp(random.uniform(-4, -3))), layer.point()
    image = network.input("image", SHAPE)
    x = network.activation(image, scale, point, dtype)
    made = case(layer, x, scale)
    value = ((random.integers(0, 256, SHAPE) + layer.zero - 128 - point) * scale).astype(np.float32)
    return network.build(made), value, expected


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CASES)
def test_is_within_one_of_onnxruntime(name, seed, dtype, network, onnxruntime_of, write):
    data, value, _ = _build(network, name, seed, dtype)
    result = evaluate(import_onnx(write(data, "net.onnx")), value)
    (expected,) = onnxruntime_of(data)(image=value)
    assert result.shape == expected.shape and result.dtype == expected.dtype == dtype
    difference = np.abs(result.astype(int) - expected)
    assert difference.max() <= 1, f"seed {seed}"
    assert np.ptp(result.astype(int)) > 2, f"seed {seed}: the layer's result is almost constant"


@pytest.mark.parametrize("name", CASES)
def test_comes_out_in_the_normal_form(name, network, write):
    data, _, expected = _build(network, name, 1, "int8")
    module = import_onnx(write(data, "net.onnx"))
    names = _names(module)
    assert names[0] == "qnn.quantize"
    assert names[1:] == expected
    for node in post_order(module["main"].body):
        if isinstance(node, Call) and "rounding" in node.attrs:
            assert node.attrs["rounding"] == "UPWARD"


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_integer_inputs_and_outputs(dtype, network, onnxruntime_of, write):
    integers = network.input("image", SHAPE, dtype)
    zero = 128 if dtype == "uint8" else 0
    x = network.dequantized(integers, 0.05, zero + 3, dtype)
    made = network.quantized(network.node("Relu", x), 0.04, zero - 100, dtype)
    data = network.build(made)
    random = np.random.default_rng(7)
    value = (random.integers(-128, 128, SHAPE) + zero).astype(dtype)
    result = evaluate(import_onnx(write(data, "net.onnx")), value)
    (expected,) = onnxruntime_of(data)(image=value)
    assert result.dtype == expected.dtype
    assert np.abs(result.astype(int) - expected).max() <= 1


def test_what_is_not_quantised_stays_float(network, onnxruntime_of, write):
    """A result that is read in float32 as well cannot be an int8 layer."""
    image = network.input("image", SHAPE)
    x = network.activation(image, 0.05)
    made = network.node("Mul", x, x)
    data = network.build(network.quantized(made, 0.0173), made)
    module = import_onnx(write(data, "net.onnx"))
    assert "qnn.mul" not in _names(module) and "multiply" in _names(module)
    value = np.random.default_rng(3).normal(size=SHAPE).astype(np.float32)
    for result, expected in zip(
        evaluate(module, value), onnxruntime_of(data)(image=value), strict=True
    ):
        np.testing.assert_allclose(result.astype(float), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_has_the_same_bits_channels_last(name, network, write):
    data, value, _ = _build(network, name, 2, "int8")
    module = import_onnx(write(data, "net.onnx"))
    converted = infer(convert_layout(module))
    np.testing.assert_array_equal(evaluate(converted, value), evaluate(module, value))
    layouts = {"data_layout": "NHWC", "layout": "NHWC"}
    for node in post_order(converted["main"].body):
        if isinstance(node, Call):
            assert all(node.attrs.get(key, layout) == layout for key, layout in layouts.items())
            if node.op.name == "qnn.conv2d":
                depthwise = node.attrs["groups"] == node.attrs["channels"]
                assert node.attrs["kernel_layout"] == ("HWOI" if depthwise else "HWIO")
