"""The TFLite importer: one table row for each operator, one walk over the graph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike

from ..errors import ImportFailed, Unsupported
from ..infer import infer
from ..ir import Constant, Expr, Function, Module, Span, TensorType, Tuple, Var
from ..ops import call
from . import tflite_float, tflite_int8
from .common import Signature, TensorInfo, identifiers, nearest, read_file
from .tflite_file import NUMPY, TfliteGraph, TfliteOperator, TfliteTensor, read_tflite
from .tflite_node import TfliteNode

__all__ = [
    "SUPPORTED",
    "import_tflite",
    "tflite_module",
    "tflite_tensor_info",
    "tflite_tensors",
]

Converter = Callable[[TfliteNode], Expr]


@dataclass(frozen=True, slots=True)
class _Row:
    """The converters of an operator, by the data type of its first input."""

    int8: Converter | None = None
    float32: Converter | None = None

    def converters(self) -> dict[str, Converter]:
        """Return those there are, by TFLite's name of the data type."""
        both = {"INT8": self.int8, "FLOAT32": self.float32}
        return {dtype: converter for dtype, converter in both.items() if converter is not None}


def _reshape(node: TfliteNode) -> Expr:
    """Convert RESHAPE; the shape is that of the result, which the file states."""
    source, result = node.tensor(0), node.output
    node.require_dtypes(source.dtype, 0)
    if source.dtype == "INT8" and not (node.quantization(source).same(node.quantization(result))):
        raise Unsupported(
            f"'{result.name}' must be quantised as '{source.name}' is; put a QUANTIZE between",
            node.span,
        )
    return call("reshape", node.value(0), span=node.span, newshape=result.shape)


SUPPORTED: Mapping[str, _Row] = {
    "ADD": _Row(tflite_int8.add, tflite_float.add),
    "AVERAGE_POOL_2D": _Row(tflite_int8.average_pool, tflite_float.average_pool),
    "CONCATENATION": _Row(tflite_int8.concatenation, tflite_float.concatenation),
    "CONV_2D": _Row(tflite_int8.convolution, tflite_float.convolution),
    "DEPTHWISE_CONV_2D": _Row(tflite_int8.depthwise, tflite_float.depthwise),
    "DEQUANTIZE": _Row(int8=tflite_int8.dequantize),
    "FULLY_CONNECTED": _Row(tflite_int8.fully_connected, tflite_float.fully_connected),
    "MAX_POOL_2D": _Row(tflite_int8.max_pool, tflite_float.max_pool),
    "MUL": _Row(tflite_int8.multiply, tflite_float.multiply),
    "PAD": _Row(tflite_int8.pad, tflite_float.pad),
    "QUANTIZE": _Row(tflite_int8.quantize, tflite_int8.quantize),
    "RELU": _Row(tflite_int8.relu, tflite_float.relu),
    "RELU6": _Row(tflite_int8.relu6, tflite_float.relu6),
    "RESHAPE": _Row(_reshape, _reshape),
    "SOFTMAX": _Row(tflite_int8.softmax, tflite_float.softmax),
}


def import_tflite(path: str | PathLike[str]) -> Module:
    """Return the network in a TFLite file as a typed module.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Module
        Function ``main``: the network's inputs, NHWC, to its output, or a tuple of them. Weights
        are constants. int8 layers are in the normal form, rounded as TFLite's kernels round.

    Raises
    ------
    ImportFailed
        The file is missing, no TFLite file, or damaged.
    Unsupported
        An operator, a data type or a form of them is not supported; the message names it, its
        place, and the nearest that is.
    """
    return tflite_module(read_tflite(*read_file(path)))


def tflite_module(graph: TfliteGraph) -> Module:
    """Return the typed module of a graph, as of `import_tflite`."""
    params = _params(graph)
    values: dict[int, Expr] = dict(zip(graph.inputs, params, strict=True))
    for number, tensor in enumerate(graph.tensors):
        if tensor.value is not None and tensor.dtype in NUMPY:
            values[number] = Constant(tensor.value, span=_place(graph, tensor))
    for operator in graph.operators:
        node = _node(graph, operator, values)
        values[operator.outputs[0]] = _converter(operator, node)(node)
    results = tuple(values[number] for number in graph.outputs)
    body = results[0] if len(results) == 1 else Tuple(results, span=graph.span)
    return _checked(graph, Function(params, body, span=graph.span))


