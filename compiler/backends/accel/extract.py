"""Reads a region, a function of Relay, into the layers that the machine computes."""

from ...errors import Unsupported
from ...ir import Call, Expr, Function, Tuple
from ...ir.visitor import count_uses, post_order
from .layers import Graph, Layer, Tensor
from .recognise import Recognised, is_view, recognise, shape_of

__all__ = ["extract", "find_layers", "layer_name"]


def find_layers(body: Expr) -> tuple[dict[int, Recognised], set[int]]:
    """Return the layers below `body`, by id of their result, and the ids of calls that are views.

    Layers do not overlap: a call belongs to the layer nearest to the result of the program.
    """
    uses = count_uses(body)
    found: dict[int, Recognised] = {}
    views: set[int] = set()
    taken: set[int] = set()
    for node in reversed(list(post_order(body))):
        if not isinstance(node, Call) or id(node) in taken:
            continue
        if is_view(node):
            views.add(id(node))
            continue
        layer = recognise(node, uses)
        if layer is not None and not any(id(call) in taken for call in layer.calls):
            found[id(node)] = layer
            taken.update(id(call) for call in layer.calls)
    return found, views


def extract(name: str, function: Function) -> Graph:
    """Return the graph of the region `function`.

    Raises
    ------
    Unsupported
        A call is none of the machine's layers; the message begins with its place.
    """
    found, views = find_layers(function.body)
    inside = {id(call) for layer in found.values() for call in layer.calls}
    tensors: dict[int, Tensor] = {}
    layers: list[Layer] = []

    def new_tensor(expr: Expr) -> Tensor:
        shape = shape_of(expr)
        if shape is None:
            raise Unsupported(
                f"the accelerator takes int8 tensors of shape [1, h, w, c] or [n, c], not "
                f"{expr.type}; keep it on the CPU",
                expr.span,
            )
        return Tensor(len(tensors), *shape)

    for param in function.params:
        tensors[id(param)] = new_tensor(param)
    for node in post_order(function.body):
        if id(node) in views:
            assert isinstance(node, Call)
            tensors[id(node)] = tensors[id(node.args[0])]
        elif id(node) in found:
            layer = found[id(node)]
            target = tensors[id(node)] = new_tensor(node)
            sources = tuple(tensors[id(operand)] for operand in layer.operands)
            layers.append(layer.build(layer_name(layer, len(layers)), sources, target))
        elif isinstance(node, Call) and id(node) not in inside:
            raise Unsupported(
                "the accelerator has no layer for this call; keep it on the CPU", node.span
            )
    results = function.body.fields if isinstance(function.body, Tuple) else (function.body,)
    for result in results:
        if id(result) not in tensors:
            raise Unsupported("a result must come from a layer of the accelerator", result.span)
    inputs = tuple(tensors[id(param)] for param in function.params)
    return Graph(name, inputs, tuple(layers), tuple(tensors[id(item)] for item in results))


def layer_name(layer: Recognised, number: int) -> str:
    """Return what the source of a layer calls it, or its operator and its number."""
    span = layer.calls[-1].span
    if span is not None and span.name:
        return span.name
    op = layer.calls[-1].op
    return f"{getattr(op, 'name', 'call')} #{number}"
