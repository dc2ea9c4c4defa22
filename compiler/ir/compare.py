"""Equality of programs by structure: the same but for the names of bound variables and sharing."""

import numpy as np

from .matching import (
    ConstructorPattern,
    Match,
    MatchPattern,
    TuplePattern,
    VarPattern,
    pattern_vars,
)
from .module import Module
from .nodes import (
    Call,
    Constant,
    Constructor,
    Expr,
    Function,
    GlobalVar,
    Let,
    Op,
    TupleGetItem,
    Var,
)
from .types import IncompleteType, Type
from .visitor import children

__all__ = ["structural_equal"]


def structural_equal(left: Expr | Module, right: Expr | Module) -> bool:
    """Return whether two expressions, or two modules, mean the same by their form alone.

    Constants compare by dtype, shape and bits; attributes and annotations by value; bound
    variables by position; free ones by name. Spans, inferred types and sharing do not count.
    """
    if isinstance(left, Module) or isinstance(right, Module):
        if not (isinstance(left, Module) and isinstance(right, Module)):
            return False
        return (
            dict(left.types) == dict(right.types)
            and set(left) == set(right)
            and all(structural_equal(left[name], right[name]) for name in left)
        )
    renamed: dict[Var, Var] = {}
    taken: dict[Var, Var] = {}
    seen: set[tuple[int, int]] = set()
    pending = [(left, right)]
    while pending:
        a, b = pending.pop()
        if (id(a), id(b)) in seen:
            continue
        seen.add((id(a), id(b)))
        if isinstance(a, Var) and isinstance(b, Var):
            if not _same_use(a, b, renamed, taken):
                return False
            continue
        if not (_same_head(a, b) and _pair_binders(a, b, renamed, taken)):
            return False
        pending.extend(zip(children(a), children(b), strict=True))
    return True


def _same_use(a: Var, b: Var, renamed: dict[Var, Var], taken: dict[Var, Var]) -> bool:
    """Return whether two variables stand for the same binder, or are the same free one."""
    if a in renamed or b in taken:
        return renamed.get(a) is b and taken.get(b) is a
    renamed[a], taken[b] = b, a
    return a.name == b.name and _annotations(a) == _annotations(b)


def _pair_binders(a: Expr, b: Expr, renamed: dict[Var, Var], taken: dict[Var, Var]) -> bool:
    """Record that the variables bound by `a` and `b` correspond; False if they cannot."""
    pairs: tuple[tuple[Var, Var], ...] = ()
    if isinstance(a, Function) and isinstance(b, Function):
        pairs = tuple(zip(a.params, b.params, strict=True))
    elif isinstance(a, Let) and isinstance(b, Let):
        pairs = ((a.var, b.var),)
    elif isinstance(a, Match) and isinstance(b, Match):
        pairs = tuple(zip(_clause_vars(a), _clause_vars(b), strict=True))
    for x, y in pairs:
        if (
            _annotations(x) != _annotations(y)
            or renamed.get(x, y) is not y
            or taken.get(y, x) is not x
        ):
            return False
        renamed[x], taken[y] = y, x
    return True


def _annotations(var: Var) -> tuple[object, ...]:
    """Return what a variable is annotated with."""
    return _known(var.annotation), var.attrs


def _known(annotation: Type | None) -> Type | None:
    """Return a type, None for ``_``: that is no annotation."""
    return None if isinstance(annotation, IncompleteType) else annotation


def _clause_vars(node: Match) -> tuple[Var, ...]:
    """Return the variables that the patterns of `node` bind, in order."""
    return tuple(var for clause in node.clauses for var in pattern_vars(clause.pattern))


def _same_pattern(left: MatchPattern, right: MatchPattern) -> bool:
    """Return whether two patterns are equal but for the names of their variables."""
    pending = [(left, right)]
    while pending:
        a, b = pending.pop()
        match a, b:
            case ConstructorPattern(), ConstructorPattern():
                if a.name != b.name or len(a.fields) != len(b.fields):
                    return False
                pending.extend(zip(a.fields, b.fields, strict=True))
            case TuplePattern(), TuplePattern():
                if len(a.fields) != len(b.fields):
                    return False
                pending.extend(zip(a.fields, b.fields, strict=True))
            case VarPattern(), VarPattern():
                pass
            case _:
                if type(a) is not type(b):
                    return False
    return True


def _same_head(a: Expr, b: Expr) -> bool:
    """Return whether two nodes are equal but for their children and binders."""
    if type(a) is not type(b) or len(children(a)) != len(children(b)):
        return False
    match a, b:
        case Constant(), Constant():
            return _same_array(a.value, b.value)
        case GlobalVar(), GlobalVar():
            return a.name == b.name
        case Op(), Op():
            return a.name == b.name
        case Constructor(), Constructor():
            return a.name == b.name
        case Match(), Match():
            clauses = zip(a.clauses, b.clauses, strict=True)
            return a.complete == b.complete and all(
                _same_pattern(x.pattern, y.pattern) for x, y in clauses
            )
        case TupleGetItem(), TupleGetItem():
            return a.index == b.index
        case Call(), Call():
            return _same_operator(a.op, b.op) and _same_attributes(a, b)
        case Function(), Function():
            return (
                len(a.params) == len(b.params)
                and _known(a.ret_type) == _known(b.ret_type)
                and a.type_params == b.type_params
                and _same_attributes(a, b)
            )
        case _:
            return True


def _same_attributes(a: Call | Function, b: Call | Function) -> bool:
    """Return whether attributes are equal, 1 and 1.0 and True being three values."""
    return dict(a.attrs) == dict(b.attrs) and all(
        type(a.attrs[name]) is type(b.attrs[name]) for name in a.attrs
    )


def _same_operator(a: Expr, b: Expr) -> bool:
    """Return whether two callees are the same `Op`, or neither is one (then children decide)."""
    if isinstance(a, Op) and isinstance(b, Op):
        return a.name == b.name
    return not isinstance(a, Op) and not isinstance(b, Op)


def _same_array(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two arrays have one dtype, one shape and the same bits."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
