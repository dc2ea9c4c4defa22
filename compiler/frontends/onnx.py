"""The ONNX importer: one walk over the graph; QDQ layers come out as int8, the rest as float32."""

from dataclasses import dataclass, field, replace
from os import PathLike
from typing import cast

import numpy as np

from ..errors import ImportFailed, Unsupported
from ..infer import infer
from ..ir import Constant, Expr, Function, Module, Span, TensorType, Tuple, Var
from ..ir.types import Type
from . import normal_form
from .common import Array, Signature, TensorInfo, identifiers, nearest, read_file
from .normal_form import Quantization
from .onnx_arithmetic import clip_bounds
from .onnx_file import OnnxGraph, OnnxNode, OnnxTensor, read_onnx
from .onnx_node import PLAIN, OnnxContext, Source, Value, constant_value
from .onnx_open import Sizes, require_known
from .onnx_ops import MOVEMENT, ONE, SEVERAL
from .onnx_qdq import QDQ, Layer
from .onnx_quantize import dequantize, quantization_of, quantize

__all__ = ["import_onnx", "onnx_module", "onnx_tensor_info", "onnx_tensors", "parse_onnx"]

SUPPORTED = frozenset((*ONE, *MOVEMENT, *SEVERAL, "QuantizeLinear", "DequantizeLinear"))


def import_onnx(path: str | PathLike[str]) -> Module:
    """Return the network in an ONNX file as a typed module.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Module
        Function ``main``: the network's inputs, NCHW as in the file, to its output, or a tuple of
        them. Weights are constants. Layers in QDQ form are int8, in the normal form, rounded
        "UPWARD"; uint8 inside is held as int8 less 128.

    Raises
    ------
    ImportFailed
        The file is missing, no ONNX file, or not well formed.
    Unsupported
        An operator, a data type or a form of them is not supported; the message names it, its
        place, and the nearest that is.
    """
    return onnx_module(parse_onnx(*read_file(path)))


def parse_onnx(data: bytes | memoryview, span: Span) -> OnnxGraph:
    """Return the graph of an ONNX file, in terms of the operators that are supported.

    Raises
    ------
    ImportFailed, Unsupported
        As of `import_onnx`, for the file.
    """
    return read_onnx(data, span, SUPPORTED)


def onnx_module(graph: OnnxGraph) -> Module:
    """Return the typed module of a graph, as of `import_onnx`."""
    network = _Network(graph)
    params = network.parameters()
    network.convert()
    results = tuple(network.value(name).plain(graph.span) for name in graph.results)
    exprs = tuple(value.expr for value in results)
    body = exprs[0] if len(exprs) == 1 else Tuple(exprs, span=graph.span)
    module = infer(Module({"main": Function(params, body, span=graph.span)}))
    _check_results(graph, module["main"].body)
    return module


def onnx_tensor_info(path: str | PathLike[str]) -> Signature:
    """Return the inputs and the outputs of an ONNX file.

    Raises
    ------
    ImportFailed, Unsupported
        As of `import_onnx`, for the file.
    """
    return onnx_tensors(parse_onnx(*read_file(path)))


def onnx_tensors(graph: OnnxGraph) -> Signature:
    """Return the inputs and the outputs of a graph."""
    inputs, outputs = (
        tuple(
            TensorInfo(t.name, tuple(s if isinstance(s, int) else -1 for s in t.shape), t.dtype)
            for t in tensors
        )
        for tensors in (graph.inputs, graph.outputs)
    )
    return inputs, outputs


def _check_results(graph: OnnxGraph, body: Expr) -> None:
    """Raise ImportFailed unless the results have the types that the file states."""
    fields = body.fields if isinstance(body, Tuple) and len(graph.outputs) > 1 else (body,)
    for tensor, value in zip(graph.outputs, fields, strict=True):
        stated = TensorType(tensor.shape, tensor.dtype)
        if value.type != stated and not _same_but_open(value.type, stated):
            raise ImportFailed(
                f"output '{tensor.name}' must be {stated} by the file, but its operators make "
                f"{value.type}; export the network again",
                graph.span,
            )


def _same_but_open(found: Type | None, stated: TensorType) -> bool:
    """Return whether types agree in what the file states: sizes that it leaves open may be any."""
    if not isinstance(found, TensorType) or len(found.shape) != len(stated.shape):
        return False
    pairs = zip(found.shape, stated.shape, strict=True)
    return found.dtype == stated.dtype and all(
        not isinstance(told, int) or size == told for size, told in pairs
    )


@dataclass(frozen=True, slots=True)
class _Chain:
    """What follows an operator up to a QuantizeLinear, nothing else reading what lies between."""

    bias: Array | None
    bounds: tuple[tuple[float, float], ...]
    members: tuple[int, ...]


