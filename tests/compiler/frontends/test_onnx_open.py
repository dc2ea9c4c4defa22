"""ONNX networks with open sizes: the same as those of known sizes, whatever the size is."""

import re

import numpy as np
import pytest

from compiler.compile import compile_network
from compiler.errors import Unsupported
from compiler.frontends import import_onnx, tensor_info
from compiler.interpreter import evaluate
from driver.devices import open_device
from isa.config import preset

SEED = 3


def _random(random, *shape):
    return (random.normal(size=shape) / 2).astype(np.float32)


def residual(n, r, sizes):
    """A small ResNet: convolutions, a shortcut, pools and a classifier."""
    x = n.input("image", (sizes["batch"], 3, 9, 8))
    weights = [n.constant(_random(r, 6, 3, 3, 3)), n.constant(_random(r, 6))]
    x = n.node("Relu", n.node("Conv", x, *weights, pads=[1, 1, 1, 1]))
    x = n.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    scale = [n.constant(np.abs(_random(r, 6)) + 0.5) for _ in range(4)]
    y = n.node("Conv", x, n.constant(_random(r, 6, 6, 3, 3)), auto_pad="SAME_UPPER")
    x = n.node("Relu", n.node("Add", x, n.node("BatchNormalization", y, *scale)))
    x = n.node("Flatten", n.node("GlobalAveragePool", x))
    return n.node("Gemm", x, n.constant(_random(r, 5, 6)), n.constant(_random(r, 5)), transB=1)


def inverted(n, r, sizes):
    """A block of MobileNetV2, its head flattened by a reshape to [-1, 8]."""
    x = n.input("image", (sizes["batch"], 4, 6, 6))
    y = n.node("Clip", n.node("Conv", x, n.constant(_random(r, 8, 4, 1, 1))), *_six(n))
    depthwise = n.constant(_random(r, 8, 1, 3, 3))
    y = n.node("Clip", n.node("Conv", y, depthwise, group=8, pads=[1, 1, 1, 1]), *_six(n))
    x = n.node("Add", x, n.node("Conv", y, n.constant(_random(r, 4, 8, 1, 1))))
    x = n.node("ReduceMean", n.node("Concat", x, x, axis=1), axes=[2, 3], keepdims=1)
    flat = n.node("Reshape", x, n.constant([-1, 8], np.int64))
    return n.node("Softmax", n.node("MatMul", flat, n.constant(_random(r, 8, 5))))


def _six(n):
    return [n.constant(np.float32(bound)) for bound in (0, 6)]


def quantised(n, r, sizes):
    """int8 from QuantizeLinear to QuantizeLinear: convolution, shortcut, pool, classifier."""
    x = n.activation(n.input("image", (sizes["batch"], 4, 6, 8)), 0.02, 3)
    weight = n.constant(r.integers(-127, 128, (4, 4, 3, 3)), np.int8)
    kernel = n.dequantized(weight, np.full(4, 0.01), axis=0)
    y = n.node("Relu", n.node("Conv", x, kernel, pads=[1, 1, 1, 1]))
    y = n.activation(y, 0.05, -128)
    y = n.activation(n.node("Add", y, x), 0.06, -20)
    y = n.activation(n.node("GlobalAveragePool", y), 0.03, -50)
    y = n.node("Flatten", y)
    weight = n.constant(r.integers(-127, 128, (5, 4)), np.int8)
    made = n.node("Gemm", y, n.dequantized(weight, 0.02), transB=1)
    return n.quantized(made, 0.04, 1)


