"""A TFLite file as plain data: tensors and operators of its one graph, checked.

The flatbuffer reader trusts its input; damage shows up as many kinds of exceptions anywhere in it.
So everything is read here, at one boundary, and what leaves this file is sound: numbers of tensors
exist, constants have the size of their shape, and each operator comes after what it needs.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

import numpy as np
import tflite

from ..errors import ImportFailed, Unsupported
from ..ir import Span
from .common import Array

__all__ = ["TfliteGraph", "TfliteOperator", "TfliteTensor", "read_tflite"]

NUMPY = {
    "FLOAT32": "float32",
    "INT8": "int8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
    "UINT8": "uint8",
    "INT16": "int16",
    "FLOAT16": "float16",
    "FLOAT64": "float64",
}

# The fields of an operator's options table that its converter reads.
POOL = ("Padding", "StrideH", "StrideW", "FilterHeight", "FilterWidth", "FusedActivationFunction")
CONVOLUTION = (
    "Padding",
    "StrideH",
    "StrideW",
    "DilationHFactor",
    "DilationWFactor",
    "FusedActivationFunction",
)
OPTIONS = {
    "ADD": ("AddOptions", ("FusedActivationFunction",)),
    "AVERAGE_POOL_2D": ("Pool2DOptions", POOL),
    "CONCATENATION": ("ConcatenationOptions", ("Axis", "FusedActivationFunction")),
    "CONV_2D": ("Conv2DOptions", CONVOLUTION),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", CONVOLUTION),
    "FULLY_CONNECTED": (
        "FullyConnectedOptions",
        ("FusedActivationFunction", "WeightsFormat", "KeepNumDims"),
    ),
    "MAX_POOL_2D": ("Pool2DOptions", POOL),
    "MUL": ("MulOptions", ("FusedActivationFunction",)),
    "SOFTMAX": ("SoftmaxOptions", ("Beta",)),
}


@dataclass(frozen=True, slots=True, eq=False)
class TfliteTensor:
    """A tensor of the graph.

    Attributes
    ----------
    name : str
    shape : tuple of int
    dtype : str
        TFLite's name, as "INT8".
    value : array or None
        Of a constant.
    scale : float32[n] or None
        One, or one for each element of `axis`; None if the tensor is not quantised.
    zero_point : int64[n] or None
    axis : int
    dynamic : bool
        The network's writer left an axis other than the first open.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    value: Array | None
    scale: Array | None
    zero_point: Array | None
    axis: int
    dynamic: bool


