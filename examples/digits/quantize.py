"""Post-training quantisation of the digit network, and its QDQ ONNX graph.

Activations are int8 with one scale and zero point from the range seen in calibration; weights are
int8 with zero point 0 and a scale per output channel; biases are int32 in the accumulator's scale.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from .network import forward

__all__ = ["Quantization", "calibrate", "quantization", "to_onnx"]

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Quantization:
    """What int8 q stands for: scale * (q - zero_point)."""

    scale: np.float32
    zero_point: np.int8


def quantization(low: float, high: float) -> Quantization:
    """Return the quantisation whose 256 values cover low..high, and zero exactly."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32(max(high - low, 1e-6) / 255)
    return Quantization(scale, np.int8(np.clip(np.round(-128 - low / scale), -128, 127)))


def calibrate(parameters: dict[str, Array], image: Array) -> dict[str, Quantization]:
    """Return the quantisation of every activation, from its range over the images."""
    return {
        name: quantization(float(value.min()), float(value.max()))
        for name, value in forward(parameters, image).items()
    }


@dataclass
class _Graph:
    """An ONNX graph in the making; `ranges` names each activation's quantisation."""

    ranges: dict[str, Quantization]
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def quantized(self, source: str, name: str, like: str | None = None) -> str:
        """Quantise `source` as activation `name`, dequantise it again; return that."""
        what = self.ranges[like or name]
        scale = self.constant(f"{name}.scale", what.scale)
        zero_point = self.constant(f"{name}.zero_point", what.zero_point)
        q = self.node("QuantizeLinear", [source, scale, zero_point], f"{name}.int8")
        return self.node("DequantizeLinear", [q, scale, zero_point], f"{name}.real")

    def parameters(self, layer: str, weight: Array, bias: Array, source: str) -> list[str]:
        """Add a layer's int8 weight and int32 bias; return both dequantised."""
        scale = np.abs(weight).max(axis=tuple(range(1, weight.ndim))).astype(np.float32)
        scale = np.maximum(scale, np.float32(1e-6)) / np.float32(127)
        channel = scale.reshape(-1, *[1] * (weight.ndim - 1))
        product = self.ranges[source].scale * scale
        values = {
            "weight": (np.round(weight / channel).astype(np.int8), scale),
            "bias": (np.round(bias / product).astype(np.int32), product),
        }
        result = []
        for kind, (value, scales) in values.items():
            name = f"{layer}.{kind}"
            inputs = [self.constant(name, value), self.constant(f"{name}.scale", scales)]
            result.append(self.node("DequantizeLinear", inputs, f"{name}.real", axis=0))
        return result


def _nodes(graph: _Graph, parameters: dict[str, Array]) -> str:
    """Add the network's nodes to the graph; return the name of its result."""

    def layer(kind: str, name: str, inputs: str, source: str, **attributes: object) -> str:
        weights = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
        operands = [inputs, *graph.parameters(name, *weights, source)]
        return graph.node(kind, operands, f"{name}.sum", **attributes)

    def relu(source: str, name: str) -> str:
        return graph.quantized(graph.node("Relu", [source], f"{name}.relu"), name)

    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    image = graph.quantized("image", "image")
    stem = relu(layer("Conv", "stem", image, "image", **same), "stem")
    spatial = relu(layer("Conv", "spatial", stem, "stem", **same, group=16), "spatial")
    pointwise = layer("Conv", "pointwise", spatial, "spatial", kernel_shape=[1, 1])
    pointwise = graph.quantized(pointwise, "pointwise")
    block = relu(graph.node("Add", [stem, pointwise], "block.sum"), "block")
    square = {"kernel_shape": [2, 2], "strides": [2, 2]}
    pooled = graph.node("MaxPool", [block], "pooled.largest", **square)
    pooled = graph.quantized(pooled, "pooled", like="block")
    head = relu(layer("Conv", "head", pooled, "block", **same), "head")
    average = graph.node("GlobalAveragePool", [head], "average.mean")
    average = graph.quantized(average, "average")
    flat = graph.node("Flatten", [average], "flat.vector", axis=1)
    flat = graph.quantized(flat, "flat", like="average")
    return graph.quantized(layer("Gemm", "dense", flat, "average", transB=1), "logits")


def to_onnx(parameters: dict[str, Array], ranges: dict[str, Quantization]) -> onnx.ModelProto:
    """Return the network in QDQ form: image float32[1, 1, 8, 8] -> logits float32[1, 10]."""
    graph = _Graph(ranges)
    logits = _nodes(graph, parameters)
    proto = helper.make_graph(
        graph.nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info(logits, TensorProto.FLOAT, [1, 10])],
        graph.constants,
    )
    # IR version 8 and operator set 17 are old enough for every runtime of the last years.
    model = helper.make_model(
        proto, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tilewright"
    )
    onnx.checker.check_model(model)
    return model
