"""Makes one node of equal ones, so that each value is computed once.

before -> after::

    %0 = exp(%x); %1 = exp(%x); add(%0, %1)   ->   %0 = exp(%x); add(%0, %0)

Nodes are equal if operator, attributes and (already merged) operands are; constants if their bits
are, and lie in one order. Functions and bindings are not compared: their variables make them
different.
"""

import hashlib
from collections.abc import Hashable, Mapping

import numpy as np
import numpy.typing as npt

from ..ir.module import Module
from ..ir.nodes import (
    AttributeValue,
    Call,
    Constant,
    Constructor,
    Expr,
    GlobalVar,
    If,
    Op,
    Tuple,
    TupleGetItem,
)
from ..ir.purity import Purity
from ..ir.visitor import children, post_order, with_children
from .functions import map_bodies

__all__ = ["eliminate_common"]


def eliminate_common(module: Module) -> Module:
    """Return `module` with equal expressions of each function shared."""
    purity = Purity(module)
    return map_bodies(module, lambda body: _share(body, purity))


def _share(body: Expr, purity: Purity) -> Expr:
    """Return an expression in which equal nodes are one."""
    effectful = purity.effectful(body)
    first: dict[Hashable, Expr] = {}
    done: dict[int, Expr] = {}
    for node in post_order(body):
        new = with_children(node, tuple(done[id(part)] for part in children(node)))
        key = None if id(node) in effectful else _key(new, node)
        done[id(node)] = new if key is None else first.setdefault(key, new)
    return done[id(body)]


def _key(node: Expr, original: Expr) -> Hashable | None:
    """Return what equal nodes have in common; None for a node that equals none.

    What may have many types (functions, constructors) is equal only at one type. Nodes that this
    refers to by ``id`` are alive: they are operands of nodes that are kept.
    """
    operands = tuple(id(part) for part in children(node))
    match node:
        case Constant(value):
            return "constant", str(value.dtype), value.shape, *_bits(value)
        case GlobalVar(name):
            return "global", name, original.type
        case Constructor(name):
            return "constructor", name, original.type
        case Call(Op(name), _, attrs):
            return "call", name, _attributes(attrs), operands
        case Call(_, _, attrs):
            return "call", _attributes(attrs), operands, original.type
        case Tuple():
            return "tuple", operands
        case TupleGetItem(_, index):
            return "field", index, operands
        case If():
            return "if", operands
        case _:
            return None


def _bits(value: npt.NDArray[np.generic]) -> tuple[tuple[int, ...], bytes]:
    """Return the order of the axes in memory, and a digest of the bits in that order.

    The bits themselves, of all weights, would be as large as the network; in another order they
    would have to be copied first.
    """
    steps = [step * (size > 1) for step, size in zip(value.strides, value.shape, strict=True)]
    order = tuple(int(axis) for axis in np.argsort(steps, kind="stable")[::-1])
    data = np.ascontiguousarray(value.transpose(order)).reshape(-1).view(np.uint8)
    return order, hashlib.sha256(data.data).digest()


def _attributes(attrs: Mapping[str, AttributeValue]) -> Hashable:
    """Return attributes in a form where 1, 1.0 and True differ."""
    return tuple((name, type(attrs[name]).__name__, attrs[name]) for name in sorted(attrs))
