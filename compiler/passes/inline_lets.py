"""Puts what a `let` binds where it is used, so that a program is a graph of data flow.

before -> after::

    let %y = conv(%x); add(%y, %y)      ->  add(conv(%x), conv(%x)), one shared call

A `let` of a function stays: it may call itself.
"""

from ..ir import Expr, Function, Let, Module, Var
from ..ir.visitor import children, post_order, with_children
from .functions import map_bodies

__all__ = ["inline_lets"]


def inline_lets(module: Module) -> Module:
    """Return `module` without any `let` of a value; each value is still computed once."""
    return map_bodies(module, _inlined)


def _inlined(body: Expr) -> Expr:
    values = {
        node.var: node.value
        for node in post_order(body)
        if isinstance(node, Let) and not isinstance(node.value, Function)
    }
    done: dict[int, Expr] = {}
    # A value comes before the body that uses its variable.
    for node in post_order(body):
        if isinstance(node, Var) and node in values:
            done[id(node)] = done[id(values[node])]
        elif isinstance(node, Let) and node.var in values:
            done[id(node)] = done[id(node.body)]
        else:
            parts = tuple(done[id(part)] for part in children(node))
            done[id(node)] = with_children(node, parts)
    return done[id(body)]
