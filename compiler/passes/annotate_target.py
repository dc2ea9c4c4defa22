"""Marks what each target can compute.

before -> after, for a target "accel" that takes ReLU::

    nn.relu(%x)   ->   annotation.compiler_end(nn.relu(
                           annotation.compiler_begin(%x, compiler="accel")), compiler="accel")

A call goes to the first target that takes it; so do the fields of a tuple that it gives. A tuple
that a call takes is within its marks.
"""

from collections.abc import Callable, Mapping, Sequence

from ..ir.module import Module
from ..ir.nodes import Call, Expr, Function, Op, Tuple, TupleGetItem
from ..ir.visitor import children, post_order, with_children
from ..ops.registry import call
from .functions import map_functions

__all__ = ["BEGIN", "END", "Takes", "annotate_target"]

BEGIN, END = "annotation.compiler_begin", "annotation.compiler_end"

Takes = Callable[[Call], bool]
"""Whether a target computes a typed call, of an operator or of a composite function."""


def annotate_target(module: Module, targets: Mapping[str, Takes]) -> Module:
    """Return `module` with marks around each call that one of `targets` takes; the first wins.

    Functions that belong to a target already, or are primitive or composite, stay as they are.
    """
    return map_functions(module, lambda function: _annotate(function, targets))


def _annotate(function: Function, targets: Mapping[str, Takes]) -> Function:
    if _is_closed(function):
        return function
    done: dict[int, Expr] = {}
    closed: set[int] = set()
    owners: dict[int, str] = {}
    for node in post_order(function):
        if isinstance(node, Function) and node is not function and _is_closed(node):
            closed.update(id(part) for part in post_order(node))
    for node in post_order(function):
        if id(node) in closed:
            done[id(node)] = node
            continue
        parts = [done[id(part)] for part in children(node)]
        owner = _owner(node, targets, owners)
        if owner is None:
            done[id(node)] = with_children(node, tuple(parts))
        else:
            owners[id(node)] = owner
            done[id(node)] = _marked(node, parts, owner)
    result = done[id(function)]
    assert isinstance(result, Function)
    return result


def _is_closed(function: Function) -> bool:
    return bool(function.attrs.keys() & {"Composite", "Compiler", "Primitive"})


def _owner(node: Expr, targets: Mapping[str, Takes], owners: Mapping[int, str]) -> str | None:
    """Return the target that computes `node`."""
    if isinstance(node, TupleGetItem):
        return owners.get(id(node.value))
    if not isinstance(node, Call):
        return None
    composite = isinstance(node.op, Function) and "Composite" in node.op.attrs
    if not (isinstance(node.op, Op) or composite):
        return None
    return next((name for name, takes in targets.items() if takes(node)), None)


def _marked(node: Expr, parts: Sequence[Expr], owner: str) -> Expr:
    """Return `node` between marks."""
    begun = tuple(part if isinstance(part, Function) else _begin(part, owner) for part in parts)
    return call(END, with_children(node, begun), compiler=owner, span=node.span)


def _begin(part: Expr, owner: str) -> Expr:
    if isinstance(part, Tuple):
        return Tuple(tuple(_begin(field, owner) for field in part.fields), span=part.span)
    return call(BEGIN, part, compiler=owner, span=part.span)
