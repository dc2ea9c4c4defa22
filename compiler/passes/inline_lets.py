"""Puts what a `let` binds where it is used, so that a program is a graph of data flow.

before -> after::

    let %y = conv(%x); add(%y, %y)      ->  add(conv(%x), conv(%x)), one shared call

A `let` of a function stays: it may call itself. So does one of a value with an effect.
"""

from collections.abc import Container

from ..ir.module import Module
from ..ir.nodes import Expr, Function, Let, Var
from ..ir.purity import Purity
from ..ir.visitor import children, post_order, with_children
from .functions import map_bodies

__all__ = ["inline_lets", "put_in"]


def inline_lets(module: Module) -> Module:
    """Return `module` without any `let` of a pure value; each value is still computed once."""
    purity = Purity(module)
    return map_bodies(module, lambda body: _inlined(body, purity))


def _inlined(body: Expr, purity: Purity) -> Expr:
    effectful = purity.effectful(body)
    keeps = {
        id(node)
        for node in post_order(body)
        if isinstance(node, Let)
        and (isinstance(node.value, Function) or id(node.value) in effectful)
    }
    return put_in(body, keeps)


def put_in(body: Expr, keeps: Container[int]) -> Expr:
    """Return `body` without any `let` but those whose ``id`` is in `keeps`."""
    values = {
        node.var: node.value
        for node in post_order(body)
        if isinstance(node, Let) and id(node) not in keeps
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