def encoder(n, r, sizes):
    """A layer of a transformer with two heads, the batch and the tokens open."""
    batch, tokens = sizes["batch"], sizes["tokens"]
    ids = n.input("ids", (batch, tokens), "int64")
    bias = n.input("bias", (batch, 1, 1, tokens))
    x = n.node("Gather", n.constant(_random(r, 11, 8)), ids)
    heads = []
    for _ in range(3):
        y = n.node(
            "Add", n.node("MatMul", x, n.constant(_random(r, 8, 8))), n.constant(_random(r, 8))
        )
        split = n.node("Reshape", y, n.constant([0, 0, 2, 4], np.int64))
        heads.append(n.node("Transpose", split, perm=[0, 2, 1, 3]))
    turned = n.node("Transpose", heads[1], perm=[0, 1, 3, 2])
    scores = n.node("Add", n.node("MatMul", heads[0], turned), bias)
    mixed = n.node("MatMul", n.node("Softmax", scores), heads[2])
    back = n.node("Transpose", mixed, perm=[0, 2, 1, 3])
    x = n.node("Add", x, n.node("Reshape", back, n.constant([0, 0, 8], np.int64)))
    scale = [n.constant(np.linspace(0.5, 1, 8), np.float32), n.constant(_random(r, 8))]
    x = n.node("LayerNormalization", x, *scale, axis=-1)
    return n.node("Gather", x, n.constant(0, np.int64), axis=1)


def rows(n, r, sizes):
    """Convolution and pooling over images of any height."""
    x = n.input("image", (1, 3, sizes["tokens"], 8))
    x = n.node("Conv", x, n.constant(_random(r, 4, 3, 3, 3)), pads=[1] * 4, strides=[2, 2])
    return n.node("MaxPool", n.node("Relu", x), kernel_shape=[2, 2], pads=[1, 0, 0, 1])


NETWORKS = {
    "rows": rows,
    "residual": residual,
    "inverted": inverted,
    "quantised": quantised,
    "encoder": encoder,
}


def _saved(network, write, name, sizes, file):
    """Return the file of a network whose sizes are names or numbers."""
    made = type(network)()
    result = NETWORKS[name](made, np.random.default_rng(SEED), sizes)
    return write(made.build(result), file)


def _given(path, sizes, random):
    """Return inputs for a file of known sizes."""
    found = []
    for tensor in tensor_info(path)[0]:
        if tensor.dtype == "int64":
            found.append(random.integers(0, 11, tensor.shape))
        else:
            found.append(random.normal(size=tensor.shape).astype(tensor.dtype))
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_same_as_of_known_sizes(name, network, write):
    path = _saved(network, write, name, {"batch": "batch", "tokens": "tokens"}, "open.onnx")
    module = import_onnx(path)
    image = compile_network(path, preset("vta"), ["cpu"])
    with open_device("cpu") as device:
        for batch, tokens in ((1, 7), (3, 1), (2, 10)):
            sizes = {"batch": batch, "tokens": tokens}
            fixed = _saved(network, write, name, sizes, "fixed.onnx")
            given = _given(fixed, sizes, np.random.default_rng(SEED))
            wanted = evaluate(import_onnx(fixed), *given)
            (found,) = device.run(image, given).outputs
            close = 0 if name == "quantised" else 1e-4
            where = f"seed {SEED}, {sizes}"
            assert wanted.any() and found.dtype == wanted.dtype, where
            np.testing.assert_allclose(
                evaluate(module, *given), wanted, close, close, err_msg=where
            )
            np.testing.assert_allclose(found, wanted, close, close, err_msg=where)


def test_one_name_is_one_size(network, write):
    left, right = network.input("left", ("n", 3)), network.input("right", ("n", 3))
    path = write(network.build(network.node("Add", left, right)), "net.onnx")
    kind = import_onnx(path)["main"].type
    assert str(kind) == (
        "fn (Tensor[(n, 3), float32], Tensor[(n, 3), float32]) -> Tensor[(n, 3), float32]"
    )
    inputs, outputs = tensor_info(path)
    assert [tensor.shape for tensor in (*inputs, *outputs)] == [(-1, 3)] * 3


def test_sizes_without_names_are_different_ones(network, write):
    left, right = network.input("left", (None, 3)), network.input("right", (None, 3))
    path = write(network.build(network.node("Concat", left, right, axis=0)), "net.onnx")
    kind = import_onnx(path)["main"].type
    assert str(kind) == (
        "fn (Tensor[(n, 3), float32], Tensor[(m, 3), float32]) -> Tensor[(m + n, 3), float32]"
    )


