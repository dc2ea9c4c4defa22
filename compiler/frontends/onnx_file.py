"""An ONNX file as plain data: nodes, constants, and the type of every value, checked.

onnx's own checker and shape inference do the work; what they find wrong becomes one error here.
Nodes that mean nothing at inference (Identity, Dropout) and constants are resolved, so that the
importer sees only operators that compute.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from ..errors import ImportFailed, Unsupported
from ..ir import Span
from ..ir.dims import Any as Unknown
from ..ir.dims import Dim, symbol
from .common import Array
from .onnx_expand import expand_functions
from .onnx_fold import fold_known
from .onnx_wire import take_large

__all__ = ["OnnxGraph", "OnnxNode", "OnnxTensor", "read_onnx"]

_MALFORMED = (
    ValueError,
    DecodeError,
    onnx.checker.ValidationError,
    onnx.shape_inference.InferenceError,
)
# Functions in functions, sizes that follow from sizes: no deeper.
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class OnnxTensor:
    """Name, shape and data type (numpy's name) of a value.

    A size is no number where the network's inputs have open sizes; `onnx_open.require_known` keeps
    such from converters that need numbers.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True, eq=False)
class OnnxNode:
    """An operator.

    Attributes
    ----------
    kind : str
        ONNX's name, with the domain if it is not ONNX's own.
    inputs : tuple of str
        Values; "" is an optional input left out.
    outputs : tuple of str
        Values; "" is an optional output left out.
    attributes : Mapping of str to int, float, bytes, array, or lists of them
    span : Span
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class OnnxGraph:
    """A file's graph.

    Attributes
    ----------
    nodes : tuple of OnnxNode
        In an order of evaluation.
    constants : Mapping of str to array
    inputs, outputs : tuple of OnnxTensor
    results : tuple of str
        The values that are the outputs.
    types : Mapping of str to OnnxTensor
        Of every value whose shape is known.
    uses : Mapping of str to tuple of int
        The nodes that read a value, by number; -1 if it is an output.
    version : int
        Of ONNX's own operator set.
    span : Span
        The file.
    """

    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, Array]
    inputs: tuple[OnnxTensor, ...]
    outputs: tuple[OnnxTensor, ...]
    results: tuple[str, ...]
    types: Mapping[str, OnnxTensor]
    uses: Mapping[str, tuple[int, ...]]
    version: int
    span: Span


@dataclass
class _Reader:
    """The graph in the making."""

    span: Span
    nodes: list[OnnxNode] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    symbols: frozenset[str] = frozenset()


def read_onnx(data: bytes | memoryview, span: Span, kinds: Collection[str] = ()) -> OnnxGraph:
    """Return the graph of an ONNX file.

    Parameters
    ----------
    data : its content
    span : the file
    kinds : of operators that need not be put as others

    Raises
    ------
    ImportFailed
        It is no ONNX file, or not well formed.
    Unsupported
        It is an ONNX file of a kind that is not taken: weights in other files.
    """
    try:
        rest, large = take_large(data)
        model = onnx.load_model_from_string(rest)
        _declare(model, [tensor for tensor, _ in large])
        onnx.checker.check_model(model)
        symbols = _name_sizes(model)
        model = _inferred(model, kinds)
    except _MALFORMED as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ImportFailed(
            f"not a well-formed ONNX file ({reason}); export the network again", span
        ) from None
    graph = model.graph
    reader = _Reader(span, symbols=symbols)
    for tensor in graph.initializer:
        reader.constants[tensor.name] = _array(tensor, span)
    for tensor, raw in large:
        reader.constants[tensor.name] = _large_array(tensor, raw, span)
    for number, node in enumerate(graph.node):
        _read_node(reader, node, number)
    return _finished(reader, model)


def _inferred(model: Any, kinds: Collection[str]) -> Any:
    """Return a model with the types of its values, what is known computed."""
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    for _ in range(_ROUNDS):
        expanded = expand_functions(model, kinds)
        if not fold_known(model) and not expanded:
            break
        # Sizes that were open may be known now.
        del model.graph.value_info[:]
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    return model


def _name_sizes(model: Any) -> frozenset[str]:
    """Give each open size of an input without a name one; return the names of all of them.

    Names that the file gives to sizes of results are dropped: shape inference finds what they are.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    names = set()
    for value in model.graph.input:
        if value.name in constants or not value.type.HasField("tensor_type"):
            continue
        for axis, size in enumerate(value.type.tensor_type.shape.dim):
            if not size.HasField("dim_value"):
                size.dim_param = size.dim_param or f"{value.name}.shape[{axis}]"
                names.add(size.dim_param)
    for value in (*model.graph.value_info, *model.graph.output) if names else ():
        if value.type.HasField("tensor_type"):
            for size in value.type.tensor_type.shape.dim:
                size.ClearField("dim_param")
    return frozenset(names)


def _declare(model: Any, tensors: list[Any]) -> None:
    """Make inputs of constants that are not in the model, for the checker and shape inference."""
    inputs = {value.name for value in model.graph.input}
    model.graph.input.extend(
        onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in tensors
        if tensor.name not in inputs
    )


def _finished(reader: _Reader, model: Any) -> OnnxGraph:
    """Return the graph, once all nodes are read."""
    graph = model.graph
    inputs = tuple(
        _shaped(value, reader) for value in graph.input if value.name not in reader.constants
    )
    outputs = tuple(_shaped(value, reader) for value in graph.output)
    results = tuple(_resolve(reader, tensor.name) for tensor in outputs)
    types = {
        name: OnnxTensor(name, value.shape, str(value.dtype))
        for name, value in reader.constants.items()
    }
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = _tensor(value, reader.symbols)
        if tensor is not None:
            types[value.name] = tensor
    if reader.symbols:
        reader.nodes = _without_sizes(reader.nodes, results)
    uses: dict[str, tuple[int, ...]] = {}
    for number, node in enumerate(reader.nodes):
        for name in node.inputs:
            uses[name] = (*uses.get(name, ()), number)
    for name in results:
        uses[name] = (*uses.get(name, ()), -1)
    version = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)
    return OnnxGraph(
        tuple(reader.nodes),
        reader.constants,
        inputs,
        outputs,
        results,
        types,
        uses,
        version,
        reader.span,
    )