def tflite_tensor_info(path: str | PathLike[str]) -> Signature:
    """Return the inputs and the outputs of a TFLite file.

    Raises
    ------
    ImportFailed, Unsupported
        As of `import_tflite`, for the file and for these tensors.
    """
    return tflite_tensors(read_tflite(*read_file(path)))


def tflite_tensors(graph: TfliteGraph) -> Signature:
    """Return the inputs and the outputs of a graph, as of `tflite_tensor_info`."""

    def info(number: int) -> TensorInfo:
        tensor, kind = graph.tensors[number], _type(graph, number)
        scale = zero_point = None
        if tensor.scale is not None and tensor.zero_point is not None and len(tensor.scale) == 1:
            scale, zero_point = float(tensor.scale[0]), int(tensor.zero_point[0])
        return TensorInfo(tensor.name, tensor.shape, kind.dtype, scale, zero_point)

    return tuple(map(info, graph.inputs)), tuple(map(info, graph.outputs))


def _place(graph: TfliteGraph, tensor: TfliteTensor) -> Span:
    return Span(graph.span.path, name=f"tensor '{tensor.name}'")


def _unsupported_dtype(tensor: TfliteTensor, span: Span) -> Unsupported:
    return Unsupported(
        f"data type {tensor.dtype} of '{tensor.name}' is not supported; "
        "the nearest supported ones are INT8 and FLOAT32",
        span,
    )


def _type(graph: TfliteGraph, number: int) -> TensorType:
    """Return the type of an input or output of the network."""
    tensor = graph.tensors[number]
    place = _place(graph, tensor)
    if tensor.dtype not in ("INT8", "FLOAT32"):
        raise _unsupported_dtype(tensor, place)
    if tensor.dynamic:
        raise Unsupported(
            "an input or output must have a fixed shape; only its first axis may be open, and is "
            "then taken as the file's example has it: fix the shape when converting",
            place,
        )
    return TensorType(tensor.shape, NUMPY[tensor.dtype])


def _params(graph: TfliteGraph) -> tuple[Var, ...]:
    """Return a parameter for each input of the network."""
    names = identifiers([graph.tensors[number].name for number in graph.inputs])
    return tuple(
        Var(name, _type(graph, number), span=_place(graph, graph.tensors[number]))
        for name, number in zip(names, graph.inputs, strict=True)
    )


def _node(graph: TfliteGraph, operator: TfliteOperator, values: Mapping[int, Expr]) -> TfliteNode:
    """Return what a converter sees of an operator."""
    if operator.kind not in SUPPORTED:
        raise Unsupported(
            f"operator {operator.kind} is not supported; {nearest(operator.kind, SUPPORTED)}",
            operator.span,
        )
    if len(operator.outputs) != 1 or not operator.inputs:
        raise ImportFailed(
            f"must have inputs and one output, not {len(operator.inputs)} and "
            f"{len(operator.outputs)}; convert the network again",
            operator.span,
        )
    return TfliteNode(
        operator.kind,
        tuple(None if number == -1 else graph.tensors[number] for number in operator.inputs),
        tuple(values.get(number) for number in operator.inputs),
        graph.tensors[operator.outputs[0]],
        operator.options,
        operator.span,
    )


def _converter(operator: TfliteOperator, node: TfliteNode) -> Converter:
    """Return the converter for the data type of the operator's first input."""
    row = SUPPORTED[operator.kind].converters()
    first = node.tensor(0)
    if first.dtype not in row:
        raise Unsupported(
            f"data type {first.dtype} of '{first.name}' is not supported; "
            f"the nearest supported {'ones are' if len(row) > 1 else 'one is'} "
            f"{' and '.join(row)}",
            operator.span,
        )
    return row[first.dtype]


def _checked(graph: TfliteGraph, main: Function) -> Module:
    """Return the typed module; its results must have the shapes that the file states."""
    module = infer(Module({"main": main}))
    body = module["main"].body
    values = body.fields if isinstance(body, Tuple) and len(graph.outputs) != 1 else (body,)
    for number, value in zip(graph.outputs, values, strict=True):
        stated = _type(graph, number)
        if value.type != stated:
            name = graph.tensors[number].name
            raise ImportFailed(
                f"output '{name}' must be {stated} by the file, but its operators make "
                f"{value.type}; convert the network again",
                graph.span,
            )
    return module
