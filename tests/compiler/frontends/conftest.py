"""Builders of small TFLite and ONNX files, and the runtimes to compare with."""

from dataclasses import dataclass, field
from pathlib import Path

import flatbuffers
import numpy as np
import onnx
import onnxruntime
import pytest
import tflite_micro
from onnx import helper, numpy_helper

SCHEMA = tflite_micro.runtime.schema_fb
DTYPES = {
    "FLOAT32": np.float32, "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "UINT8": np.uint8,
    "INT64": np.int64, "BOOL": np.bool_, "FLOAT16": np.float16,
}  # fmt: skip


@dataclass
class TfliteBuilder:
    """A TFLite model in the making: tensors and operators are added, then `build` packs it."""

    tensors: list = field(default_factory=list)
    operators: list = field(default_factory=list)
    buffers: list = field(default_factory=lambda: [SCHEMA.BufferT()])
    codes: list = field(default_factory=list)

    def tensor(
        self, shape, dtype="INT8", *, scale=None, zero_point=0, value=None, axis=0, signature=None
    ):
        """Add a tensor, constant if it has a value; return its number."""
        made = SCHEMA.TensorT()
        made.name = f"tensor{len(self.tensors)}".encode()
        made.shape = list(shape)
        made.type = getattr(SCHEMA.TensorType, dtype)
        if signature is not None:
            made.shapeSignature = list(signature)
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            made.quantization = SCHEMA.QuantizationParametersT()
            made.quantization.scale = scales.tolist()
            points = np.broadcast_to(np.asarray(zero_point, np.int64), scales.shape)
            made.quantization.zeroPoint = points.tolist()
            made.quantization.quantizedDimension = axis
        if value is not None:
            buffer = SCHEMA.BufferT()
            data = np.ascontiguousarray(np.asarray(value, DTYPES[dtype]).reshape(shape))
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            made.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(made)
        return len(self.tensors) - 1

    def operator(self, kind, inputs, outputs, options=None, custom=None, **values):
        """Add an operator; `options` names its options table and `values` its fields."""
        code = SCHEMA.OperatorCodeT()
        code.builtinCode = getattr(SCHEMA.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = 1
        code.customCode = custom
        made = SCHEMA.OperatorT()
        made.opcodeIndex = len(self.codes)
        made.inputs, made.outputs = list(inputs), list(outputs)
        if options is not None:
            table = getattr(SCHEMA, f"{options}T")()
            for name, value in values.items():
                assert hasattr(table, name), name
                setattr(table, name, value)
            made.builtinOptions = table
            made.builtinOptionsType = getattr(SCHEMA.BuiltinOptions, options)
        self.codes.append(code)
        self.operators.append(made)

    def build(self, inputs, outputs, subgraphs=1) -> bytes:
        """Return the file's bytes."""
        graph = SCHEMA.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = list(inputs), list(outputs)
        model = SCHEMA.ModelT()
        model.version = 3
        model.description = b"built by a test"
        model.operatorCodes, model.buffers = self.codes, self.buffers
        model.subgraphs = [graph] * subgraphs
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


class Micro:
    """A TFLite file run by TFLite Micro, every tensor kept."""

    def __init__(self, data: bytes):
        runtime = tflite_micro.runtime
        self._interpreter = runtime.Interpreter.from_bytes(
            data,
            arena_size=8 << 20,
            intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
        )

    def __call__(self, *inputs):
        """Return the first output."""
        for number, value in enumerate(inputs):
            self._interpreter.set_input(value, number)
        self._interpreter.invoke()
        return np.array(self._interpreter.get_output(0))

    def tensor(self, number):
        """Return tensor `number` of the last run."""
        return np.array(self._interpreter.GetTensor(number, 0)["tensor_data"])


@dataclass
class OnnxBuilder:
    """An ONNX model in the making."""

    nodes: list = field(default_factory=list)
    constants: list = field(default_factory=list)
    inputs: list = field(default_factory=list)

    def input(self, name, shape, dtype="float32"):
        """Add an input; return its name."""
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def constant(self, value, dtype=None):
        """Add a constant; return its name."""
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, kind, *inputs, domain=None, **attributes):
        """Add an operator; return its result's name."""
        name = f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, domain=domain, **attributes))
        return name

    def quantized(self, source, scale, zero_point=0, dtype="int8"):
        """Quantise a value; return the integers' name."""
        point = self.constant(zero_point, dtype)
        return self.node("QuantizeLinear", source, self.constant(scale, np.float32), point)

    def dequantized(self, source, scale, zero_point=0, dtype="int8", axis=None):
        """Dequantise a value; return the result's name."""
        scale = np.asarray(scale, np.float32)
        point = self.constant(np.full(scale.shape, zero_point), dtype)
        attributes = {} if axis is None else {"axis": axis}
        return self.node("DequantizeLinear", source, self.constant(scale), point, **attributes)

    def activation(self, source, scale, zero_point=0, dtype="int8"):
        """Quantise and dequantise a value; return the result's name."""
        integers = self.quantized(source, scale, zero_point, dtype)
        return self.dequantized(integers, scale, zero_point, dtype)

    def build(self, *outputs, version=17, domains=()) -> bytes:
        """Return the file's bytes; the shapes of results are inferred."""
        results = [onnx.ValueInfoProto(name=name) for name in outputs]
        graph = helper.make_graph(self.nodes, "net", self.inputs, results, self.constants)
        sets = [helper.make_opsetid("", version), *(helper.make_opsetid(d, 1) for d in domains)]
        model = helper.make_model(graph, opset_imports=sets, ir_version=8)
        inferred = onnx.shape_inference.infer_shapes(model)
        known = {value.name: value for value in inferred.graph.output}
        for result in model.graph.output:
            result.CopyFrom(known[result.name])
        return model.SerializeToString()


@pytest.fixture
def network():
    return OnnxBuilder()


@pytest.fixture
def onnxruntime_of():
    """`onnxruntime_of(data)(**inputs)` is the list of a network's outputs."""

    def load(data):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        return lambda **inputs: session.run(None, inputs)

    return load


@pytest.fixture
def builder():
    return TfliteBuilder()


@pytest.fixture
def micro():
    """The class: `micro(data)` is a network to call."""
    return Micro


@pytest.fixture
def write(tmp_path):
    """`write(data)` puts a network's bytes into a file and returns its path."""

    def save(data: bytes, name: str = "net.tflite") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return save
