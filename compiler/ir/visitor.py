"""Walks over expressions, all iterative: programs of a hundred thousand nodes are common."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from .matching import Match, pattern_vars
from .nodes import (
    Call,
    Expr,
    Function,
    GlobalVar,
    If,
    Let,
    Op,
    RefCreate,
    RefRead,
    RefWrite,
    Tuple,
    TupleGetItem,
    Var,
)

__all__ = [
    "bound_vars",
    "children",
    "count_uses",
    "free_vars",
    "global_vars",
    "post_order",
    "rewrite",
    "substitute",
    "with_children",
]


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the expressions that `expr` is made of, in the order of evaluation.

    Binders (parameters, the variable of a `Let`, those of patterns) and the `Op` of a call are not
    among them.
    """
    match expr:
        case Call(op, args):
            return args if isinstance(op, Op) else (op, *args)
        case Tuple(fields):
            return fields
        case TupleGetItem(value):
            return (value,)
        case Function(_, body):
            return (body,)
        case Let(_, value, body):
            return (value, body)
        case If(condition, then, otherwise):
            return (condition, then, otherwise)
        case Match(value, clauses):
            return (value, *(clause.body for clause in clauses))
        case RefCreate(value):
            return (value,)
        case RefRead(reference):
            return (reference,)
        case RefWrite(reference, value):
            return (reference, value)
        case _:
            return ()


def with_children(expr: Expr, parts: tuple[Expr, ...]) -> Expr:
    """Return `expr` made of `parts` instead of ``children(expr)``; without type if they differ."""
    if all(new is old for new, old in zip(parts, children(expr), strict=True)):
        return expr
    match expr:
        case Call(op):
            if isinstance(op, Op):
                return replace(expr, args=parts, type=None)
            return replace(expr, op=parts[0], args=parts[1:], type=None)
        case Tuple():
            return replace(expr, fields=parts, type=None)
        case TupleGetItem():
            return replace(expr, value=parts[0], type=None)
        case Function():
            return replace(expr, body=parts[0], type=None)
        case Let():
            return replace(expr, value=parts[0], body=parts[1], type=None)
        case If():
            return replace(expr, condition=parts[0], then=parts[1], otherwise=parts[2], type=None)
        case Match():
            clauses = zip(expr.clauses, parts[1:], strict=True)
            bodies = tuple(replace(clause, body=body) for clause, body in clauses)
            return replace(expr, value=parts[0], clauses=bodies, type=None)
        case RefCreate():
            return replace(expr, value=parts[0], type=None)
        case RefRead():
            return replace(expr, reference=parts[0], type=None)
        case RefWrite():
            return replace(expr, reference=parts[0], value=parts[1], type=None)
        case _:
            raise AssertionError(f"{expr!r} has no children")


def post_order(root: Expr) -> Iterator[Expr]:
    """Yield every node below and including `root` once, each after its children."""
    seen: set[int] = set()
    stack: list[tuple[Expr, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
            continue
        if id(node) in seen:
            continue
        seen.add(id(node))
        stack.append((node, True))
        stack.extend((part, False) for part in reversed(children(node)) if id(part) not in seen)


def rewrite(root: Expr, function: Callable[[Expr], Expr]) -> Expr:
    """Return `root` rebuilt bottom-up through `function`; shared nodes stay shared.

    Parameters
    ----------
    function : callable
        Gets each node, its children already rewritten, and returns what shall stand there:
        the same node if nothing changes.
    """
    done: dict[int, Expr] = {}
    for node in post_order(root):
        parts = tuple(done[id(part)] for part in children(node))
        done[id(node)] = function(with_children(node, parts))
    return done[id(root)]


def substitute(root: Expr, values: dict[Var, Expr]) -> Expr:
    """Return `root` with the variables in `values` replaced."""

    def replace_var(node: Expr) -> Expr:
        return values.get(node, node) if isinstance(node, Var) else node

    return rewrite(root, replace_var)


def bound_vars(root: Expr) -> Iterator[Var]:
    """Yield each variable that something inside `root` binds, once a binder."""
    for node in post_order(root):
        match node:
            case Function(params):
                yield from params
            case Let(var):
                yield var
            case Match(_, clauses):
                for clause in clauses:
                    yield from pattern_vars(clause.pattern)
            case _:
                pass


def free_vars(root: Expr) -> tuple[Var, ...]:
    """Return the variables that `root` uses and does not bind, in the order of use."""
    bound = set(bound_vars(root))
    return tuple(node for node in post_order(root) if isinstance(node, Var) and node not in bound)


def global_vars(root: Expr) -> tuple[str, ...]:
    """Return the names of the global functions that `root` uses, each once."""
    names = (node.name for node in post_order(root) if isinstance(node, GlobalVar))
    return tuple(dict.fromkeys(names))


def count_uses(root: Expr) -> dict[int, int]:
    """Return how many edges lead to each node inside `root`, by ``id``; 0 for `root` itself."""
    uses = {id(root): 0}
    for node in post_order(root):
        for part in children(node):
            uses[id(part)] = uses.get(id(part), 0) + 1
    return uses
