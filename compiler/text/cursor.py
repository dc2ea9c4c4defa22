"""The parser's place among the tokens of a text."""

from collections.abc import Callable
from difflib import get_close_matches

from ..errors import ParseError, Unsupported
from ..ir.span import Span
from .lexer import tokens
from .source import Source

__all__ = ["Cursor", "shortened", "suggestion"]


class Cursor:
    """The tokens of a text, and which of them is next.

    Attributes
    ----------
    source : Source
    kinds : list of str
        Of all tokens; rules may look three tokens ahead of one that exists.
    place : int
        Number of the next token.
    """

    __slots__ = ("_ends", "_starts", "kinds", "place", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        found = tokens(source)
        self.kinds, self._starts, self._ends = found.kinds, found.starts, found.ends
        self.place = 0

    @property
    def kind(self) -> str:
        """Kind of the next token."""
        return self.kinds[self.place]

    @property
    def start(self) -> int:
        """Offset at which the next token begins."""
        return self._starts[self.place]

    def at(self, kind: str, then: str = "") -> bool:
        """Return whether the next token is of this kind, and the one after it of that."""
        place = self.place
        return self.kinds[place] == kind and (not then or self.kinds[place + 1] == then)

    def text(self, place: int) -> str:
        """Return the text of token `place`."""
        return self.source.text[self._starts[place] : self._ends[place]]

    def name(self, place: int) -> str:
        """Return the text of token `place` without its ``%`` or ``@``."""
        return self.source.text[self._starts[place] + 1 : self._ends[place]]

    def bounds(self, place: int) -> tuple[int, int]:
        """Return the offsets of token `place`."""
        return self._starts[place], self._ends[place]

    def take(self) -> int:
        """Go past the next token and return its place; nothing goes past the end."""
        place = self.place
        if self.kinds[place] != "end":
            self.place += 1
        return place

    def accept(self, kind: str) -> bool:
        """Go past the next token if it is of this kind, and return whether it was."""
        if self.kinds[self.place] != kind or kind == "end":
            return False
        self.place += 1
        return True

    def expect(self, kind: str, what: str = "") -> int:
        """Go past the next token, which must be of this kind, and return its place.

        Raises
        ------
        ParseError
            It is another one.
        """
        if self.kinds[self.place] != kind:
            raise self.unexpected(what or f"'{kind}'")
        return self.take()

    def until(self, closing: str, item: Callable[[], None]) -> None:
        """Read items separated by commas, a trailing one allowed, and the closing mark."""
        while not self.accept(closing):
            item()
            if not self.at(closing):
                self.expect(",", f"',' or '{closing}'")

    def span(self, place: int) -> Span:
        """Return where token `place` stands."""
        return self.source.span(self._starts[place], self._ends[place])

    def span_from(self, start: int) -> Span:
        """Return the range from offset `start` to the end of the token last taken."""
        return self.source.span(start, max(start, self._ends[self.place - 1]))

    def error(self, problem: str, place: int) -> ParseError:
        """Return the error for token `place`."""
        return self.source.error(problem, *self.bounds(place))

    def unexpected(self, wanted: str) -> ParseError:
        """Return the error for a next token that is not what is wanted."""
        found = "the end" if self.at("end") else f"'{shortened(self.text(self.place))}'"
        return self.error(f"{wanted} must stand here, not {found}", self.place)

    def unsupported(self, what: str, remedy: str) -> Unsupported:
        """Return the error for a construct of Relay that is not read here."""
        return Unsupported(f"{what} is not supported; {remedy}", self.span(self.place))


def suggestion(name: str, known: list[str], otherwise: str) -> str:
    """Return what to write instead of an unknown name: a similar one, or `otherwise`."""
    near = get_close_matches(name[:100], known, 1) if len(known) < 10_000 else []
    return f"did you mean {near[0]}?" if near else otherwise


def shortened(text: str, limit: int = 60) -> str:
    """Return `text`, its middle left out if it is long."""
    line = text.replace("\n", " ")
    return line if len(line) <= limit else f"{line[: limit // 2]}...{line[-limit // 4 :]}"
