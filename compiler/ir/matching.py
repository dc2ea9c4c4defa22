"""Case analysis: the expression `Match` and the patterns of its clauses.

::

    pattern ::= WildcardPattern | VarPattern(var) | ConstructorPattern(name, fields)
              | TuplePattern(fields)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .nodes import Expr, Var
from .span import Span

__all__ = [
    "Clause",
    "ConstructorPattern",
    "Match",
    "MatchPattern",
    "TuplePattern",
    "VarPattern",
    "WildcardPattern",
    "pattern_vars",
]


@dataclass(frozen=True, slots=True, eq=False)
class WildcardPattern:
    """Every value."""

    span: Span | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class VarPattern:
    """Every value, bound to `var`."""

    var: Var
    span: Span | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class ConstructorPattern:
    """A value that the constructor `name` made, of fields that have their patterns."""

    name: str
    fields: tuple["MatchPattern", ...] = ()
    span: Span | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class TuplePattern:
    """A tuple of values that have their patterns."""

    fields: tuple["MatchPattern", ...]
    span: Span | None = field(default=None, kw_only=True)


MatchPattern = WildcardPattern | VarPattern | ConstructorPattern | TuplePattern


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """What a `Match` gives for values of one form."""

    pattern: MatchPattern
    body: Expr
    span: Span | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Match(Expr):
    """The body of the first clause whose pattern `value` has.

    Attributes
    ----------
    value : Expr
    clauses : tuple of Clause
    complete : bool
        Every value has a clause, which inference checks; otherwise a value without one is an
        error of the running program.
    """

    value: Expr
    clauses: tuple[Clause, ...]
    complete: bool = True


def pattern_vars(pattern: MatchPattern) -> Iterator[Var]:
    """Yield each variable that `pattern` binds, from left to right."""
    pending = [pattern]
    while pending:
        match pending.pop():
            case VarPattern(var):
                yield var
            case ConstructorPattern(_, fields) | TuplePattern(fields):
                pending.extend(reversed(fields))
            case WildcardPattern():
                pass
