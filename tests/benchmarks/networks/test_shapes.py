"""The networks have the layers and the multiplications that were published."""

from collections import Counter

import onnx
import pytest

from benchmarks.networks import NETWORKS
from compiler.frontends import import_model
from compiler.ir import Call, Op
from compiler.ir.visitor import post_order
from compiler.passes.partition import partition
from compiler.pipeline import optimise
from compiler.targets import AccelTarget
from isa.config import preset

MACS = {
    "resnet18": 1_814_073_344,
    "resnet34": 3_663_761_408,
    "resnet50": 4_089_184_256,
    "mobilenetv1": 568_740_352,
    "mobilenetv2": 300_774_272,
    "vgg16": 15_470_264_320,
    "tiny-resnet8": 12_501_632,
    "tiny-dscnn": 2_656_768,
    "tiny-mobilenetv1": 7_489_664,
    "tiny-autoencoder": 264_192,
}
# Convolutions (depthwise among them), fully connected layers, additions.
LAYERS = {
    "resnet18": (20, 1, 8),
    "resnet34": (36, 1, 16),
    "resnet50": (53, 1, 16),
    "mobilenetv1": (27, 1, 0),
    "mobilenetv2": (52, 1, 10),
    "vgg16": (13, 3, 0),
    "tiny-resnet8": (9, 1, 3),
    "tiny-dscnn": (9, 1, 0),
    "tiny-mobilenetv1": (27, 1, 0),
    "tiny-autoencoder": (0, 10, 0),
}
HOST = {"qnn.quantize", "qnn.dequantize", "transpose", "reshape"}


def _macs(model):
    """Return the multiplications of Conv and Gemm, from the types that onnx infers."""
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.output)
    }
    total = 0
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            weight, result = shapes[node.input[1]], shapes[node.output[0]]
            size = 1
            for extent in (*weight, *result[2:]):
                size *= extent
            total += size
    return total


def test_every_network_is_counted():
    assert set(NETWORKS) == set(MACS) == set(LAYERS)


@pytest.mark.parametrize("name", [name for name in MACS if name != "vgg16"])
def test_multiplications(name):
    model, macs = NETWORKS[name](None)
    assert macs == _macs(model) == MACS[name]
    kinds = Counter(node.op_type for node in model.graph.node)
    assert (kinds["Conv"], kinds["Gemm"], kinds["Add"]) == LAYERS[name]


def test_multiplications_of_vgg16():
    """Its file has 138 MB: shapes are not inferred again."""
    model, macs = NETWORKS["vgg16"](None)
    assert macs == MACS["vgg16"]
    kinds = Counter(node.op_type for node in model.graph.node)
    assert (kinds["Conv"], kinds["Gemm"], kinds["MaxPool"]) == (13, 3, 5)


def test_first_convolution_of_resnet18():
    model, _ = NETWORKS["resnet18"](None)
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in first.attribute}
    assert attributes == {
        "kernel_shape": [7, 7],
        "strides": [2, 2],
        "pads": [3, 3, 3, 3],
        "group": 1,
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_goes_to_the_accelerator(name, tmp_path):
    """All layers do; the CPU has conversions, and vgg16's change of shape, left."""
    path = tmp_path / f"{name}.onnx"
    draft, _ = NETWORKS[name](None, *([32] if name == "vgg16" else []))
    path.write_bytes(draft.SerializeToString())
    module = partition(optimise(import_model(path)), AccelTarget(preset("vta")))
    host = Counter(
        node.op.name
        for node in post_order(module["main"])
        if isinstance(node, Call) and isinstance(node.op, Op)
    )
    assert set(host) <= HOST
    assert host["reshape"] <= 1
    assert host["transpose"] <= 1
    assert len(list(module)) == 2
