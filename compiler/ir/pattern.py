"""Patterns over expressions, and rules that replace what they match.

::

    pattern ::= wildcard() | constant() | variable() | op(name)(pattern, ...)
              | tuple_of(pattern, ...) | pattern.field(index)
              | pattern | pattern                  the first that matches
              | pattern.has_attr(name=value, ...)  a call with these attributes
              | pattern.where(predicate)           any other condition on the expression
              | pattern.optional(function)         function(pattern), or pattern alone

A pattern object that stands in two places must match one and the same expression (constants may
be equal instead). What each object matched is read from the `Match`.

Examples
--------
>>> data, weight = wildcard(), constant()
>>> convolution = op("nn.conv2d")(data, weight).has_attr(groups=1)
>>> activated = convolution.optional(lambda x: op("nn.relu")(x))
"""

from collections.abc import Callable
from dataclasses import dataclass

from .compare import structural_equal
from .nodes import AttributeValue, Call, Constant, Expr, Op, Tuple, TupleGetItem, Var

__all__ = [
    "Match",
    "Pattern",
    "constant",
    "match",
    "op",
    "tuple_of",
    "variable",
    "wildcard",
]


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Base of all patterns: what they can be combined with."""

    def __or__(self, other: "Pattern") -> "Pattern":
        return _Either(self, other)

    def has_attr(self, **attrs: AttributeValue) -> "Pattern":
        """Return this pattern for calls whose attributes have these values."""

        def holds(expr: Expr) -> bool:
            return isinstance(expr, Call) and all(
                name in expr.attrs and expr.attrs[name] == value for name, value in attrs.items()
            )

        return _Where(self, holds)

    def where(self, predicate: Callable[[Expr], bool]) -> "Pattern":
        """Return this pattern for expressions that `predicate` holds for."""
        return _Where(self, predicate)

    def optional(self, function: Callable[["Pattern"], "Pattern"]) -> "Pattern":
        """Return ``function(self) | self``."""
        return _Either(function(self), self)

    def field(self, index: int) -> "Pattern":
        """Return the pattern of one field of a tuple that this pattern matches."""
        return _Field(self, index)


@dataclass(frozen=True, slots=True, eq=False)
class _Wildcard(Pattern):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class _Constant(Pattern):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class _Variable(Pattern):
    pass


@dataclass(frozen=True, slots=True, eq=False)
class _Call(Pattern):
    name: str
    args: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Tuple(Pattern):
    fields: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Field(Pattern):
    value: Pattern
    index: int


@dataclass(frozen=True, slots=True, eq=False)
class _Either(Pattern):
    first: Pattern
    second: Pattern


@dataclass(frozen=True, slots=True, eq=False)
class _Where(Pattern):
    inner: Pattern
    predicate: Callable[[Expr], bool]


def wildcard() -> Pattern:
    """Return a pattern that matches any expression."""
    return _Wildcard()


def constant() -> Pattern:
    """Return a pattern that matches any constant."""
    return _Constant()


def variable() -> Pattern:
    """Return a pattern that matches any local variable."""
    return _Variable()


def op(name: str) -> Callable[..., Pattern]:
    """Return a function from patterns of the arguments to the pattern of a call of `name`."""

    def call(*args: Pattern) -> Pattern:
        return _Call(name, args)

    return call


def tuple_of(*fields: Pattern) -> Pattern:
    """Return a pattern that matches a tuple of these fields."""
    return _Tuple(fields)


class Match:
    """What the parts of a pattern matched.

    ``match[part]`` is the expression, ``part in match`` whether the part took part (one side of
    an alternative did not), ``match.root`` the whole expression.
    """

    def __init__(self, root: Expr, found: dict[Pattern, Expr]) -> None:
        self.root = root
        self._found = found

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
        case _Wildcard(), _:
            result = found
        case (_Constant(), Constant()) | (_Variable(), Var()):
            result = found
        case _Call(name, args), Call(Op() as callee, given) if callee.name == name and len(
            args
        ) == len(given):
            result = _match_all(args, given, found)
        case _Tuple(fields), Tuple(given) if len(fields) == len(given):
            result = _match_all(fields, given, found)
        case _Field(value, index), TupleGetItem() if expr.index == index:
            result = _match(value, expr.value, found)
        case _Either(first, second), _:
            result = _match(first, expr, found)
            if result is None:
                result = _match(second, expr, found)
        case _Where(inner, predicate), _:
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


def _same(left: Expr, right: Expr) -> bool:
    """Return whether two expressions may stand for one part of a pattern."""
    if left is right:
        return True
    both = isinstance(left, Constant) and isinstance(right, Constant)
    return both and structural_equal(left, right)
