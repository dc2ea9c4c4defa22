"""ONNX operators as others, before a model is read.

::

    Attention(q, k, v)    ->  the nodes of the operator's function in ONNX's specification,
                              where the importer has no converter of its own
    QLinearConv(x, ..)    ->  QuantizeLinear(Conv(DequantizeLinear(x), ..))
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import onnx

__all__ = ["expand_functions"]


def expand_functions(model: Any, kinds: Collection[str]) -> bool:
    """Replace nodes of other `kinds` by ONNX's own definition of them; return whether any were."""
    graph = model.graph
    version = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)
    types = {
        value.name: value.type for value in (*graph.input, *graph.value_info, *graph.output)
    } | {
        tensor.name: onnx.helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
        for tensor in graph.initializer
    }
    nodes: list[Any] = []
    changed = False
    for node in graph.node:
        own = node.domain in ("", "ai.onnx")
        if own and node.op_type in _QUANTIZED:
            nodes += _QUANTIZED[node.op_type](node)
            changed = True
            continue
        body = _function(node, version, types) if own and node.op_type not in kinds else None
        if body is None:
            nodes.append(node)
            continue
        nodes += _bound(node, body)
        changed = True
    if changed:
        del graph.node[:]
        graph.node.extend(nodes)
    return changed


def _function(node: Any, version: int, types: Mapping[str, Any]) -> Any:
    """Return the function that defines a node, None if there is none that can be put in."""
    if not onnx.defs.has(node.op_type, max_inclusive_version=version):
        return None
    # The stub files of onnx lack the members of functions.
    schema: Any = onnx.defs.get_schema(node.op_type, max_inclusive_version=version)
    fitting = [v for v in schema.function_opset_versions if v <= version]
    dependent = [v for v in schema.context_dependent_function_opset_versions if v <= version]
    if fitting:
        text = schema.get_function_with_opset_version(max(fitting))
    elif dependent and all(not name or name in types for name in node.input):
        given = [types[name].SerializeToString() if name else b"" for name in node.input]
        text = schema.get_context_dependent_function_with_opset_version(
            max(dependent), node.SerializeToString(), given
        )
    else:
        return None
    body = onnx.FunctionProto.FromString(text)
    # Subgraphs would need their names changed as well.
    simple = all(not a.HasField("g") for inner in body.node for a in inner.attribute)
    return body if simple and body.node else None


def _bound(node: Any, body: Any) -> Sequence[Any]:
    """Return the nodes of a function with the node's values and attributes in place."""
    prefix = next(name for name in node.output if name)
    names = {inner: f"{prefix}/{inner}" for one in body.node for inner in one.output}
    names |= dict(zip(body.input, [*node.input, *[""] * len(body.input)], strict=False))
    names |= {inner: outer for inner, outer in zip(body.output, node.output, strict=False) if outer}
    names[""] = ""
    given = {attribute.name: attribute for attribute in (*body.attribute_proto, *node.attribute)}
    made = []
    for number, inner in enumerate(body.node):
        copy = onnx.NodeProto()
        copy.CopyFrom(inner)
        copy.name = f"{node.name or prefix}/{number}"
        for part in (copy.input, copy.output):
            renamed = [names.get(name, name) for name in part]
            del part[:]
            part.extend(renamed)
        del copy.attribute[:]
        copy.attribute.extend(_attributes(inner.attribute, given))
        made.append(copy)
    return made


def _attributes(attributes: Sequence[Any], given: Mapping[str, Any]) -> list[Any]:
    """Return attributes, those that refer to the function's own put in; left out if not given."""
    found = []
    for attribute in attributes:
        if not attribute.ref_attr_name:
            found.append(attribute)
        elif attribute.ref_attr_name in given:
            copy = onnx.AttributeProto()
            copy.CopyFrom(given[attribute.ref_attr_name])
            copy.name = attribute.name
            found.append(copy)
    return found


def _quantized_conv(node: Any) -> Sequence[Any]:
    """``QLinearConv  ->  QuantizeLinear(Conv(DequantizeLinear(x), DequantizeLinear(w), bias))``.

    The bias is in units of both scales' product: DequantizeLinear of int32.
    """
    x, x_scale, x_point, w, w_scale, w_point, y_scale, y_point, *bias = node.input
    parts = [("x", x, x_scale, x_point, 1), ("w", w, w_scale, w_point, 0)]
    nodes, names = _dequantized(node, parts)
    if bias and bias[0]:
        unit = f"{node.output[0]}/unit"
        nodes.append(onnx.helper.make_node("Mul", [x_scale, w_scale], [unit], unit))
        inner, (name,) = _dequantized(node, [("b", bias[0], unit, "", 0)])
        nodes += inner
        names.append(name)
    return [*nodes, *_requantized(node, "Conv", names, y_scale, y_point)]


def _quantized_matmul(node: Any) -> Sequence[Any]:
    """``QLinearMatMul  ->  QuantizeLinear(MatMul(DequantizeLinear(a), DequantizeLinear(b)))``."""
    a, a_scale, a_point, b, b_scale, b_point, y_scale, y_point = node.input
    nodes, names = _dequantized(
        node, [("a", a, a_scale, a_point, -2), ("b", b, b_scale, b_point, -1)]
    )
    return [*nodes, *_requantized(node, "MatMul", names, y_scale, y_point)]


def _dequantized(
    node: Any, parts: Sequence[tuple[str, str, str, str, int]]
) -> tuple[list[Any], list[str]]:
    """Return DequantizeLinear of (name, value, scale, zero point, axis), and the results."""
    nodes, names = [], []
    for what, value, scale, point, axis in parts:
        names.append(f"{node.output[0]}/{what}")
        given = [value, scale, point] if point else [value, scale]
        nodes.append(
            onnx.helper.make_node("DequantizeLinear", given, names[-1:], names[-1], axis=axis)
        )
    return nodes, names


def _requantized(node: Any, kind: str, names: list[str], scale: str, point: str) -> list[Any]:
    """Return the operator itself and the QuantizeLinear of its result."""
    real = f"{node.output[0]}/real"
    made = onnx.helper.make_node(kind, names, [real], node.name or real)
    made.attribute.extend(node.attribute)
    given = [real, scale, point]
    return [made, onnx.helper.make_node("QuantizeLinear", given, node.output, f"{real}/quantized")]


_QUANTIZED = {"QLinearConv": _quantized_conv, "QLinearMatMul": _quantized_matmul}
