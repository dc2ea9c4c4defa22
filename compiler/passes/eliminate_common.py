"""Makes one node of equal ones, so that each value is computed once.

before -> after::

    %0 = exp(%x); %1 = exp(%x); add(%0, %1)   ->   %0 = exp(%x); add(%0, %0)

Nodes are equal if operator, attributes and (already merged) operands are; constants if their bits
are. Functions and bindings are not compared: their variables make them different.
"""

from collections.abc import Hashable, Mapping

from ..ir.module import Module
from ..ir.nodes import (
    AttributeValue,
    Call,
    Constant,
    Expr,
    GlobalVar,
    If,
    Op,
    Tuple,
    TupleGetItem,
)
from ..ir.visitor import children, rewrite
from .functions import map_bodies

__all__ = ["eliminate_common"]


def eliminate_common(module: Module) -> Module:
    """Return `module` with equal expressions of each function shared."""
    return map_bodies(module, _share)


def _share(body: Expr) -> Expr:
    """Return an expression in which equal nodes are one."""
    first: dict[Hashable, Expr] = {}

    def merge(node: Expr) -> Expr:
        key = _key(node)
        return node if key is None else first.setdefault(key, node)

    return rewrite(body, merge)


def _key(node: Expr) -> Hashable | None:
    """Return what equal nodes have in common; None for a node that equals none.

    Nodes that this refers to by ``id`` are alive: they are operands of nodes that are kept.
    """
    operands = tuple(id(part) for part in children(node))
    match node:
        case Constant(value):
            return "constant", str(value.dtype), value.shape, value.tobytes()
        case GlobalVar(name):
            return "global", name
        case Call(op, _, attrs):
            operator = op.name if isinstance(op, Op) else None
            return "call", operator, _attributes(attrs), operands
        case Tuple():
            return "tuple", operands
        case TupleGetItem(_, index):
            return "field", index, operands
        case If():
            return "if", operands
        case _:
            return None


def _attributes(attrs: Mapping[str, AttributeValue]) -> Hashable:
    """Return attributes in a form where 1, 1.0 and True differ."""
    return tuple((name, type(attrs[name]).__name__, attrs[name]) for name in sorted(attrs))
