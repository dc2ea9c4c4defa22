"""Every supported ONNX operator in float32, against onnxruntime on random networks."""

import numpy as np
import onnx
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


def recurrent(n, r, x, kind, gates, direction="forward", **attributes):
    """Run 7 steps of 10 values, batch 4, and put all results beside each other."""
    sides = 2 if direction == "bidirectional" else 1
    hidden = 5
    parts = [
        n.constant(0.5 * _random(r, sides, *shape))
        for shape in ((gates * hidden, 10), (gates * hidden, hidden), (2 * gates * hidden,))
    ]
    count = 2 if kind == "LSTM" else 1
    states = [n.constant(_random(r, sides, 4, hidden)) for _ in range(count)]
    sequence = n.node("Transpose", n.node("Squeeze", x, _int64(n, 0)), perm=[1, 0, 2])
    names = [f"{kind}{number}" for number in range(1 + count)]
    n.nodes.append(
        onnx.helper.make_node(
            kind,
            [sequence, *parts, "", *states],
            names,
            hidden_size=hidden,
            direction=direction,
            **attributes,
        )
    )
    flat = [n.node("Reshape", name, _int64(n, -1)) for name in names]
    return n.node("Concat", *flat, axis=0)


def products(n, r, x, *shape):
    """Multiply the image's last two axes by a tensor of `shape`, computed itself."""
    return n.node("MatMul", x, n.node("Sigmoid", n.constant(_random(r, *shape))))


def sizes(n, r, x):
    """Flatten by sizes that are computed from the image's own, as exporters write it."""
    batch = n.node("Gather", n.node("Shape", x), n.constant(0, np.int64), axis=0)
    shape = n.node("Concat", n.node("Unsqueeze", batch, _int64(n, 0)), _int64(n, -1), axis=0)
    return n.node("Reshape", x, shape)


def normalized(n, r, x):
    """Layer normalisation in single operators, as exporters before it was one."""
    mean = n.node("ReduceMean", x, axes=[-1])
    centred = n.node("Sub", x, mean)
    square = n.node("Pow", centred, n.constant(2.0, np.float32))
    variance = n.node("ReduceMean", square, axes=[-1])
    root = n.node("Sqrt", n.node("Add", variance, n.constant(1e-5, np.float32)))
    return n.node("Mul", n.node("Div", centred, root), n.constant(_random(r, 10)))


def cut(n, r, x):
    """Split, and put the parts together in another order."""
    names = ["first", "second", "third"]
    n.nodes.append(onnx.helper.make_node("Split", [x, _int64(n, 2, 3, 5)], names, axis=3))
    return n.node("Concat", "third", "first", axis=3)


CASES = {
    "LSTM": lambda n, r, x: recurrent(n, r, x, "LSTM", 4),
    "LSTM both ways": lambda n, r, x: recurrent(n, r, x, "LSTM", 4, "bidirectional"),
    "LSTM with other activations": lambda n, r, x: recurrent(
        n, r, x, "LSTM", 4, "reverse", activations=["Tanh", "Sigmoid", "Relu"]
    ),
    "GRU": lambda n, r, x: recurrent(n, r, x, "GRU", 3, "reverse"),
    "GRU reset after": lambda n, r, x: recurrent(
        n, r, x, "GRU", 3, "bidirectional", linear_before_reset=1
    ),
    "RNN": lambda n, r, x: recurrent(n, r, x, "RNN", 1, "bidirectional", activations=["Relu"] * 2),
    "MatMul of four axes": lambda n, r, x: products(n, r, x, 1, 4, 10, 3),
    "MatMul broadcast": lambda n, r, x: products(n, r, x, 5, 1, 10, 3),
    "MatMul by a vector": lambda n, r, x: products(n, r, x, 10),
    "Gemm turned": lambda n, r, x: n.node(
        "Gemm", n.node("Flatten", x), n.constant(_random(r, 1, 3)), transA=1
    ),
    "Conv in one dimension": lambda n, r, x: n.node(
        "Conv", n.node("Squeeze", x, _int64(n, 0)), n.constant(_random(r, 6, 7, 3)), pads=[1, 0]
    ),
    "ConvTranspose": lambda n, r, x: n.node(
        "ConvTranspose",
        x,
        n.constant(_random(r, 4, 3, 3, 2)),
        n.constant(_random(r, 6)),
        group=2,
        strides=[2, 3],
        pads=[1, 0, 0, 1],
        output_padding=[1, 0],
    ),
    "computed sizes": sizes,
    "Layer normalisation in parts": normalized,
    "Split": cut,
    "Slice backwards": lambda n, r, x: n.node(
        "Slice", x, _int64(n, -2, 9), _int64(n, -100, 2), _int64(n, 2, 3), _int64(n, -1, -3)
    ),
    "Gather from the end": lambda n, r, x: n.node(
        "Gather", x, n.constant([[0, -1], [3, -7]], np.int64), axis=2
    ),
    "Resize": lambda n, r, x: n.node(
        "Resize",
        x,
        "",
        "",
        _int64(n, 1, 4, 15, 5),
        mode="cubic",
        coordinate_transformation_mode="pytorch_half_pixel",
    ),
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
