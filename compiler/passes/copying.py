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
from ..ir.types import Type, TypeVar
from ..ir.unify import HOLE, substitute_types
from ..ir.visitor import bound_vars, children, post_order, with_children

__all__ = ["copy_expr", "copy_pattern", "rebind", "with_types", "without_types"]


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
