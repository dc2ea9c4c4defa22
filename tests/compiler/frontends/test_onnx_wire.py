"""Large weights are views of the file; what is damaged is left to the parser."""

import re
from mmap import mmap

import numpy as np
import onnx
import pytest

from compiler.backends.cpu import compile_host
from compiler.compile import compile_network
from compiler.errors import ImportFailed
from compiler.frontends import import_network, import_onnx
from compiler.frontends.onnx import parse_onnx
from compiler.frontends.onnx_wire import take_large
from compiler.ir import Constant, Span, structural_equal
from compiler.ir.visitor import post_order
from compiler.pipeline import optimise
from isa.config import preset

LARGE = (64, 100)


@pytest.fixture
def file(network):
    """Return the bytes of a network with one large and one small constant."""
    x = network.input("x", (1, 64))
    large = network.constant(np.random.default_rng(0).normal(size=LARGE), np.float32)
    product = network.node("MatMul", x, large)
    return network.build(network.node("Add", product, network.constant(np.ones(100), np.float32)))


def test_large_constants_are_taken_out(file):
    rest, ((head, raw),) = take_large(file)
    assert (head.name, tuple(head.dims), len(head.raw_data)) == ("constant0", LARGE, 0)
    assert len(rest) < 1000
    model, whole = onnx.load_model_from_string(rest), onnx.load_model_from_string(file)
    assert [tensor.name for tensor in model.graph.initializer] == ["constant1"]
    model.graph.initializer.insert(0, whole.graph.initializer[0])
    assert model == whole
    assert bytes(raw) == whole.graph.initializer[0].raw_data


def test_constants_are_views_of_the_file(file):
    graph = parse_onnx(file, Span("x"))
    value = graph.constants["constant0"]
    assert np.shares_memory(value, np.frombuffer(file, np.uint8))
    expected = np.random.default_rng(0).normal(size=LARGE).astype(np.float32)
    np.testing.assert_array_equal(value, expected)


def test_a_large_file_may_be_mapped(network, tmp_path):
    weight = np.random.default_rng(1).normal(size=(512, 600)).astype(np.float32)
    product = network.node("MatMul", network.input("x", (1, 512)), network.constant(weight, "f4"))
    path = tmp_path / "net.onnx"
    path.write_bytes(network.build(product))
    mapped, plain = import_network(path, mapped=True), import_network(path)
    assert structural_equal(mapped.module, plain.module)

    def root(module):
        (found,) = (n for n in post_order(module["main"].body) if isinstance(n, Constant))
        value = found.value
        while isinstance(value.base, np.ndarray):
            value = value.base
        return value.base.obj

    assert isinstance(root(mapped.module), mmap)
    assert isinstance(root(plain.module), bytes)
    image, again = (
        compile_network(path, preset("vta"), ("cpu",)),
        compile_host(optimise(plain.module), {}),
    )
    assert image.host.code == again.code
    assert bytes(image.host.constants) == bytes(again.constants)


def test_nothing_large(network):
    data = network.build(network.node("Relu", network.input("x", (1, 4))))
    assert take_large(data) == (data, [])


@pytest.mark.parametrize("seed", range(3))
def test_damaged_bytes(seed, file):
    """Whatever is left can be put together again, or is the file as it was."""
    rng = np.random.default_rng(seed)
    for _ in range(200):
        data = bytearray(file)
        data[rng.integers(0, 300)] = rng.integers(0, 256)
        rest, large = take_large(bytes(data))
        assert large or rest == data, f"seed {seed}"
        for head, raw in large:
            assert isinstance(head, onnx.TensorProto) and len(raw) > 1 << 14, f"seed {seed}"
    assert take_large(file[: len(file) // 2])[1] == []


def test_shape_that_does_not_fit_the_bytes(file, write):
    model = onnx.load_model_from_string(file)
    model.graph.initializer[0].dims[:] = [64, 99]
    del model.graph.node[1:]
    del model.graph.output[:]
    kind = onnx.TensorProto.FLOAT
    result = onnx.helper.make_tensor_value_info("value0", kind, [1, 99])
    model.graph.output.append(result)
    path = write(model.SerializeToString(), "net.onnx")
    with pytest.raises(
        ImportFailed,
        match=rf"^{re.escape(str(path))}: constant 'constant0' is damaged \(cannot reshape array "
        r"of size 6400 into shape \(64,99\)\); export the network again$",
    ):
        import_onnx(path)
