"""Makes a function of every constructor and global that is used as a value.

before -> after::

    @map(Some, %xs)    ->  @map(fn (%a: int32) { Some(%a) }, %xs)
    @map(@next, %xs)   ->  @map(fn (%a: int32) { @next(%a) }, %xs)

What is called stays: ``Some(1)``.
"""

from ..ir.module import Module
from ..ir.nodes import Call, Constructor, Expr, Function, GlobalVar, Var
from ..ir.types import FuncType
from ..ir.visitor import children, post_order, with_children
from .functions import map_bodies

__all__ = ["eta_expand"]


def eta_expand(module: Module) -> Module:
    """Return `module` with constructors and globals in no place but that of what is called."""
    return map_bodies(module, _expand)


def _expand(body: Expr) -> Expr:
    done: dict[int, Expr] = {}
    for node in post_order(body):
        parts = [done[id(part)] for part in children(node)]
        if isinstance(node, Call) and isinstance(node.op, Constructor | GlobalVar):
            parts[0] = node.op
        new = with_children(node, tuple(parts))
        if isinstance(node, Constructor | GlobalVar) and isinstance(node.type, FuncType):
            new = _function(node, node.type)
        done[id(node)] = new
    return done[id(body)]


def _function(node: Constructor | GlobalVar, kind: FuncType) -> Function:
    """Return the function that calls `node`."""
    params = tuple(Var(f"a{place}", param) for place, param in enumerate(kind.params))
    body = Call(node, params, span=node.span)
    return Function(params, body, kind.ret, {}, kind.type_params, span=node.span)