@dataclass(frozen=True, slots=True, eq=False)
class TfliteOperator:
    """An operator of the graph.

    Attributes
    ----------
    kind : str
        TFLite's name, as "CONV_2D".
    inputs, outputs : tuple of int
        Numbers of tensors; -1 is an optional input left out.
    options : Mapping of str to int, float or bool
        The fields named in `OPTIONS`.
    span : Span
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class TfliteGraph:
    """A file's one graph; `span` is the file."""

    tensors: tuple[TfliteTensor, ...]
    operators: tuple[TfliteOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    span: Span


def read_tflite(data: bytes, span: Span) -> TfliteGraph:
    """Return the graph of a TFLite file.

    Parameters
    ----------
    data : its content
    span : the file

    Raises
    ------
    ImportFailed
        It is no TFLite file, or damaged.
    Unsupported
        It is a TFLite file of a kind that is not taken (several subgraphs, sparse tensors).
    """
    if data[4:8] != b"TFL3":
        raise ImportFailed(
            "not a TFLite file: bytes 4..7 must be 'TFL3'; "
            "name a .tflite file that a converter wrote",
            span,
        )
    try:
        graph = _graph(tflite.Model.GetRootAs(data, 0), span)
    # What flatbuffers, struct and numpy raise when offsets and lengths lead out of the file.
    except (struct.error, IndexError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise _damaged(f"an offset leads out of it ({error})", span) from None
    _check(graph)
    return graph


def _damaged(what: str, span: Span) -> ImportFailed:
    return ImportFailed(
        f"the TFLite file is damaged or truncated: {what}; copy or convert it again", span
    )


def _graph(model: Any, span: Span) -> TfliteGraph:
    """Read the whole model."""
    if model.SubgraphsLength() != 1:
        raise Unsupported(
            f"the network must have one subgraph, not {model.SubgraphsLength()} (control flow or "
            "several signatures); convert one function without control flow",
            span,
        )
    graph = model.Subgraphs(0)
    tensors = tuple(_tensor(model, graph.Tensors(i), span) for i in range(graph.TensorsLength()))
    operators = tuple(
        _operator(model, graph.Operators(i), i, tensors, span)
        for i in range(graph.OperatorsLength())
    )
    inputs = tuple(graph.Inputs(i) for i in range(graph.InputsLength()))
    outputs = tuple(graph.Outputs(i) for i in range(graph.OutputsLength()))
    return TfliteGraph(tensors, operators, inputs, outputs, span)


@cache
def _names(enumeration: type) -> dict[int, str]:
    """Return the members of one of flatbuffers' enumerations by value."""
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def _tensor(model: Any, tensor: Any, span: Span) -> TfliteTensor:
    """Read one tensor, and its constant if it has one."""
    # Converters join the names of everything they fused with ";": the first says enough.
    name = (tensor.Name() or b"").decode("utf-8", "replace").split(";")[0]
    shape = tuple(tensor.Shape(i) for i in range(tensor.ShapeLength()))
    signature = [tensor.ShapeSignature(i) for i in range(tensor.ShapeSignatureLength())]
    dtype = _names(tflite.TensorType).get(tensor.Type(), f"type {tensor.Type()}")
    place = Span(span.path, name=f"tensor '{name}'")
    if tensor.Sparsity() is not None:
        raise Unsupported("sparse tensors are not supported; convert without sparsity", place)
    scale = zero_point = None
    axis = 0
    quantization = tensor.Quantization()
    if quantization is not None and quantization.ScaleLength():
        scale = np.array(quantization.ScaleAsNumpy(), np.float32)
        zero_point = np.zeros(len(scale), np.int64)
        if quantization.ZeroPointLength():
            zero_point = np.array(quantization.ZeroPointAsNumpy(), np.int64)
        axis = quantization.QuantizedDimension()
    value = _constant(model, tensor.Buffer(), shape, dtype, place)
    open_axes = [size for size in signature[1:] if size < 0] + [size for size in shape if size < 0]
    return TfliteTensor(name, shape, dtype, value, scale, zero_point, axis, bool(open_axes))


def _constant(
    model: Any, number: int, shape: tuple[int, ...], dtype: str, place: Span
) -> Array | None:
    """Return the constant in buffer `number`, None if it is empty."""
    if not 0 <= number < model.BuffersLength():
        raise _damaged(f"it has no buffer {number}", place)
    buffer = model.Buffers(number)
    if buffer.Offset() > 1:
        raise Unsupported("constants outside the flatbuffer (over 2 GB) are not supported", place)
    if not buffer.DataLength():
        return None
    data = buffer.DataAsNumpy().tobytes()
    if dtype not in NUMPY:
        return np.frombuffer(data, np.uint8)
    numpy_type = np.dtype(NUMPY[dtype])
    if min(shape, default=0) < 0 or len(data) != prod(shape) * numpy_type.itemsize:
        raise _damaged(
            f"a constant {dtype} of shape {shape} must not have {len(data)} bytes", place
        )
    return np.frombuffer(data, numpy_type.newbyteorder("<")).astype(numpy_type).reshape(shape)


def _operator(
    model: Any, operator: Any, number: int, tensors: tuple[TfliteTensor, ...], span: Span
) -> TfliteOperator:
    """Read one operator, and the options that its converter wants."""
    if not 0 <= operator.OpcodeIndex() < model.OperatorCodesLength():
        raise _damaged(f"operator #{number} is of unknown kind {operator.OpcodeIndex()}", span)
    code = model.OperatorCodes(operator.OpcodeIndex())
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    kind = _names(tflite.BuiltinOperator).get(builtin, f"operator {builtin}")
    if kind == "CUSTOM":
        kind = f"CUSTOM {(code.CustomCode() or b'').decode('utf-8', 'replace')}"
    inputs = tuple(operator.Inputs(i) for i in range(operator.InputsLength()))
    outputs = tuple(operator.Outputs(i) for i in range(operator.OutputsLength()))
    name = ""
    if outputs and 0 <= outputs[0] < len(tensors):
        name = f" '{tensors[outputs[0]].name}'"
    place = Span(span.path, name=f"{kind} #{number}{name}")
    options = {}
    if kind in OPTIONS:
        table, fields = OPTIONS[kind]
        if operator.BuiltinOptionsType() != getattr(tflite.BuiltinOptions, table):
            raise _damaged(f"its options are not {table}", place)
        reader = getattr(tflite, table)()
        options_table = operator.BuiltinOptions()
        reader.Init(options_table.Bytes, options_table.Pos)
        options = {field: getattr(reader, field)() for field in fields}
    return TfliteOperator(kind, inputs, outputs, options, place)


def _check(graph: TfliteGraph) -> None:
    """Raise ImportFailed unless every tensor that is used exists and is made before."""
    count = len(graph.tensors)

    def known(number: int, place: Span) -> None:
        if not 0 <= number < count:
            raise _damaged(f"tensor {number} does not exist ({count} do)", place)

    for number in (*graph.inputs, *graph.outputs):
        known(number, graph.span)
    made = set(graph.inputs)
    made |= {number for number, t in enumerate(graph.tensors) if t.value is not None}
    for operator in graph.operators:
        for number in operator.inputs:
            if number == -1:
                continue
            known(number, operator.span)
            if number not in made:
                raise _damaged(f"tensor {number} is used before it is made", operator.span)
        for number in operator.outputs:
            known(number, operator.span)
            made.add(number)
    for number in graph.outputs:
        if number not in made:
            raise _damaged(f"output tensor {number} is never made", graph.span)
