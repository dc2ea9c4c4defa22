"""A text and its name: turns offsets into places and errors."""

import re
from bisect import bisect_right

from ..errors import ParseError
from ..ir.span import Span

__all__ = ["Source"]


class Source:
    """A text and its name.

    Parameters
    ----------
    text : str
    path : str
        What messages call it.
    """

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def span(self, start: int, end: int) -> Span:
        """Return the range of text from offset `start` to before `end`."""
        lines = self._lines
        first = bisect_right(lines, start)
        # Most ranges end in the line that they begin in.
        last = first
        if first < len(lines) and lines[first] <= end:
            last = bisect_right(lines, end)
        begin, stop = start - lines[first - 1] + 1, end - lines[last - 1] + 1
        # As Span(...) does, in half of the time: a text has as many as it has expressions.
        return tuple.__new__(Span, (self.path, first, begin, last, stop, "", self.text))

    def error(self, problem: str, start: int, end: int | None = None) -> ParseError:
        """Return the error to raise for a place in the text."""
        return ParseError(problem, self.span(start, start + 1 if end is None else end))
