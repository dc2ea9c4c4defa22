"""Every supported ONNX operator in float32, against onnxruntime on random networks."""

import numpy as np
import pytest

from compiler.frontends import import_onnx
from compiler.interpreter import evaluate

SEEDS = range(4)


def _random(random, *shape):
    return random.normal(size=shape).astype(np.float32)


def _int64(n, *values):
    return n.constant(values, np.int64)


def conv(n, r, x, **attributes):
    weight, bias = n.constant(_random(r, 5, 4, 3, 2)), n.constant(_random(r, 5))
    return n.node("Conv", x, weight, bias, **attributes)


def grouped(n, r, x):
    return n.node("Conv", x, n.constant(_random(r, 8, 1, 3, 3)), group=4, pads=[1, 0, 2, 1])


def gemm(n, r, x):
    weight, bias = n.constant(_random(r, 280, 6)), n.constant(_random(r, 6))
    return n.node("Gemm", n.node("Flatten", x), weight, bias, alpha=0.5, beta=2.0)


def gemm_transposed(n, r, x):
    weight = n.constant(_random(r, 6, 280))
    return n.node("Gemm", n.node("Flatten", x), weight, n.constant(_random(r, 1, 6)), transB=1)


def batch_norm(n, r, x):
    parameters = [n.constant(_random(r, 4)) for _ in range(3)]
    variance = n.constant(np.abs(_random(r, 4)) + 0.1)
    return n.node("BatchNormalization", x, *parameters, variance, epsilon=1e-3)


def clip(n, r, x, *bounds):
    return n.node("Clip", x, *(n.constant(np.float32(bound)) for bound in bounds))


def max_pool(n, r, x, **attributes):
    return n.node("MaxPool", x, kernel_shape=[3, 2], strides=[2, 1], **attributes)


def matmul(n, r, x, *shape):
    return n.node("MatMul", x, n.constant(_random(r, *shape)))


CASES = {
    "Conv": conv,
    "Conv with strides": lambda n, r, x: conv(n, r, x, strides=[2, 3], pads=[1, 2, 0, 1]),
    "Conv dilated": lambda n, r, x: conv(n, r, x, dilations=[2, 3]),
    "Conv SAME_UPPER": lambda n, r, x: conv(n, r, x, auto_pad="SAME_UPPER", strides=[2, 2]),
    "Conv SAME_LOWER": lambda n, r, x: conv(n, r, x, auto_pad="SAME_LOWER", strides=[2, 2]),
    "Conv VALID": lambda n, r, x: conv(n, r, x, auto_pad="VALID"),
    "Conv grouped": grouped,
    "Gemm": gemm,
    "Gemm transposed": gemm_transposed,
    "MatMul": lambda n, r, x: matmul(n, r, n.node("Flatten", x), 280, 3),
    "MatMul of more axes": lambda n, r, x: matmul(n, r, x, 10, 3),
    "MatMul of batches": lambda n, r, x: matmul(n, r, n.node("Squeeze", x, _int64(n, 0)), 4, 10, 3),
    "Relu": lambda n, r, x: n.node("Relu", x),
    "Clip": lambda n, r, x: clip(n, r, x, -0.5, 1),
    "Clip below": lambda n, r, x: clip(n, r, x, -0.5),
    "Add": lambda n, r, x: n.node("Add", x, n.constant(_random(r, 4, 1, 1))),
    "Mul": lambda n, r, x: n.node("Mul", n.constant(_random(r, 7, 10)), x),
    "MaxPool": lambda n, r, x: max_pool(n, r, x, pads=[1, 0, 1, 1]),
    "MaxPool ceil": lambda n, r, x: max_pool(n, r, x, ceil_mode=1),
    "AveragePool": lambda n, r, x: n.node("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    "AveragePool with padding": lambda n, r, x: n.node(
        "AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1
    ),
    "GlobalAveragePool": lambda n, r, x: n.node("GlobalAveragePool", x),
    "Flatten": lambda n, r, x: n.node("Flatten", x, axis=2),
    "Reshape": lambda n, r, x: n.node("Reshape", x, _int64(n, 2, -1, 7)),
    "Softmax": lambda n, r, x: n.node("Softmax", x),
    "Softmax of channels": lambda n, r, x: n.node("Softmax", x, axis=1),
    "Transpose": lambda n, r, x: n.node("Transpose", x, perm=[0, 2, 3, 1]),
    "Transpose all": lambda n, r, x: n.node("Transpose", x),
    "Concat": lambda n, r, x: n.node("Concat", x, n.constant(_random(r, 1, 2, 7, 10)), x, axis=1),
    "BatchNormalization": batch_norm,
    "Squeeze": lambda n, r, x: n.node("Squeeze", x, _int64(n, 0)),
    "Unsqueeze": lambda n, r, x: n.node("Unsqueeze", x, _int64(n, 0, 3)),
    "Constant": lambda n, r, x: n.node("Add", x, n.node("Constant", value_float=2.5)),
    "Identity": lambda n, r, x: n.node("Relu", n.node("Identity", x)),
    "Dropout": lambda n, r, x: n.node("Relu", n.node("Dropout", x)),
}


def _compare(data, path, onnxruntime_of, seed, shape=(1, 4, 7, 10)):
    value = _random(np.random.default_rng(seed), *shape)
    result = evaluate(import_onnx(path), value)
    (expected,) = onnxruntime_of(data)(image=value)
    assert result.shape == expected.shape and result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5, err_msg=f"seed {seed}")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CASES)
def test_equals_onnxruntime(name, seed, network, onnxruntime_of, write):
    image = network.input("image", (1, 4, 7, 10))
    data = network.build(CASES[name](network, np.random.default_rng(seed + 100), image))
    _compare(data, write(data, "net.onnx"), onnxruntime_of, seed)


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("Clip", {"min": -0.25, "max": 0.75}),
        ("Squeeze", {"axes": [0]}),
        ("Unsqueeze", {"axes": [2]}),
        ("Softmax", {"axis": 3}),
    ],
)
def test_older_forms_have_attributes(kind, attributes, network, onnxruntime_of, write):
    image = network.input("image", (1, 4, 7, 10))
    data = network.build(network.node(kind, image, **attributes), version=10)
    _compare(data, write(data, "net.onnx"), onnxruntime_of, 0)


def test_several_outputs_become_a_tuple(network, write):
    image = network.input("image", (2, 3))
    data = network.build(network.node("Relu", image), network.node("Transpose", image))
    value = np.array([[-1, 2, -3], [4, -5, 6]], np.float32)
    first, second = evaluate(import_onnx(write(data, "net.onnx")), value)
    np.testing.assert_array_equal(first, np.maximum(value, 0))
    np.testing.assert_array_equal(second, value.T)


def test_an_output_may_be_an_input_renamed(network, write):
    image = network.input("image", (2, 3))
    data = network.build(network.node("Identity", image))
    value = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(evaluate(import_onnx(write(data, "net.onnx")), value), value)


def test_parameters_bear_the_inputs_names(network, write):
    image = network.input("image", (2, 3))
    other = network.input("serving:0", (2, 3))
    data = network.build(network.node("Add", image, other))
    main = import_onnx(write(data, "net.onnx"))["main"]
    assert [param.name for param in main.params] == ["image", "serving_0"]
