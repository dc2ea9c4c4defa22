"""Rules of the text format for attributes.

::

    attrs ::= dotted "=" value {"," dotted "=" value}
    value ::= NUMBER | STRING | "True" | "False" | "None" | "nullptr" | META
            | "[" value,* "]" | "(" value ")" | "(" value "," [value,*] ")"
"""

import numpy as np

from ..ir.nodes import AttributeValue
from .cursor import Cursor, shortened
from .numbers import read_double, read_number
from .references import References

__all__ = ["NAMES", "Attributes"]

NAMES = frozenset(("word", "dotted"))
"""Kinds of tokens that make up a dotted name; spaces may stand around its dots."""

# Attributes are read by plain recursion; no real one nests deeper than a list of pairs.
_NESTING_LIMIT = 100
_WORDS: dict[str, bool | None] = {"True": True, "False": False, "None": None, "nullptr": None}


class Attributes:
    """Reads attributes."""

    def __init__(self, cursor: Cursor, references: References) -> None:
        self.cursor = cursor
        self.references = references
        self._depth = 0

    def coming(self) -> bool:
        """Return whether an attribute comes: a dotted name and an equals sign."""
        kinds, place = self.cursor.kinds, self.cursor.place
        while kinds[place] in NAMES and kinds[place + 1] == ".":
            place += 2
        return kinds[place] in NAMES and kinds[place + 1] == "="

    def read_into(self, attrs: dict[str, AttributeValue]) -> None:
        """Read an attribute, which must not be in `attrs`, into it."""
        cursor = self.cursor
        place = cursor.place
        name = self.dotted_name()
        if name in attrs:
            raise cursor.error(f"attribute {shortened(name)} is given twice; leave one out", place)
        cursor.expect("=")
        attrs[name] = self.value()

    def dotted_name(self) -> str:
        """Return a name such as ``nn.conv2d``."""
        cursor = self.cursor
        if cursor.kind not in NAMES:
            raise cursor.unexpected("a name")
        name = cursor.text(cursor.take())
        while cursor.at(".") and cursor.kinds[cursor.place + 1] in NAMES:
            cursor.take()
            name += "." + cursor.text(cursor.take())
        return name

    def value(self) -> AttributeValue:
        """Return the value of an attribute; lists and tuples become tuples."""
        cursor = self.cursor
        self._depth += 1
        if self._depth > _NESTING_LIMIT:
            raise cursor.error(f"attributes nest at most {_NESTING_LIMIT} deep", cursor.place)
        value: AttributeValue
        if cursor.at("number"):
            place = cursor.take()
            number = read_number(cursor.source, *cursor.bounds(place))
            # A float is read from its text: it is a double, whatever its suffix says.
            whole = isinstance(number, np.integer)
            value = int(number) if whole else read_double(cursor.text(place))
        elif cursor.at("string"):
            value = cursor.text(cursor.take())[1:-1]
        elif cursor.at("word") and cursor.text(cursor.place) in _WORDS:
            value = _WORDS[cursor.text(cursor.take())]
        elif cursor.at("[") or cursor.at("("):
            value = self._list("]" if cursor.text(cursor.take()) == "[" else ")")
        elif cursor.at("meta"):
            value = self.references.value()
        else:
            raise cursor.unexpected("the value of an attribute")
        self._depth -= 1
        return value

    def _list(self, closing: str) -> AttributeValue:
        """Return values up to a closing mark; one in parentheses without a comma is itself."""
        values: list[AttributeValue] = []
        self.cursor.until(closing, lambda: values.append(self.value()))
        alone = self.cursor.kinds[self.cursor.place - 2] != ","
        return values[0] if closing == ")" and len(values) == 1 and alone else tuple(values)
