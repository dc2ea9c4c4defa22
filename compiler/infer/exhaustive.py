"""Exhaustiveness of `Match`: which values have no clause.

The clauses are a matrix of one pattern a row. Its first column is split by the constructors that
stand in it; what no row is left for is missing.

Source
------
L. Maranget, Warnings for pattern matching (2007), section 3.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from ..ir.matching import (
    ConstructorPattern,
    Match,
    MatchPattern,
    TuplePattern,
    WildcardPattern,
)
from ..ir.module import Module

__all__ = ["missing_cases"]

_Row = tuple[MatchPattern, ...]
# Cases that a message names; a reader needs no more.
_SHOWN = 8
_ANY = WildcardPattern()


def missing_cases(match: Match, module: Module) -> list[str]:
    """Return the forms of values that `match` has no clause for, as patterns; at most a few."""
    rows = [(clause.pattern,) for clause in match.clauses]
    found = islice(_uncovered(rows, 1, module), _SHOWN + 1)
    cases = [case for (case,) in found]
    return [*cases[:_SHOWN], "..."] if len(cases) > _SHOWN else cases


def _uncovered(rows: Sequence[_Row], width: int, module: Module) -> Iterator[tuple[str, ...]]:
    """Yield the vectors of `width` forms that no row has."""
    if width == 0:
        if not rows:
            yield ()
        return
    heads = [row[0] for row in rows if isinstance(row[0], ConstructorPattern | TuplePattern)]
    if not heads:
        for rest in _uncovered([row[1:] for row in rows], width - 1, module):
            yield ("_", *rest)
        return
    for name, arity in _forms(heads[0], module):
        special = [new for row in rows if (new := _specialise(row, name, arity)) is not None]
        for vector in _uncovered(special, arity + width - 1, module):
            yield (_text(name, vector[:arity]), *vector[arity:])


def _forms(head: MatchPattern, module: Module) -> list[tuple[str, int]]:
    """Return the forms of values that stand beside `head`: name, "" for a tuple, and arity."""
    if isinstance(head, TuplePattern):
        return [("", len(head.fields))]
    assert isinstance(head, ConstructorPattern)
    found = module.constructor(head.name)
    assert found is not None, "patterns are typed before"
    data, _ = found
    return [(each.name, len(each.fields)) for each in data.constructors]


def _specialise(row: _Row, name: str, arity: int) -> _Row | None:
    """Return the row for values of one form with their fields opened, None if it has none."""
    head = row[0]
    if isinstance(head, ConstructorPattern):
        return (*head.fields, *row[1:]) if head.name == name else None
    if isinstance(head, TuplePattern):
        return (*head.fields, *row[1:])
    return (*(_ANY,) * arity, *row[1:])


def _text(name: str, fields: Sequence[str]) -> str:
    """Return a form as a pattern of the text format."""
    inside = ", ".join(fields)
    if not name:
        return f"({inside},)" if len(fields) == 1 else f"({inside})"
    return f"{name}({inside})" if fields else name
