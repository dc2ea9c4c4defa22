"""Removes what no result depends on.

before -> after::

    let %a = f(%x); %y                       ->  %y
    let %a = f(%x); let %b = g(%a); %y       ->  %y
    (%a, %b).0                               ->  %a
    def @unused(...) {...}  def @main(...)   ->  def @main(...)

The language is pure, so a value that is not used need not be computed.
"""

from dataclasses import replace

from ..ir.module import Module
from ..ir.nodes import Expr, Function, Let, Tuple, TupleGetItem, Var
from ..ir.visitor import children, global_vars, rewrite
from .functions import map_bodies

__all__ = ["eliminate_dead"]


def eliminate_dead(module: Module) -> Module:
    """Return `module` without unused bindings, and without functions that @main does not reach.

    A module without @main keeps all its functions.
    """
    kept = map_bodies(module, _without_dead)
    if "main" not in kept:
        return kept
    reached: dict[str, Function] = {}
    pending = ["main"]
    while pending:
        name = pending.pop()
        if name not in reached and name in kept:
            reached[name] = kept[name]
            pending.extend(global_vars(kept[name]))
    if len(reached) == len(kept):
        return kept
    return replace(kept, functions={name: kept[name] for name in kept if name in reached})


def _without_dead(body: Expr) -> Expr:
    """Return an expression without unused bindings and projections of known tuples."""
    body = rewrite(body, _project)
    live = _live_variables(body)

    def drop(node: Expr) -> Expr:
        return node.body if isinstance(node, Let) and node.var not in live else node

    return rewrite(body, drop)


def _project(node: Expr) -> Expr:
    """Return a field of a known tuple itself."""
    match node:
        case TupleGetItem(Tuple(fields), index):
            return fields[index]
        case _:
            return node


def _live_variables(root: Expr) -> set[Var]:
    """Return the variables whose values the result depends on.

    A bound value is walked only once its variable was met, which is after its binder.
    """
    live: set[Var] = set()
    values: dict[Var, Expr] = {}
    seen: set[int] = set()
    pending = [root]
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Let):
            values[node.var] = node.value
            pending.append(node.body)
        elif isinstance(node, Var):
            live.add(node)
            if node in values:
                pending.append(values[node])
        else:
            pending.extend(children(node))
    return live