def _without_sizes(nodes: Sequence[OnnxNode], results: Sequence[str]) -> list[OnnxNode]:
    """Return nodes without those that only compute what a Reshape's shape is: its type says it."""
    needed, kept = set(results), []
    for node in reversed(nodes):
        if needed.isdisjoint(node.outputs):
            continue
        if node.kind == "Reshape":
            node = replace(node, inputs=node.inputs[:1])
        needed.update(node.inputs)
        kept.append(node)
    return kept[::-1]


def _resolve(reader: _Reader, name: str) -> str:
    """Return the value that `name` is another name of, or `name`."""
    return reader.aliases.get(name, name)


def _array(tensor: Any, span: Span) -> Array:
    """Return the value of a constant."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise Unsupported(
            f"constant '{tensor.name}' must be in the file itself, not beside it; "
            "save with onnx.save(model, path, save_as_external_data=False)",
            span,
        )
    try:
        return np.asarray(onnx.numpy_helper.to_array(tensor))
    except (ValueError, KeyError, TypeError) as error:
        raise ImportFailed(
            f"constant '{tensor.name}' is damaged ({error}); export the network again", span
        ) from None


def _large_array(tensor: Any, raw: memoryview, span: Span) -> Array:
    """Return the value of a constant whose bytes stand apart, without a copy where numpy can."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return _array(tensor, span)
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        if dtype.isbuiltin != 1 or sys.byteorder != "little":
            tensor.raw_data = bytes(raw)
            return _array(tensor, span)
        return np.frombuffer(raw, dtype).reshape(tuple(tensor.dims))
    except (ValueError, KeyError, TypeError) as error:
        raise ImportFailed(
            f"constant '{tensor.name}' is damaged ({error}); export the network again", span
        ) from None


def _read_node(reader: _Reader, node: Any, number: int) -> None:
    """Add a node, or the constant or the other name that it stands for."""
    own = node.domain in ("", "ai.onnx")
    kind = node.op_type if own else f"{node.domain}.{node.op_type}"
    span = Span(
        reader.span.path, name=f"{kind} #{number} '{node.name or next(iter(node.output), '')}'"
    )
    inputs = tuple(_resolve(reader, name) for name in node.input)
    attributes = {
        attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute
    }
    if kind == "ConstantOfShape" and "value" in attributes:
        attributes["value"] = _array(attributes["value"], span)
    if kind == "Constant":
        reader.constants[node.output[0]] = _constant(attributes, span)
        return
    if kind == "Dropout" and len(inputs) > 2 and inputs[2]:
        training = reader.constants.get(inputs[2])
        if training is None or training.any():
            raise Unsupported("Dropout in training is not supported; export for inference", span)
    outputs = tuple(node.output)
    while outputs and not outputs[-1]:
        outputs = outputs[:-1]
    if kind in ("Identity", "Dropout") and len(outputs) == 1:
        reader.aliases[outputs[0]] = inputs[0]
        return
    reader.nodes.append(OnnxNode(kind, inputs, outputs, attributes, span))


def _constant(attributes: Mapping[str, Any], span: Span) -> Array:
    """Return the value of a Constant node."""
    for name, dtype in (("value_float", "float32"), ("value_floats", "float32")):
        if name in attributes:
            return np.asarray(attributes[name], dtype)
    for name in ("value_int", "value_ints"):
        if name in attributes:
            return np.asarray(attributes[name], np.int64)
    if "value" in attributes:
        return _array(attributes["value"], span)
    raise Unsupported(
        f"a Constant of {', '.join(attributes)} is not supported; "
        "the nearest supported one is of a tensor (value)",
        span,
    )


def _tensor(value: Any, symbols: frozenset[str]) -> OnnxTensor | None:
    """Return what is known of a value, None if its shape is not.

    Parameters
    ----------
    symbols : names of the inputs' open sizes; if there are any, other sizes may be unknown
    """
    if not value.type.HasField("tensor_type"):
        return None
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    if not symbols and any(not size.HasField("dim_value") for size in kind.shape.dim):
        return None
    try:
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    except KeyError:
        return None
    shape = tuple(_size(size, symbols) for size in kind.shape.dim)
    return OnnxTensor(value.name, cast(tuple[int, ...], shape), dtype)


def _size(size: Any, symbols: frozenset[str]) -> Dim:
    """Return a size: a number, one of the inputs' symbols, or unknown."""
    if size.HasField("dim_value"):
        return int(size.dim_value)
    return symbol(size.dim_param) if size.dim_param in symbols else Unknown()


def _shaped(value: Any, reader: _Reader) -> OnnxTensor:
    """Return an input's or output's tensor, whose shape must be known but for open sizes."""
    tensor = _tensor(value, reader.symbols)
    if tensor is None or any(isinstance(size, int) and size < 1 for size in tensor.shape):
        dims = value.type.tensor_type.shape.dim
        shape = ", ".join(
            str(d.dim_value) if d.HasField("dim_value") else d.dim_param or "?" for d in dims
        )
        raise Unsupported(
            f"'{value.name}' must have a fixed shape, not ({shape}); export with fixed sizes, or "
            "set them with onnx.tools.update_model_dims",
            reader.span,
        )
    return tensor
