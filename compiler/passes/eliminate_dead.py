"""Removes what no result depends on.

before -> after::

    let %a = f(%x); %y                       ->  %y
    let %a = f(%x); let %b = g(%a); %y       ->  %y
    (%a, %b).0                               ->  %a
    def @unused(...) {...}  def @main(...)   ->  def @main(...)
    type Unused { ... }     def @main(...)   ->  def @main(...)
    let %r = ref(%a); let %_ = ref_write(%r, %b); %y    ->  %y

What has an effect stays, and so does all that it depends on. Writing a cell that nothing reads or
hands on is none.
"""

from collections.abc import Container, Iterable
from dataclasses import replace

from ..ir.matching import ConstructorPattern, Match, MatchPattern, TuplePattern
from ..ir.module import Module
from ..ir.nodes import (
    Constructor,
    Expr,
    Function,
    Let,
    RefCreate,
    RefWrite,
    Tuple,
    TupleGetItem,
    Var,
)
from ..ir.purity import Purity
from ..ir.types import FuncType, RefType, TupleType, Type, TypeCall
from ..ir.visitor import bound_vars, children, global_vars, post_order, with_children
from .copying import annotated
from .functions import map_bodies

__all__ = ["eliminate_dead", "used_types", "without_dead"]


def eliminate_dead(module: Module) -> Module:
    """Return `module` without unused bindings, and without functions that @main does not reach.

    So go the data types that the rest does not use. A module without @main keeps all its functions
    and data types.
    """
    purity = Purity(module)

    def change(body: Expr) -> Expr:
        new = without_dead(body, purity)
        return body if new is body else annotated(new)

    kept = map_bodies(module, change)
    if "main" not in kept:
        return kept
    reached: dict[str, Function] = {}
    pending = ["main"]
    while pending:
        name = pending.pop()
        if name not in reached and name in kept:
            reached[name] = kept[name]
            pending.extend(global_vars(kept[name]))
    used = used_types(kept, reached.values())
    if len(reached) == len(kept) and len(used) == len(kept.types):
        return kept
    return replace(
        kept,
        functions={name: kept[name] for name in kept if name in reached},
        types={name: data for name, data in kept.types.items() if name in used},
    )


def without_dead(body: Expr, purity: Purity) -> Expr:
    """Return an expression without unused bindings, cells and projections of known tuples."""
    while True:
        new = _without_unused(_without_cells(body, purity), purity)
        if new is body or not purity.has_cells:
            return new
        body = new


def _without_cells(body: Expr, purity: Purity) -> Expr:
    """Return an expression without cells that are written only; what was written stays."""
    if not purity.has_cells:
        return body
    written = {
        node.var: node.value
        for node in post_order(body)
        if isinstance(node, Let) and isinstance(node.value, RefCreate)
    }
    for node in post_order(body):
        for part in children(node):
            if not isinstance(part, Var):
                continue
            if not (isinstance(node, RefWrite) and part is node.reference is not node.value):
                written.pop(part, None)
    if isinstance(body, Var):
        written.pop(body, None)
    if not written:
        return body
    done: dict[int, Expr] = {}
    for node in post_order(body):
        new = with_children(node, tuple(done[id(part)] for part in children(node)))
        match new:
            case RefWrite(Var() as cell, value) if cell in written:
                new = TupleGetItem(Tuple((Tuple(()), value)), 0)
            case Let(var, RefCreate(value), _) if var in written:
                # Nothing uses the variable any more; that it was a cell goes with it.
                new = replace(new, var=replace(var, annotation=None, type=None), value=value)
            case _:
                pass
        done[id(node)] = new
    return done[id(body)]


def _without_unused(body: Expr, purity: Purity) -> Expr:
    """Return an expression without unused bindings and projections of known tuples."""
    effectful = purity.effectful(body)
    done: dict[int, Expr] = {}
    live = _live_variables(body, effectful)
    for node in post_order(body):
        new = with_children(node, tuple(done[id(part)] for part in children(node)))
        match node, new:
            case TupleGetItem(value), TupleGetItem(Tuple(fields), index):
                if id(value) not in effectful:
                    new = fields[index]
            case Let(var, value), Let(_, _, rest):
                if var not in live and id(value) not in effectful:
                    new = rest
            case _:
                pass
        done[id(node)] = new
    return done[id(body)]


def _live_variables(root: Expr, effectful: Container[int]) -> set[Var]:
    """Return the variables whose values the result or an effect depends on.

    A bound value is walked only once its variable was met, which is after its binder. Of a known
    tuple only the field that is asked for counts.
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
        match node:
            case Let(var, value, rest):
                values[var] = value
                pending.append(rest)
                if id(value) in effectful:
                    pending.append(value)
                if var in live:
                    pending.append(value)
            case Var():
                live.add(node)
                if node in values:
                    pending.append(values[node])
            case TupleGetItem(Tuple(fields) as known, index) if id(known) not in effectful:
                pending.append(fields[index])
            case _:
                pending.extend(children(node))
    return live


def used_types(module: Module, functions: Iterable[Function]) -> set[str]:
    """Return the data types that functions use, and those that these are made of."""
    used: set[str] = set()
    if not module.types:
        return used
    owners = {c.name: data.name for data in module.types.values() for c in data.constructors}
    pending: list[str] = []
    for function in functions:
        for node in post_order(function):
            pending.extend(_names_in(node.type))
            match node:
                case Constructor(name):
                    pending.append(owners[name])
                case Match(_, clauses):
                    for clause in clauses:
                        pending.extend(owners[name] for name in _cases(clause.pattern))
                case _:
                    pass
        for var in bound_vars(function):
            pending.extend((*_names_in(var.type), *_names_in(var.annotation)))
    while pending:
        name = pending.pop()
        if name not in used and name in module.types:
            used.add(name)
            for constructor in module.types[name].constructors:
                for field in constructor.fields:
                    pending.extend(_names_in(field))
    return used


def _names_in(root: Type | None) -> list[str]:
    """Return the data types that a type names."""
    found: list[str] = []
    pending = [root]
    while pending:
        match pending.pop():
            case TypeCall(name, args):
                found.append(name)
                pending.extend(args)
            case TupleType(fields):
                pending.extend(fields)
            case FuncType(params, ret):
                pending.extend((*params, ret))
            case RefType(value):
                pending.append(value)
            case _:
                pass
    return found


def _cases(root: MatchPattern) -> list[str]:
    """Return the constructors that a pattern names."""
    found: list[str] = []
    pending = [root]
    while pending:
        pattern = pending.pop()
        if isinstance(pattern, ConstructorPattern):
            found.append(pattern.name)
        if isinstance(pattern, ConstructorPattern | TuplePattern):
            pending.extend(pattern.fields)
    return found
