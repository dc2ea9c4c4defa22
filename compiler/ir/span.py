"""Where an expression comes from: a range of text, or an operator of an imported network."""

from typing import NamedTuple

__all__ = ["Span"]

# Characters of a line that an excerpt shows.
_WIDTH = 100


class Span(NamedTuple):
    """A place that an error message can begin with.

    Attributes
    ----------
    path : str
        File, or a name in angle brackets.
    line, column : int
        First character, counted from 1; 0 when the place is not in a text.
    end_line, end_column : int
        One past the last character.
    name : str
        Place in a network, as in "CONV_2D #3 'conv1'".
    source : str
        The whole text, "" where there is none; of no meaning to equality.

    Examples
    --------
    >>> str(Span("net.relay", 3, 8))
    'net.relay:3:8'
    >>> str(Span("net.tflite", name="CONV_2D #3 'conv1'"))
    "net.tflite: CONV_2D #3 'conv1'"
    """

    path: str
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0
    name: str = ""
    source: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and self[:-1] == other[:-1]

    def __hash__(self) -> int:
        return hash(self[:-1])

    def __repr__(self) -> str:
        return f"Span({self})"

    def __str__(self) -> str:
        text = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{text}: {self.name}" if self.name else text

    def excerpt(self) -> str:
        """Return the line of the text with a caret below, shortened if it is long; "" without."""
        lines = self.source.split("\n", self.line)
        if not self.line or len(lines) < self.line or not self.source:
            return ""
        line, at = lines[self.line - 1].rstrip("\r"), self.column - 1
        left = max(0, at - _WIDTH // 2) if len(line) > _WIDTH else 0
        return f"    {line[left : left + _WIDTH]}\n    {' ' * (at - left)}^"
