"""Makes one node of equal ones, so that each value is computed once.

before -> after::

    %0 = exp(%x); %1 = exp(%x); add(%0, %1)   ->   %0 = exp(%x); add(%0, %0)

Nodes are equal if operator, attributes and (already merged) operands are; constants if their bits
are, and lie in one order. Functions and bindings are not compared: their variables make them
different.
"""

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

# Elements of the first and the last line that are looked at first.
_ENDS = slice(64), slice(-64, None)


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
            return "constant", str(value.dtype), value.shape, _Bits(value)
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


class _Bits:
    """The elements of an array and their order in memory; equal if both are.

    Most weights differ where they begin or end, so the rest of them need not even be read: a
    digest, or a copy, would be of the whole network.
    """

    def __init__(self, value: npt.NDArray[np.generic]) -> None:
        steps = [step * (size > 1) for step, size in zip(value.strides, value.shape, strict=True)]
        self._order = tuple(int(axis) for axis in np.argsort(steps, kind="stable")[::-1])
        self._value = value.transpose(self._order)
        lines = [self._value[(end,) * (value.ndim - 1)] for end in (0, -1) if value.size]
        ends = (line.reshape(-1)[part].tobytes() for line in lines for part in _ENDS)
        self._hash = hash((self._order, *ends))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Bits) or self._hash != other._hash:
            return False
        return self._order == other._order and np.array_equal(self._raw(), other._raw())

    def _raw(self) -> npt.NDArray[np.uint8]:
        """Return the bytes of the elements, in the order in which they lie."""
        return np.ascontiguousarray(self._value).reshape(-1).view(np.uint8)


def _attributes(attrs: Mapping[str, AttributeValue]) -> Hashable:
    """Return attributes in a form where 1, 1.0 and True differ."""
    return tuple((name, type(attrs[name]).__name__, attrs[name]) for name in sorted(attrs))
