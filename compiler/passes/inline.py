"""Puts the bodies of global functions where they are called.

before -> after::

    def @twice(%a) { add(%a, %a) }
    def @main(%x) { @twice(exp(%x)) }   ->   def @main(%x) { let %a = exp(%x); add(%a, %a) }

A function is inlined if it is marked ``Inline=1``, or small; never if it may call itself, or if it
is a compiler's (``Compiler="..."``) or primitive (``Primitive=1``) without being marked. Arguments
are evaluated once, in order, before the body. Functions stay in the module; `eliminate_dead` takes
those away that nothing uses.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

from ..infer import infer
from ..ir.module import Module
from ..ir.nodes import Call, Expr, Function, GlobalVar, Let, Var
from ..ir.visitor import global_vars, post_order, rewrite
from .copying import copy_expr, without_types
from .functions import typed

__all__ = ["inline"]

# A body of so many nodes is about as large as the call of it.
_SMALL_NODES = 8


def inline(module: Module) -> Module:
    """Return `module` with calls of marked and of small functions replaced by their bodies."""
    given = typed(module)
    functions = dict(given.functions)
    calls = {name: {n for n in global_vars(given[name]) if n in given} for name in given}
    recursive = _recursive(calls)
    for name in _callees_first({name: found - recursive for name, found in calls.items()}):
        chosen = {
            other: functions[other]
            for other in sorted(calls[name] - recursive)
            if _is_chosen(given[other], functions[other])
        }
        if chosen:
            functions[name] = _inlined(functions[name], chosen)
    if all(functions[name] is given[name] for name in given):
        return given
    return infer(replace(given, functions=functions))


def _inlined(function: Function, chosen: Mapping[str, Function]) -> Function:
    """Return `function` with calls of `chosen` replaced."""

    def expand(node: Expr) -> Expr:
        if not isinstance(node, Call) or not isinstance(node.op, GlobalVar):
            return node
        callee = chosen.get(node.op.name)
        return node if callee is None else _body(callee, node)

    body = rewrite(function.body, expand)
    return function if body is function.body else replace(function, body=body, type=None)


def _body(callee: Function, call: Call) -> Expr:
    """Return the body of a function with its parameters bound to a call's arguments."""
    opened = without_types(callee, callee.type_params) if callee.type_params else callee
    assert isinstance(opened, Function)
    params = tuple(Var(param.name, param.annotation) for param in opened.params)
    result = copy_expr(opened.body, dict(zip(opened.params, params, strict=True)))
    for param, arg in reversed(tuple(zip(params, call.args, strict=True))):
        result = Let(param, arg, result, span=call.span)
    return result


def _is_chosen(original: Function, function: Function) -> bool:
    """Return whether calls of a function that does not call itself shall be replaced."""
    if "Inline" in original.attrs:
        return bool(original.attrs["Inline"])
    if "Compiler" in original.attrs or "Primitive" in original.attrs:
        return False
    return len(tuple(islice(post_order(function.body), _SMALL_NODES + 1))) <= _SMALL_NODES


def _callees_first(calls: Mapping[str, set[str]]) -> list[str]:
    """Return the functions, each after those it calls; those that reach a cycle are left out."""
    waiting = {name: set(names) for name, names in calls.items()}
    users: dict[str, list[str]] = {name: [] for name in calls}
    for name, names in calls.items():
        for other in names:
            users[other].append(name)
    ready = [name for name, names in waiting.items() if not names]
    order: list[str] = []
    while ready:
        name = ready.pop()
        order.append(name)
        for user in users[name]:
            waiting[user].discard(name)
            if not waiting[user]:
                ready.append(user)
    return order


def _recursive(calls: Mapping[str, set[str]]) -> set[str]:
    """Return the functions that may call themselves, through others or not."""
    suspects = set(calls) - set(_callees_first(calls))
    return {name for name in suspects if name in _reached(calls, name)}


def _reached(calls: Mapping[str, set[str]], start: str) -> set[str]:
    """Return the functions that a call of one may call."""
    found: set[str] = set()
    pending = list(calls[start])
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(calls[name])
    return found
