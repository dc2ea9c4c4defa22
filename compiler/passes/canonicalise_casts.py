"""Gives every user of a widening cast a cast of its own, so that it can be computed with the user.

before -> after::

    %0 = cast(%x, dtype="int32");        %0 = cast(%x, dtype="int32");
    %1 = add(%0, %y);                    %1 = add(%0, %y);
    multiply(%0, %1)                ->   %2 = cast(%x, dtype="int32");
                                         multiply(%2, %1)

One shared cast would have to be stored in the wide type.
"""

from dataclasses import replace

import numpy as np

from ..ir.module import Module
from ..ir.nodes import Call, Expr, Op
from ..ir.types import TensorType
from ..ir.visitor import children, count_uses, with_children
from .functions import map_bodies, rewrite_typed

__all__ = ["canonicalise_casts"]


def canonicalise_casts(module: Module) -> Module:
    """Return `module` with a widening cast for each of its uses by an operator."""
    return map_bodies(module, _separate)


def _separate(body: Expr) -> Expr:
    uses = count_uses(body)
    if not any(uses[key] > 1 for key in uses):
        return body
    first: set[int] = set()

    def own(node: Expr) -> Expr:
        """Return `node` with a copy of each cast that an earlier node has taken."""
        if not (isinstance(node, Call) and isinstance(node.op, Op)):
            return node
        parts = []
        for part in children(node):
            taken = _widens(part) and id(part) in first
            first.add(id(part))
            parts.append(replace(part) if taken else part)
        return with_children(node, tuple(parts))

    return rewrite_typed(body, own)


def _widens(node: Expr) -> bool:
    """Return whether `node` is a cast to a type of more bits."""
    if not (isinstance(node, Call) and isinstance(node.op, Op) and node.op.name == "cast"):
        return False
    source, result = node.args[0].type, node.type
    return (
        isinstance(source, TensorType)
        and isinstance(result, TensorType)
        and np.dtype(result.dtype).itemsize > np.dtype(source.dtype).itemsize
    )