@dataclass
class _Network:
    """The values made so far."""

    graph: OnnxGraph
    values: dict[str, Value] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    sizes: Sizes = field(init=False)

    def __post_init__(self) -> None:
        self.sizes = Sizes(tensor.shape for tensor in self.graph.inputs)

    def _keep(self, name: str, value: Value, span: Span) -> None:
        """Remember a value; its sizes are as our own inference has them if inputs' are open."""
        if self.sizes and value.array is None:
            shape = cast(tuple[int, ...], self.sizes.find(value.expr, span))
            value = replace(value, shape=shape)
        self.values[name] = value

    def value(self, name: str) -> Value:
        """Return the value called `name`."""
        if name not in self.values and name in self.graph.constants:
            self.values[name] = constant_value(self.graph.constants[name], self.graph.span)
        return self.values[name]

    def _is_made(self, name: str) -> bool:
        """Return whether the value called `name` is known yet; "" never is."""
        return name in self.values or name in self.graph.constants

    def parameters(self) -> tuple[Var, ...]:
        """Return a parameter for each input."""
        params = []
        names = identifiers([tensor.name for tensor in self.graph.inputs])
        for tensor, name in zip(self.graph.inputs, names, strict=True):
            place = Span(self.graph.span.path, name=f"input '{tensor.name}'")
            if tensor.dtype not in PLAIN:
                raise Unsupported(
                    f"data type {tensor.dtype} is not supported; the nearest supported ones are "
                    f"{', '.join(PLAIN)}",
                    place,
                )
            param = Var(name, TensorType(tensor.shape, tensor.dtype), span=place)
            self.sizes.keep(param, TensorType(tensor.shape, tensor.dtype))
            self.values[tensor.name] = Value(param, tensor.shape, tensor.dtype)
            params.append(param)
        return tuple(params)

    def convert(self) -> None:
        """Make the value of every node; those of quantised constants first."""
        for node in self.graph.nodes:
            self._require_supported(node)
        for number, node in enumerate(self.graph.nodes):
            if node.kind in ("QuantizeLinear", "DequantizeLinear") and self._is_constant(node):
                self._convert(number, node)
        for number, node in enumerate(self.graph.nodes):
            if number not in self.done:
                self._convert(number, node)

    def _require_supported(self, node: OnnxNode) -> None:
        """Raise Unsupported for a kind of operator that is not known, or several results."""
        if node.kind not in SUPPORTED:
            raise Unsupported(
                f"operator {node.kind} is not supported; {nearest(node.kind, SUPPORTED)}",
                node.span,
            )
        if len(node.outputs) != 1 and node.kind not in SEVERAL:
            raise Unsupported(
                f"{len(node.outputs)} outputs are not supported; the nearest supported form is of "
                "the first output alone",
                node.span,
            )

    def _is_constant(self, node: OnnxNode) -> bool:
        """Return whether the first input is a constant, quantised or not."""
        name = node.inputs[0]
        if name in self.graph.constants:
            return True
        value = self.values.get(name)
        return value is not None and value.array is not None

    def _convert(self, number: int, node: OnnxNode) -> None:
        """Make the value of one node, or of the QuantizeLinear that its layer ends with."""
        self.done.add(number)
        context = self._context(node)
        require_known(context)
        if node.kind == "QuantizeLinear":
            self._keep(node.outputs[0], quantize(context), node.span)
        elif node.kind == "DequantizeLinear":
            self._keep(node.outputs[0], dequantize(context), node.span)
        elif node.kind in MOVEMENT:
            self._keep(node.outputs[0], _moved(context), node.span)
        elif not self._layer(number, context):
            self._plain(node, context)

    def _plain(self, node: OnnxNode, context: OnnxContext) -> None:
        """Make the values of a node from its inputs as the file has them."""
        plain = (None if value is None else value.plain(node.span) for value in context.inputs)
        context = replace(context, inputs=tuple(plain))
        several = SEVERAL.get(node.kind)
        exprs = several(context) if several else (ONE[node.kind](context),)
        for name, expr, result in zip(node.outputs, exprs, context.results, strict=False):
            if not name:
                continue
            array = expr.value if isinstance(expr, Constant) else None
            self._keep(name, Value(expr, result.shape, result.dtype, array), node.span)

    def _context(self, node: OnnxNode) -> OnnxContext:
        """Return what a converter sees of a node; of one further on, the constants alone."""
        results = tuple(self._result(name, node) for name in node.outputs)
        inputs = tuple(self.value(name) if self._is_made(name) else None for name in node.inputs)
        return OnnxContext(
            node.kind, inputs, node.attributes, results, self.graph.version, node.span
        )

    def _result(self, name: str, node: OnnxNode) -> OnnxTensor:
        """Return the type of a result; nothing is known, or needed, of one left out."""
        result = self.graph.types.get(name) if name else OnnxTensor("", (), "")
        if result is None:
            raise Unsupported(
                f"the shape of '{name}' must be known; fix the network's input sizes "
                "and fold constants (onnxsim) before",
                node.span,
            )
        return result

    def _layer(self, number: int, context: OnnxContext) -> bool:
        """Make an int8 layer if the operator is part of one; return whether it was."""
        chain = self._chain(number)
        if chain is None or context.kind not in QDQ:
            return False
        last = self.graph.nodes[chain.members[-1]]
        end = self._context(last)
        target, dtype = quantization_of(end)
        if target.scale.ndim:
            return False
        expr = QDQ[context.kind](Layer(context, target, chain.bias))
        if expr is None:
            return False
        low, high = -128, 127
        bounds = chain.bounds
        if context.kind in ("Relu", "Clip"):
            bounds = (clip_bounds(context), *bounds)
        for real_low, real_high in bounds:
            low = max(low, _integer(real_low, target))
            high = min(high, _integer(real_high, target))
        expr = normal_form.bounded(expr, low, high, context.span)
        shape = end.result.shape
        self._keep(last.outputs[0], Value(expr, shape, dtype, None, dtype == "uint8"), last.span)
        self.done.update(chain.members)
        return True

    def _chain(self, number: int) -> _Chain | None:
        """Return what follows node `number`; None if it does not end in a QuantizeLinear."""
        nodes = self.graph.nodes
        name, bias = nodes[number].outputs[0], None
        bounds: list[tuple[float, float]] = []
        members: list[int] = []
        while True:
            uses = self.graph.uses.get(name, ())
            if len(uses) != 1 or uses[0] < 0:
                return None
            node = nodes[uses[0]]
            members.append(uses[0])
            if node.kind == "QuantizeLinear" and node.inputs[0] == name:
                return _Chain(bias, tuple(bounds), tuple(members))
            if node.kind in ("Relu", "Clip") and node.inputs[0] == name:
                bounds.append(clip_bounds(self._context(node)))
            elif node.kind == "Add" and not bounds and bias is None:
                bias = self._added(number, node, name)
                if bias is None:
                    return None
            else:
                return None
            name = node.outputs[0]

    def _added(self, number: int, node: OnnxNode, name: str) -> Array | None:
        """Return the constant that `node` adds to a MatMul's result, None if it is no bias."""
        other = node.inputs[1] if node.inputs[0] == name else node.inputs[0]
        product = self.graph.nodes[number]
        if product.kind != "MatMul" or not (other in self.values or other in self.graph.constants):
            return None
        value = self.value(other)
        array = value.array
        if value.source is not None and value.source.array is not None:
            what = value.source.quantization
            array = (value.source.array.astype(np.float64) - what.zero_point) * what.scale
        units = self.graph.types[product.outputs[0]].shape[-1]
        return array if array is not None and array.size in (1, units) else None


