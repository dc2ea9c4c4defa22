"""References into the metadata, ``meta[key][number]``, and what they stand for."""

import json
import re
from typing import Any

import numpy.typing as npt

from ..errors import ParseError, Unsupported
from ..ir.dims import Dim
from ..ir.nodes import Constant, MetaValue
from .cursor import Cursor, shortened
from .metadata import CONSTANT_KEY, STRING_KEY, Metadata, read_metadata
from .sizes import read_size

__all__ = ["References"]

_META = re.compile(r"meta\[([^\]]*)\]\[(\d+)\]")
# No metadata has more entries; Python refuses to read integers of thousands of digits.
_MOST_DIGITS = 18


class References:
    """Reads references; a tensor is one `Constant` however often the text mentions it.

    Parameters
    ----------
    cursor : Cursor
    given : Metadata
        Entries of the keys that the text has no metadata of.

    Raises
    ------
    ParseError
        The metadata section is damaged.
    """

    def __init__(self, cursor: Cursor, given: Metadata) -> None:
        self.cursor = cursor
        self._constants: dict[int, Constant] = {}
        self._metadata = given
        section = len(cursor.kinds) - 5
        if section >= 0 and cursor.kinds[section] == "metadata":
            start, end = cursor.bounds(section)
            text = cursor.text(section).removeprefix("#[metadata]")
            try:
                self._metadata = {**given, **read_metadata(text)}
            except ValueError as error:
                end = start + len("#[metadata]")
                raise cursor.source.error(str(error), start, end) from None

    def constant(self) -> Constant:
        """Return the constant that the next token stands for."""
        cursor = self.cursor
        key, number = self._parts()
        if key != CONSTANT_KEY:
            raise cursor.unsupported(
                f"meta[{shortened(key)}] as an expression", f"only meta[{CONSTANT_KEY}] is one"
            )
        found = self._constants.get(number)
        if found is None:
            value: npt.NDArray[Any] = self._entry(key, number)
            found = self._constants[number] = Constant(value, span=cursor.span(cursor.place))
        cursor.take()
        return found

    def value(self) -> str | MetaValue:
        """Return the string or the object that the next token stands for, as an attribute."""
        key, number = self._parts()
        if key == CONSTANT_KEY:
            raise self.cursor.unsupported("a tensor as an attribute", "pass it as an argument")
        entry = self._entry(key, number)
        self.cursor.take()
        if key == STRING_KEY and isinstance(entry, str):
            return entry
        return MetaValue(key, json.dumps(entry))

    def size(self) -> Dim:
        """Return the size of an axis that the next token stands for."""
        key, number = self._parts()
        try:
            size = read_size(key, self._entry(key, number))
        except ValueError as error:
            problem = f"meta[{key}][{number}] must be a size: {error}; write ? for one not known"
            raise self.cursor.error(problem, self.cursor.place) from None
        self.cursor.take()
        return size

    def _parts(self) -> tuple[str, int]:
        """Return key and number of the next token."""
        match = _META.fullmatch(self.cursor.text(self.cursor.place))
        assert match is not None
        return match[1], int(match[2][-_MOST_DIGITS:]) + (len(match[2]) > _MOST_DIGITS) * 10**18

    def _entry(self, key: str, number: int) -> Any:
        """Return an entry of the metadata."""
        entries = self._metadata.get(key, ())
        if number < len(entries):
            return entries[number]
        raise self._missing(key, number, len(entries))

    def _missing(self, key: str, number: int, count: int) -> ParseError | Unsupported:
        """Return the error for an entry that does not exist."""
        what = "constants" if key == CONSTANT_KEY else f"entries of {shortened(key)}"
        problem = f"the metadata has {count} {what}, so there is no number {number}"
        if not self._metadata:
            problem += "; print the program with its metadata, or give it to the parser"
        return self.cursor.error(problem, self.cursor.place)
