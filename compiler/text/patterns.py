"""Rules of the text format for the patterns of ``match``.

::

    pattern ::= "_" | LOCAL [":" type] | ID ["(" pattern,* ")"] | "(" pattern,* ")"
"""

from collections.abc import Mapping

from ..ir.matching import (
    ConstructorPattern,
    MatchPattern,
    TuplePattern,
    VarPattern,
    WildcardPattern,
)
from ..ir.nodes import Var
from .cursor import Cursor, shortened, suggestion
from .names import Names
from .trampoline import Rule
from .types import Types

__all__ = ["Patterns"]


class Patterns:
    """Reads patterns; their variables are bound in the innermost scope.

    Parameters
    ----------
    cursor : Cursor
    types : Types
    scope : Names of Var
    constructors : Mapping
        The constructors that exist, with the number of their fields.
    """

    def __init__(
        self, cursor: Cursor, types: Types, scope: Names[Var], constructors: Mapping[str, int]
    ) -> None:
        self.cursor = cursor
        self.types = types
        self.scope = scope
        self.constructors = constructors

    def pattern(self, bound: set[str]) -> Rule[MatchPattern]:
        """Read a pattern; `bound` collects the names of its variables."""
        cursor = self.cursor
        start = cursor.start
        fields: tuple[MatchPattern, ...]
        if cursor.at("local"):
            return self._variable(bound)
        if cursor.accept("("):
            fields = yield self._fields(bound)
            return TuplePattern(fields, span=cursor.span_from(start))
        place = cursor.expect("word", "a pattern (_, %x, a constructor or a tuple)")
        name = cursor.text(place)
        if name == "_":
            return WildcardPattern(span=cursor.span(place))
        if name not in self.constructors:
            hint = suggestion(
                name, list(self.constructors), f"declare it in a type, or write %{shortened(name)}"
            )
            raise cursor.error(f"there is no constructor {shortened(name)}; {hint}", place)
        fields = ()
        if cursor.accept("("):
            fields = yield self._fields(bound)
        return ConstructorPattern(name, fields, span=cursor.span_from(start))

    def _variable(self, bound: set[str]) -> VarPattern:
        """Return the variable that comes, and bind it."""
        cursor = self.cursor
        place = cursor.take()
        name = cursor.name(place)
        if name in bound:
            raise cursor.error(
                f"%{shortened(name)} stands twice in this pattern; rename one", place
            )
        start, _ = cursor.bounds(place)
        annotation = self.types.annotation()
        var = Var(name, annotation, span=cursor.span_from(start))
        bound.add(name)
        self.scope.bind(name, var)
        return VarPattern(var, span=var.span)

    def _fields(self, bound: set[str]) -> Rule[tuple[MatchPattern, ...]]:
        """Read patterns up to a closing parenthesis."""
        cursor = self.cursor
        fields: list[MatchPattern] = []
        while not cursor.accept(")"):
            fields.append((yield self.pattern(bound)))
            if not cursor.at(")"):
                cursor.expect(",", "',' or ')'")
        return tuple(fields)
