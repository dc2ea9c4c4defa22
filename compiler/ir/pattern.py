"""Patterns over expressions, and rules that replace what they match.

::

    pattern ::= wildcard() | constant() | variable() | op(name)(pattern, ...)
              | tuple_of(pattern, ...) | pattern.field(index)
              | if_of(pattern, pattern, pattern) | let_of(pattern, pattern)
              | function_of(pattern)               a function whose body matches
              | expression(expr)                   this very node
              | pattern | pattern                  the first that matches
              | pattern.has_attr(name=value, ...)  a call with these attributes
              | pattern.has_type(type)             also has_dtype, has_shape: of a typed expression
              | pattern.where(predicate)           any other condition on the expression
              | pattern.optional(function)         function(pattern), or pattern alone
              | dominated(pattern, path=pattern, by=pattern)
                                                   all ways up lead through path to `by`

A pattern object that stands in two places must match one and the same expression (constants may
be equal instead). `pattern_match.match` finds matches; what each object matched is read from the
`Match`.

Examples
--------
>>> data, weight = wildcard(), constant()
>>> convolution = op("nn.conv2d")(data, weight).has_attr(groups=1)
>>> activated = convolution.optional(lambda x: op("nn.relu")(x))
"""

from collections.abc import Callable
from dataclasses import dataclass

from .dims import Dim
from .nodes import (
    AttributeValue,
    Call,
    Expr,
    Function,
    If,
    Let,
)
from .types import TensorType, Type

__all__ = [
    "AnyConstant",
    "AnyVariable",
    "CallOf",
    "Dominated",
    "Either",
    "FieldOf",
    "PartsOf",
    "Pattern",
    "SameNode",
    "TupleOf",
    "Where",
    "Wildcard",
    "constant",
    "dominated",
    "expression",
    "function_of",
    "if_of",
    "let_of",
    "op",
    "tuple_of",
    "variable",
    "wildcard",
]


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Base of all patterns: what they can be combined with."""

    def __or__(self, other: "Pattern") -> "Pattern":
        return Either(self, other)

    def has_attr(self, **attrs: AttributeValue) -> "Pattern":
        """Return this pattern for calls whose attributes have these values."""

        def holds(expr: Expr) -> bool:
            return isinstance(expr, Call) and all(
                name in expr.attrs and expr.attrs[name] == value for name, value in attrs.items()
            )

        return Where(self, holds)

    def has_type(self, expected: Type) -> "Pattern":
        """Return this pattern for expressions of one type."""
        return Where(self, lambda expr: expr.type == expected)

    def has_dtype(self, dtype: str) -> "Pattern":
        """Return this pattern for tensors of one data type."""
        return Where(
            self, lambda expr: isinstance(expr.type, TensorType) and expr.type.dtype == dtype
        )

    def has_shape(self, *shape: Dim) -> "Pattern":
        """Return this pattern for tensors of one shape."""
        return Where(
            self, lambda expr: isinstance(expr.type, TensorType) and expr.type.shape == shape
        )

    def where(self, predicate: Callable[[Expr], bool]) -> "Pattern":
        """Return this pattern for expressions that `predicate` holds for."""
        return Where(self, predicate)

    def optional(self, function: Callable[["Pattern"], "Pattern"]) -> "Pattern":
        """Return ``function(self) | self``."""
        return Either(function(self), self)

    def field(self, index: int) -> "Pattern":
        """Return the pattern of one field of a tuple that this pattern matches."""
        return FieldOf(self, index)


@dataclass(frozen=True, slots=True, eq=False)
class Wildcard(Pattern):
    """Any expression."""


@dataclass(frozen=True, slots=True, eq=False)
class AnyConstant(Pattern):
    """Any constant."""


@dataclass(frozen=True, slots=True, eq=False)
class AnyVariable(Pattern):
    """Any local variable."""


@dataclass(frozen=True, slots=True, eq=False)
class CallOf(Pattern):
    """A call of an operator."""

    name: str
    args: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TupleOf(Pattern):
    """A tuple."""

    fields: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FieldOf(Pattern):
    """A field of a tuple."""

    value: Pattern
    index: int


@dataclass(frozen=True, slots=True, eq=False)
class PartsOf(Pattern):
    """A node of another kind, by its operands."""

    kind: type[If] | type[Let] | type[Function]
    parts: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SameNode(Pattern):
    """One node."""

    expr: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Dominated(Pattern):
    """An expression that depends on one place only."""

    child: Pattern
    path: Pattern
    parent: Pattern


@dataclass(frozen=True, slots=True, eq=False)
class Either(Pattern):
    """The first of two that matches."""

    first: Pattern
    second: Pattern


@dataclass(frozen=True, slots=True, eq=False)
class Where(Pattern):
    """An expression that satisfies a condition."""

    inner: Pattern
    predicate: Callable[[Expr], bool]


def wildcard() -> Pattern:
    """Return a pattern that matches any expression."""
    return Wildcard()


def constant() -> Pattern:
    """Return a pattern that matches any constant."""
    return AnyConstant()


def variable() -> Pattern:
    """Return a pattern that matches any local variable."""
    return AnyVariable()


def op(name: str) -> Callable[..., Pattern]:
    """Return a function from patterns of the arguments to the pattern of a call of `name`."""

    def call(*args: Pattern) -> Pattern:
        return CallOf(name, args)

    return call


def tuple_of(*fields: Pattern) -> Pattern:
    """Return a pattern that matches a tuple of these fields."""
    return TupleOf(fields)


def if_of(condition: Pattern, then: Pattern, otherwise: Pattern) -> Pattern:
    """Return a pattern that matches a choice."""
    return PartsOf(If, (condition, then, otherwise))


def let_of(value: Pattern, body: Pattern) -> Pattern:
    """Return a pattern that matches a binding of any variable."""
    return PartsOf(Let, (value, body))


def function_of(body: Pattern) -> Pattern:
    """Return a pattern that matches a function of any parameters, by its body."""
    return PartsOf(Function, (body,))


def expression(expr: Expr) -> Pattern:
    """Return a pattern that matches one node."""
    return SameNode(expr)


def dominated(child: Pattern, *, path: Pattern, by: Pattern) -> Pattern:
    """Return a pattern that matches `child` if all its operands come from one place.

    Every way up from the operands must lead through expressions that match `path`, each apart from
    the others, to the one expression that matches `by`.
    """
    return Dominated(child, path, by)