def _integer(bound: float, what: Quantization) -> int:
    """Return the int8 value that stands for a bound, itself a bound of int8 if it is beyond."""
    steps = np.rint(np.float32(bound) / what.scale) + what.zero_point
    return int(np.clip(steps, -128, 127))


def _moved(context: OnnxContext) -> Value:
    """Return the value of an operator that takes elements unchanged, of integers if it can."""
    value, result = context.value(0), context.result
    source = value.source
    if source is not None and source.array is not None and context.kind == "Transpose":
        axes = tuple(context.attribute("perm", tuple(reversed(range(source.array.ndim)))))
        array = np.transpose(source.array, axes)
        axis = axes.index(source.axis % array.ndim)
        held = replace(constant_value(array, context.span), shape=result.shape)
        return _dequantized(held, result, source.quantization, axis, context.span)
    if source is not None and not source.quantization.scale.ndim:
        integers = Value(source.expr, value.shape, "int8")
        inputs = (integers, *context.inputs[1:])
        expr = MOVEMENT[context.kind](replace(context, inputs=inputs))
        held = Value(expr, result.shape, "int8")
        return _dequantized(held, result, source.quantization, source.axis, context.span)
    expr = MOVEMENT[context.kind](context)
    return Value(expr, result.shape, result.dtype, None, value.shifted)


def _dequantized(
    held: Value, result: OnnxTensor, what: Quantization, axis: int, span: Span
) -> Value:
    """Return the float32 value that integers stand for."""
    expr = normal_form.dequantized(held.expr, what, span, axis)
    return Value(expr, result.shape, result.dtype, source=Source(held.expr, held.array, what, axis))
