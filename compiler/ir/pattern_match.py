"""Matching: what the parts of a pattern stand for in an expression."""

from .compare import structural_equal
from .nodes import Call, Constant, Expr, Function, If, Let, Op, Tuple, TupleGetItem, Var
from .pattern import (
    AnyConstant,
    AnyVariable,
    CallOf,
    Dominated,
    Either,
    FieldOf,
    PartsOf,
    Pattern,
    SameNode,
    TupleOf,
    Where,
    Wildcard,
)
from .visitor import children

__all__ = ["Match", "match"]


class Match:
    """What the parts of a pattern matched.

    ``match[part]`` is the expression, ``part in match`` whether the part took part (one side of
    an alternative did not), ``match.root`` the whole expression.

    Attributes
    ----------
    root : Expr
    inputs : tuple of Expr, what wildcards and variables matched, each once, from left to right
    """

    def __init__(self, root: Expr, found: dict[Pattern, Expr]) -> None:
        self.root = root
        self._found = found
        leaves = {
            id(expr): expr
            for part, expr in found.items()
            if isinstance(part, Wildcard | AnyVariable)
        }
        self.inputs = tuple(leaves.values())

    def __getitem__(self, part: Pattern) -> Expr:
        return self._found[part]

    def __contains__(self, part: Pattern) -> bool:
        return part in self._found


def match(pattern: Pattern, expr: Expr) -> Match | None:
    """Return what the parts of `pattern` match in `expr`, None if it does not match."""
    found = _match(pattern, expr, {})
    return None if found is None else Match(expr, found)


def _match(pattern: Pattern, expr: Expr, found: dict[Pattern, Expr]) -> dict[Pattern, Expr] | None:
    """Return `found` with what `pattern` matches added; None, and `found` as it was, if not."""
    if pattern in found:
        return found if _same(found[pattern], expr) else None
    result: dict[Pattern, Expr] | None = None
    match pattern, expr:
        case Wildcard(), _:
            result = found
        case (AnyConstant(), Constant()) | (AnyVariable(), Var()):
            result = found
        case CallOf(name, args), Call(Op() as callee, given) if callee.name == name and len(
            args
        ) == len(given):
            result = _match_all(args, given, found)
        case TupleOf(fields), Tuple(given) if len(fields) == len(given):
            result = _match_all(fields, given, found)
        case FieldOf(value, index), TupleGetItem() if expr.index == index:
            result = _match(value, expr.value, found)
        case Either(first, second), _:
            result = _match(first, expr, found)
            if result is None:
                result = _match(second, expr, found)
        case PartsOf(kind, parts), If() | Let() | Function() if isinstance(expr, kind):
            result = _match_all(parts, children(expr), found)
        case SameNode(node), _:
            result = found if node is expr else None
        case Dominated(child, path, parent), _:
            result = _match(child, expr, found)
            result = None if result is None else _match_ways(path, parent, expr, result)
        case Where(inner, predicate), _:
            result = _match(inner, expr, found)
            if result is not None and not predicate(expr):
                result = None
        case _:
            pass
    return None if result is None else {**result, pattern: expr}


def _match_all(
    patterns: tuple[Pattern, ...], exprs: tuple[Expr, ...], found: dict[Pattern, Expr]
) -> dict[Pattern, Expr] | None:
    """Return `found` with the matches of several patterns added, None if one fails."""
    result: dict[Pattern, Expr] | None = found
    for pattern, expr in zip(patterns, exprs, strict=True):
        if result is None:
            return None
        result = _match(pattern, expr, result)
    return result


def _match_ways(
    path: Pattern, parent: Pattern, expr: Expr, found: dict[Pattern, Expr]
) -> dict[Pattern, Expr] | None:
    """Return `found` with what `parent` matches above `expr` added, None if a way misses it."""
    result: dict[Pattern, Expr] | None = None
    pending, seen = list(children(expr)), set[int]()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        reached = _match(parent, node, result or found)
        if reached is not None:
            result = reached
        elif children(node) and _match(path, node, found) is not None:
            pending.extend(children(node))
        else:
            return None
    return result


def _same(left: Expr, right: Expr) -> bool:
    """Return whether two expressions may stand for one part of a pattern."""
    if left is right:
        return True
    both = isinstance(left, Constant) and isinstance(right, Constant)
    return both and structural_equal(left, right)