@pytest.mark.parametrize("rest", [[-1], [3, 4], [2, -1]], ids=str)
def test_shapes_that_are_computed(rest, network, write):
    """The way that exporters flatten: sizes out of Shape, put together again."""
    x = network.input("x", ("batch", 3, 4))
    zero = network.constant([0], np.int64)
    size = network.node("Unsqueeze", network.node("Gather", network.node("Shape", x),
                                                  network.constant(0, np.int64)), zero)  # fmt: skip
    shape = network.node("Concat", size, network.constant(rest, np.int64), axis=0)
    path = write(network.build(network.node("Reshape", x, shape)), "net.onnx")
    module = import_onnx(path)
    image = compile_network(path, preset("vta"), ["cpu"])
    assert [tensor.shape for tensor in image.outputs] == [
        (-1, *np.empty((3, 4)).reshape(rest).shape)
    ]
    for batch in (1, 5):
        given = np.random.default_rng(SEED).normal(size=(batch, 3, 4)).astype(np.float32)
        wanted = given.reshape(batch, *rest)
        np.testing.assert_array_equal(evaluate(module, given), wanted, f"seed {SEED}")
        with open_device("cpu") as device:
            (found,) = device.run(image, [given]).outputs
        np.testing.assert_array_equal(found, wanted, f"seed {SEED}")


def test_quantised_layers_stay_int8(network, write):
    path = _saved(network, write, "quantised", {"batch": "n", "tokens": 1}, "open.onnx")
    module = import_onnx(path)
    assert str(module["main"].body.type) == "Tensor[(n, 5), int8]"
    image = compile_network(path, preset("vta"), ["accel", "cpu"])
    assert not image.regions


REFUSED = {
    "window": (
        ("n", 3, "h", 8),
        lambda n, x: n.node("GlobalAveragePool", x),
        "GlobalAveragePool #0 'value0': GlobalAveragePool needs a number where the size h is open; "
        "fix the size",
    ),
    "padding": (
        (1, 3, "h", 8),
        lambda n, x: n.node(
            "Conv", x, n.constant(np.ones((2, 3, 3, 3), np.float32)), auto_pad="SAME_UPPER"
        ),
        "Conv #0 'value0': Conv needs a number where the size h is open; fix the size",
    ),
    "channels": (
        (1, "c", 8, 8),
        lambda n, x: n.node("Conv", x, n.constant(np.ones((2, 3, 3, 3), np.float32))),
        "Conv #0 'value0': Conv needs a number where the size c is open; fix the size",
    ),
    "second element": (
        ("n", 3),
        lambda n, x: n.node("Gather", x, n.constant(1, np.int64), axis=0),
        "Gather #0 'value0': Gather needs a number where the size n is open; fix the size",
    ),
    "operator": (
        ("n", 3),
        lambda n, x: n.node("CumSum", x, n.constant(0, np.int64)),
        "CumSum #0 'value0': CumSum of open sizes is not supported; fix the size",
    ),
    "normalised axes": (
        ("n", 3, 4),
        lambda n, x: n.node(
            "LayerNormalization", x, n.constant(np.ones((3, 4), np.float32)), axis=1
        ),
        "LayerNormalization #0 'value0': LayerNormalization needs a number where the size n is "
        "open; fix the size",
    ),
    "shape": (
        ("n", 3),
        lambda n, x: n.node("Shape", x),
        "Shape #0 'value0': Shape of open sizes is not supported; fix the size",
    ),
    "two open rows": (
        ("n", "m", 4),
        lambda n, x: n.quantized(
            n.node(
                "MatMul",
                n.activation(x, 0.1),
                n.dequantized(n.constant(np.ones((4, 5)), np.int8), 0.1),
            ),
            0.1,
        ),
        "MatMul #3 'value3': a reshape of (m*n, 5) to (n, m, 5) cannot be said; fix the size",
    ),
    "broadcast": (
        ("n", 3),
        lambda n, x: n.node("Add", x, n.input("y", ("m", 3))),
        "Add #0 'value0': the result's sizes (?, 3) must follow from the inputs'; fix the size",
    ),
    "split": (
        ("n", 3),
        lambda n, x: n.node("Split", x, axis=0),
        "Split #0 'value0': Split needs a number where the size n is open; fix the size",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_numbers(name, network, write):
    shape, make, message = REFUSED[name]
    path = write(network.build(make(network, network.input("x", shape))), "net.onnx")
    with pytest.raises(Unsupported, match=f"^{re.escape(f'{path}: {message}')}$"):
        import_onnx(path)
