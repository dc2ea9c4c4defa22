"""Puts what a `let` binds where it is used: graph normal form.

before -> after::

    let %t = exp(%x); let %t1 = tanh(%t); add(%t, %t1)    ->    %0 = exp(%x); add(%0, tanh(%0))

Each value is still computed once in each activation of the function around it. A `let` stays if its
value has an effect, or is a function that calls itself.
"""

from ..ir.module import Module
from ..ir.nodes import Expr, Function, Let
from ..ir.purity import Purity
from ..ir.visitor import post_order
from .functions import map_bodies
from .inline_lets import put_in

__all__ = ["to_graph_normal_form"]


def to_graph_normal_form(module: Module) -> Module:
    """Return `module` with no `let` but of effects and recursive functions."""
    purity = Purity(module)
    return map_bodies(module, lambda body: put_in(body, _keeps(body, purity)))


def _keeps(body: Expr, purity: Purity) -> frozenset[int]:
    """Return the ``id`` of each `let` that stays."""
    effectful = purity.effectful(body)
    lets = [node for node in post_order(body) if isinstance(node, Let)]
    return frozenset(
        id(node)
        for node in lets
        if id(node.value) in effectful or (isinstance(node.value, Function) and _is_recursive(node))
    )


def _is_recursive(node: Let) -> bool:
    """Return whether a bound function uses its own name."""
    return any(part is node.var for part in post_order(node.value))
