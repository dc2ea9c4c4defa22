"""Copies of expressions whose binders are new, so that both may stand in one module."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..ir.matching import (
    Clause,
    ConstructorPattern,
    Match,
    MatchPattern,
    TuplePattern,
    VarPattern,
)
from ..ir.nodes import Expr, Function, Let, Var
from ..ir.types import Type, TypeCall, TypeVar
from ..ir.unify import HOLE, substitute_types
from ..ir.visitor import bound_vars, children, post_order, with_children
from .type_walk import parts_of

__all__ = ["annotated", "copy_expr", "copy_pattern", "rebind", "with_types", "without_types"]


def copy_expr(root: Expr, values: Mapping[Var, Expr] | None = None) -> Expr:
    """Return a copy of `root` that binds variables of its own; what it does not bind stays shared.

    Parameters
    ----------
    values : what shall stand for free variables
    """
    done: dict[Var, Expr] = {} if values is None else dict(values)
    done.update((var, replace(var)) for var in bound_vars(root))
    new: dict[int, Expr] = {}
    for node in post_order(root):
        if isinstance(node, Var):
            new[id(node)] = done.get(node, node)
            continue
        parts = tuple(new[id(part)] for part in children(node))
        new[id(node)] = replace(rebind(with_children(node, parts), done), type=node.type)
    return new[id(root)]


def rebind(node: Expr, names: Mapping[Var, Expr]) -> Expr:
    """Return `node` with what it binds itself renamed by `names`."""
    match node:
        case Function(params):
            return replace(node, params=tuple(_named(param, names) for param in params))
        case Let(var):
            return replace(node, var=_named(var, names))
        case Match(_, clauses):
            renamed = (Clause(copy_pattern(c.pattern, names), c.body) for c in clauses)
            return replace(node, clauses=tuple(renamed))
        case _:
            return node


def copy_pattern(pattern: MatchPattern, names: Mapping[Var, Expr]) -> MatchPattern:
    """Return `pattern` with its variables renamed."""
    match pattern:
        case VarPattern(var):
            return replace(pattern, var=_named(var, names))
        case ConstructorPattern(_, fields) | TuplePattern(fields):
            return replace(pattern, fields=tuple(copy_pattern(field, names) for field in fields))
        case _:
            return pattern


def _named(var: Var, names: Mapping[Var, Expr]) -> Var:
    found = names.get(var, var)
    assert isinstance(found, Var), f"%{var.name} is bound here"
    return found


def annotated(root: Expr) -> Expr:
    """Return `root` with types written where a pass may have removed what inference found them by.

    That is at parameters of functions, and at variables whose value holds a data type: how an empty
    list is used says what it is a list of.
    """
    names: dict[Var, Expr] = {}
    for node in post_order(root):
        match node:
            case Function(params):
                binders = params
            case Let(var) if var.type is not None and _holds_data(var.type):
                binders = (var,)
            case _:
                continue
        for var in binders:
            if var.annotation is None and var.type is not None:
                names[var] = replace(var, annotation=var.type)
    if not names:
        return root
    new: dict[int, Expr] = {}
    for node in post_order(root):
        if isinstance(node, Var):
            new[id(node)] = names.get(node, node)
            continue
        made = with_children(node, tuple(new[id(part)] for part in children(node)))
        binds = isinstance(node, Function | Let)
        new[id(node)] = rebind(made, names) if binds else made
    return new[id(root)]


def _holds_data(root: Type) -> bool:
    """Return whether a type is, or is made of, a data type."""
    pending = [root]
    while pending:
        kind = pending.pop()
        if isinstance(kind, TypeCall):
            return True
        pending.extend(parts_of(kind))
    return False


def without_types(root: Expr, params: Iterable[TypeVar]) -> Expr:
    """Return a copy of `root` whose annotations leave open what `params` stood for."""
    return with_types(root, dict.fromkeys(params, HOLE))


def with_types(root: Expr, values: Mapping[TypeVar, Type]) -> Expr:
    """Return a copy of `root`, without types, whose annotations have type parameters replaced."""
    table = dict(values)
    names: dict[Var, Expr] = {}
    for var in bound_vars(root):
        kind = None if var.annotation is None else substitute_types(var.annotation, table)
        names[var] = replace(var, annotation=kind, type=None)
    new: dict[int, Expr] = {}
    for node in post_order(root):
        if isinstance(node, Var):
            new[id(node)] = names.get(node, node)
            continue
        parts = tuple(new[id(part)] for part in children(node))
        made = rebind(with_children(node, parts), names)
        if isinstance(made, Function) and made.ret_type is not None:
            made = replace(made, ret_type=substitute_types(made.ret_type, table))
        new[id(node)] = replace(made, type=None)
    return new[id(root)]
