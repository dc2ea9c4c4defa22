"""Importing whatever the format is, and describing inputs and outputs."""

import re

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from compiler.errors import ImportFailed
from compiler.frontends import TensorInfo, import_model, import_network, tensor_info
from compiler.frontends.common import identifiers
from compiler.interpreter import evaluate
from compiler.ir import structural_equal

RELAY = """#[version = "0.0.5"]
def @main(%x: Tensor[(2, 3), float32]) -> Tensor[(2, 3), float32] {
  nn.relu(%x)
}
"""
LARGE = 1 << 13
VALUE = np.array([[-1, 2, -3], [4, -5, 6]], np.float32)


@pytest.fixture
def tflite(builder):
    data, made = (builder.tensor((2, 3), "FLOAT32") for _ in range(2))
    builder.operator("RELU", [data], [made])
    return builder.build([data], [made])


@pytest.fixture
def onnx(network):
    return network.build(network.node("Relu", network.input("image", (2, 3))))


@pytest.mark.parametrize("name", ["net", "net.tflite", "net.onnx"])
@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_the_content_decides(kind, name, request, write):
    path = write(request.getfixturevalue(kind), name)
    np.testing.assert_array_equal(evaluate(import_model(path), VALUE), np.maximum(VALUE, 0))


def test_text_goes_by_its_name(write):
    path = write(RELAY.encode(), "net.relay")
    np.testing.assert_array_equal(evaluate(import_model(path), VALUE), np.maximum(VALUE, 0))
    info = TensorInfo("x", (2, 3), "float32"), TensorInfo("output0", (2, 3), "float32")
    assert tensor_info(path) == ((info[0],), (info[1],))


def test_describes_onnx(onnx, write):
    inputs, outputs = tensor_info(write(onnx, "net.onnx"))
    assert inputs == (TensorInfo("image", (2, 3), "float32", None, None),)
    assert outputs == (TensorInfo("value0", (2, 3), "float32", None, None),)


def test_describes_tflite(builder, write):
    data = builder.tensor((1, 4), scale=0.5, zero_point=3)
    made = builder.tensor((1, 4), scale=0.25, zero_point=-128)
    builder.operator("RELU", [data], [made])
    inputs, outputs = tensor_info(write(builder.build([data], [made])))
    assert inputs == (TensorInfo("tensor0", (1, 4), "int8", 0.5, 3),)
    assert outputs == (TensorInfo("tensor1", (1, 4), "int8", 0.25, -128),)


@pytest.mark.parametrize("name", ["net.relay", "net.tflite", "net.onnx"])
def test_a_network_is_its_module_and_its_tensors(name, request, write):
    kind = name.removeprefix("net.")
    path = write(RELAY.encode() if kind == "relay" else request.getfixturevalue(kind), name)
    network = import_network(path)
    assert structural_equal(network.module, import_model(path))
    assert (network.inputs, network.outputs) == tensor_info(path)


def test_a_file_is_read_once(onnx, write, monkeypatch):
    path = write(onnx, "net.onnx")
    reads = []
    read_bytes = type(path).read_bytes

    def counted(self):
        reads.append(self)
        return read_bytes(self)

    monkeypatch.setattr(type(path), "read_bytes", counted)
    import_network(path)
    assert reads == [path]


@pytest.mark.parametrize("data", [b"# a text\n", b"\x89PNG\r\n\x1a\n" + bytes(99)])
def test_refuses_what_is_no_network(data, write):
    path = write(data, "net.bin")
    message = re.escape(
        f"{path}: neither a TFLite nor an ONNX file by its content, nor named *.relay; "
        "name a network's file"
    )
    for function in (import_model, tensor_info):
        with pytest.raises(ImportFailed, match=f"^{message}$"):
            function(path)


def test_refuses_a_missing_file(tmp_path):
    path = tmp_path / "none.relay"
    with pytest.raises(ImportFailed, match=f"^{re.escape(str(path))}: there is no such file$"):
        import_model(path)


def test_refuses_text_that_is_not_utf8(write):
    path = write(b"def @main() { \xff }", "net.relay")
    message = f"^{re.escape(str(path))}: the text must be UTF-8, not byte 14$"
    with pytest.raises(ImportFailed, match=message):
        import_model(path)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["image", "a/b"], ["image", "a/b"]),
        (["serving_default_x:0", "a.b-c"], ["serving_default_x_0", "a_b_c"]),
        (["0", ""], ["v0", "v"]),
        (["x", "x", "x_1"], ["x", "x_1", "x_1_1"]),
    ],
)
def test_identifiers(names, expected):
    assert identifiers(names) == expected


@pytest.mark.parametrize("listed", [False, True])
def test_large_constants(listed, network, write):
    """Constants beyond what shape inference is given, among the inputs too as old files have it."""
    image = network.input("image", (1, LARGE))
    weight = np.random.default_rng(3).standard_normal((LARGE, 3)).astype(np.float32)
    name = network.constant(weight)
    product = network.node("MatMul", image, name)
    shape = network.constant(np.array([3, 1], np.int64))
    data = network.build(network.node("Reshape", product, shape))
    if listed:
        model = ModelProto.FromString(data)
        given = helper.make_tensor_value_info(name, TensorProto.FLOAT, weight.shape)
        model.graph.input.append(given)
        data = model.SerializeToString()
    path = write(data, "net.onnx")
    inputs, outputs = tensor_info(path)
    assert [(tensor.name, tensor.shape) for tensor in inputs] == [("image", (1, LARGE))]
    assert outputs[0].shape == (3, 1)
    value = np.random.default_rng(4).standard_normal((1, LARGE)).astype(np.float32)
    np.testing.assert_allclose(
        evaluate(import_model(path), value), (value @ weight).T, rtol=1e-3, atol=1e-3
    )
