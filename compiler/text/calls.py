"""Calls, as the text format's rules make them."""

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import CompileError, ParseError
from ..ir.nodes import AttributeValue, Call, Constructor, Expr, Op
from ..ops.attributes import complete_attributes
from ..ops.registry import lookup
from .attributes import NAMES
from .cursor import Cursor, shortened
from .leaves import Leaves

__all__ = ["META_ATTRIBUTES", "OPERATORS", "TYPE_KEY", "Calls"]

OPERATORS = {
    "*": (12, "multiply"),
    "/": (12, "divide"),
    "+": (10, "add"),
    "-": (10, "subtract"),
    "<": (8, "less"),
    "<=": (8, "less_equal"),
    ">": (8, "greater"),
    ">=": (8, "greater_equal"),
    "==": (7, "equal"),
    "!=": (7, "not_equal"),
}

META_ATTRIBUTES = ""
"""Attribute of a call of a function whose attributes stand in the metadata as one object."""

TYPE_KEY = "attrs_type_key"


class Calls:
    """Makes calls of what was read."""

    def __init__(self, cursor: Cursor, leaves: Leaves) -> None:
        self.cursor = cursor
        self.leaves = leaves
        self._defaults: dict[str, Mapping[str, AttributeValue]] = {}
        self._places: dict[str, int] = {}

    def attribute(self, callee: Expr, attrs: dict[str, AttributeValue]) -> bool:
        """Read an attribute of a call into `attrs`, and return whether there was one.

        Raises
        ------
        ParseError
            An argument stands behind an attribute.
        """
        cursor = self.cursor
        kind = cursor.kind
        if kind in NAMES and self.leaves.attributes.coming():
            if not attrs:
                self._places = {}
            place = cursor.place
            self.leaves.attributes.read_into(attrs)
            self._places[next(reversed(attrs))] = place
            return True
        if attrs:
            raise cursor.unexpected("an attribute or ')'")
        if (
            kind == "meta"
            and not isinstance(callee, Op)
            and cursor.kinds[cursor.place + 1] == ")"
            and cursor.text(cursor.place).startswith("meta[relay.attrs.")
        ):
            attrs[META_ATTRIBUTES] = self.leaves.references.value()
            return True
        return False

    def make(
        self, callee: Expr, args: list[Expr], attrs: dict[str, AttributeValue], start: int
    ) -> Call:
        """Return a call; of an operator with its attributes checked and complete."""
        span = self.cursor.span_from(start)
        if isinstance(callee, Op):
            return Call(callee, tuple(args), self._complete(callee.name, attrs, start), span=span)
        if attrs and not (TYPE_KEY in attrs or META_ATTRIBUTES in attrs):
            raise self.cursor.source.error(
                "only a call of an operator has attributes; give them to the function, "
                f'or say whose they are with {TYPE_KEY}="..."',
                start,
                start + 1,
            )
        return Call(callee, tuple(args), attrs, span=span)

    def _complete(
        self, name: str, attrs: dict[str, AttributeValue], start: int
    ) -> Mapping[str, AttributeValue]:
        """Return all attributes of a call of the operator `name`."""
        if not attrs and name in self._defaults:
            return self._defaults[name]
        try:
            complete = MappingProxyType(complete_attributes(lookup(name), attrs))
        except CompileError as error:
            raise self._refused(error.problem, attrs, start) from None
        if not attrs:
            self._defaults[name] = complete
        return complete

    def _refused(self, problem: str, attrs: Mapping[str, AttributeValue], start: int) -> ParseError:
        """Return the error for attributes, at the one that it is about if there is one."""
        for name in attrs:
            if f"attribute {name} " in problem or f"attribute {name};" in problem:
                return self.cursor.error(shortened(problem, 400), self._places[name])
        return ParseError(shortened(problem, 400), self.cursor.span_from(start))

    def applied(self, expr: Expr) -> Expr:
        """Return a constructor without fields as a call of it, all else as it is."""
        if isinstance(expr, Constructor) and not self.leaves.constructors[expr.name]:
            return Call(expr, (), span=expr.span)
        return expr

    def join(
        self,
        operands: list[tuple[Expr, int]],
        pending: list[tuple[int, str, int]],
        precedence: int,
    ) -> None:
        """Apply the pending operators that bind at least as tightly as `precedence`.

        Parameters
        ----------
        operands : list of (expression, offset at which it begins)
        pending : list of (precedence, operator, place of its mark)
        """
        cursor = self.cursor
        while pending and pending[-1][0] >= precedence:
            _, name, place = pending.pop()
            right, _ = operands.pop()
            left, start = operands.pop()
            span = cursor.span_from(start)
            op = Op(name, span=cursor.span(place))
            attrs = self._complete(name, {}, start)
            operands.append((Call(op, (left, right), attrs, span=span), start))
