"""Importing whatever the format is, and describing inputs and outputs."""

import re

import numpy as np
import pytest

from compiler.errors import ImportFailed
from compiler.frontends import TensorInfo, import_model, tensor_info
from compiler.frontends.common import identifiers
from compiler.interpreter import evaluate

RELAY = """#[version = "0.0.5"]
def @main(%x: Tensor[(2, 3), float32]) -> Tensor[(2, 3), float32] {
  nn.relu(%x)
}
"""
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
