"""Gathers operators that a target computes as one into composite functions.

before -> after, for a row ("accel.conv_relu", a pattern of convolution and ReLU)::

    %0 = nn.conv2d(%x, %w);         %1 = fn (%p0, %p1, PartitionedFromPattern="nn.conv2d_nn.relu_",
    nn.relu(%0)               ->             Composite="accel.conv_relu") {
                                      %0 = nn.conv2d(%p0, %p1);
                                      nn.relu(%0)
                                    };
                                    %1(%x, %w)

Earlier rows go first, larger expressions before those inside. What a match holds inside must not be
used outside of it. Constants of the pattern stay inside.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..ir.module import Module
from ..ir.nodes import Call, Constant, Expr, Function, Op, Tuple, TupleGetItem, Var
from ..ir.pattern import Pattern
from ..ir.pattern_match import Match, match
from ..ir.visitor import children, count_uses, post_order, with_children
from .functions import map_functions, replace_nodes

__all__ = ["Composite", "merge_composite"]


@dataclass(frozen=True)
class Composite:
    """What a target computes as one.

    Attributes
    ----------
    name : str, by custom the target's name, a point, and the operator's
    pattern : Pattern
    accepts : whether a match may be taken
    """

    name: str
    pattern: Pattern
    accepts: Callable[[Match], bool] = lambda found: True


def merge_composite(module: Module, table: Sequence[Composite]) -> Module:
    """Return `module` with the matches of each row of `table` in functions of their own."""
    for row in table:
        module = map_functions(module, partial(_merge, row))
    return module


def _merge(row: Composite, function: Function) -> Function:
    uses = count_uses(function)
    inside_others = _composite_nodes(function)
    taken: set[int] = set()
    changed: dict[int, Expr] = {}
    for node in reversed(list(post_order(function.body))):
        if id(node) in taken or id(node) in inside_others:
            continue
        found = match(row.pattern, node)
        if found is None:
            continue
        interior = _interior(found)
        alone = all(uses[id(part)] == _uses_inside(part, interior) for part in interior[:-1])
        free = not any(id(part) in taken for part in interior)
        if interior and alone and free and row.accepts(found):
            taken.update(id(part) for part in interior)
            changed[id(node)] = _outline(found, interior, row.name)
    if not changed:
        return function
    result = replace_nodes(function, changed)
    assert isinstance(result, Function)
    return result


def _composite_nodes(function: Function) -> set[int]:
    """Return the nodes inside of functions that are composite or primitive already."""
    found: set[int] = set()
    for node in post_order(function.body):
        if isinstance(node, Function) and (node.attrs.keys() & {"Composite", "Primitive"}):
            found.update(id(part) for part in post_order(node.body))
    return found


def _interior(found: Match) -> list[Expr]:
    """Return the nodes that a match computes, its root last."""
    inputs = {id(part) for part in found.inputs}
    order: list[Expr] = []
    seen: set[int] = set()
    stack: list[tuple[Expr, bool]] = [(found.root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif id(node) not in seen | inputs and isinstance(node, Call | Tuple | TupleGetItem):
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((part, False) for part in reversed(children(node)))
    return order


def _uses_inside(node: Expr, interior: Sequence[Expr]) -> int:
    return sum(part is node for user in interior for part in children(user))


def _outline(found: Match, interior: Sequence[Expr], name: str) -> Call:
    inputs = tuple(part for part in found.inputs if not isinstance(part, Constant))
    params = tuple(Var(f"p{place}", part.type) for place, part in enumerate(inputs))
    done: dict[int, Expr] = {id(part): var for part, var in zip(inputs, params, strict=True)}
    for node in interior:
        parts = tuple(done.get(id(part), part) for part in children(node))
        # Always a new node: the old one is what the function's call replaces.
        done[id(node)] = replace(with_children(node, parts), type=None)
    callees = (node.op for node in interior if isinstance(node, Call))
    operators = "".join(f"{op.name}_" for op in callees if isinstance(op, Op))
    attrs = {"PartitionedFromPattern": operators, "Composite": name}
    body = done[id(found.root)]
    function = Function(params, body, None, attrs, span=found.root.span)
    return Call(function, inputs, span=found.root.span)
