"""Tokens of the text format, version 0.0.5.

What surprises: ``/`` belongs to identifiers (``%base/x`` is one), a sign belongs to the number
that follows it and a number is the longest run of ``0-9 . e E + -`` (so ``1-1`` is malformed and
``%x -1`` is two expressions), a floating-point literal must end in ``f``, strings have no
escapes, and block comments nest.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..errors import ParseError
from ..ir.span import Span

__all__ = ["KEYWORDS", "Source", "Token", "tokens"]

KEYWORDS = frozenset(
    ("let", "fn", "def", "if", "else", "type", "match", "extern", "free_var")
    + ("ref", "ref_read", "ref_write", "match?")
)

_TOKEN = re.compile(
    r"""
      (?P<space>(?:[ \t\n]|\r\n)+)
    | (?P<comment>//[^\n]*)
    | (?P<block>/\*)
    | (?P<version>\#\[version\ *=\ *"(?P<number_text>[^"]*)"\])
    | (?P<metadata>\#\[metadata\])
    | (?P<meta>meta\[(?P<meta_key>[^\]\n]*)\]\[(?P<meta_index>\d+)\])
    | (?P<local>%[A-Za-z_/][A-Za-z0-9_/]*)
    | (?P<graph>%\d+)
    | (?P<global>@[A-Za-z_/][A-Za-z0-9_/]*)
    | (?P<infinity>-*inff(?![A-Za-z0-9_/]))
    | (?P<number>-*\d[0-9.eE+-]*(?:[fi][0-9]*)?)
    | (?P<string>"[^"]*")
    | (?P<word>match\?|[A-Za-z_][A-Za-z0-9_/]*)
    | (?P<mark>->|=>|<=|>=|==|!=|[-+*/<>=(){}\[\],;:.?])
    """,
    re.VERBOSE,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_NUMBER = re.compile(
    r"(?P<sign>-*)(?P<digits>\d+)(?P<rest>(?:\.\d*)?(?:[eE][+-]?\d+)?)"
    r"(?:(?P<kind>[fi])(?P<width>\d*))?"
)
_EXCERPT = 80


class Token(NamedTuple):
    """A piece of the text.

    Attributes
    ----------
    kind : str
        local, graph, global, number, string, meta, version, metadata, word (identifiers), end;
        of a keyword or a mark its text.
    text : str
        As written, names without their ``%`` or ``@``.
    value : object
        Of a number a numpy scalar; of meta (key, index); of metadata the text that follows.
    start, end : int
        Offsets into the text.
    """

    kind: str
    text: str
    value: object
    start: int
    end: int


class Source:
    """A text and its name; turns offsets into places and errors.

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
        first, last = bisect_right(self._lines, start) - 1, bisect_right(self._lines, end) - 1
        begin = first + 1, start - self._lines[first] + 1
        stop = last + 1, end - self._lines[last] + 1
        return Span(self.path, *begin, *stop, source=self.text)

    def excerpt(self, span: Span) -> str:
        """Return the line of `span` with a caret below, shortened around it if it is long."""
        begin = self._lines[span.line - 1]
        line = self.text[begin:].split("\n", 1)[0].rstrip("\r")
        at = span.column - 1
        left = max(0, at - _EXCERPT // 2) if len(line) > _EXCERPT else 0
        return f"    {line[left : left + _EXCERPT]}\n    {' ' * (at - left)}^"

    def error(self, problem: str, start: int, end: int | None = None) -> ParseError:
        """Return the error to raise for a place in the text."""
        span = self.span(start, start + 1 if end is None else end)
        return ParseError(problem, span, self.excerpt(span))


def tokens(source: Source) -> Iterator[Token]:
    """Yield the tokens of a text, at last one of kind ``end``.

    Raises
    ------
    ParseError
        A character, number, string or comment that is malformed.
    """
    text, place = source.text, 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise source.error(_complaint(text, place), place)
        kind, start, place = str(match.lastgroup), match.start(), match.end()
        if kind == "block":
            place = _skip_comment(source, start)
        elif kind == "metadata":
            yield Token(kind, match.group(), text[place:], start, place)
            break
        elif kind not in ("space", "comment"):
            yield _token(source, kind, match)
    yield Token("end", "", None, len(text), len(text))


def _token(source: Source, kind: str, match: re.Match[str]) -> Token:
    """Return the token of one match."""
    text, start, end = match.group(), match.start(), match.end()
    # `lastgroup` is the outermost group that closed last, so inner groups do not hide these.
    if kind in ("local", "graph", "global"):
        return Token(kind, text[1:], None, start, end)
    if kind == "number":
        return Token("number", text, _number(source, text, start), start, end)
    if kind == "infinity":
        sign = -1.0 if text.count("-") % 2 else 1.0
        return Token("number", text, np.float32(sign * np.inf), start, end)
    if kind == "string":
        return Token(kind, text[1:-1], None, start, end)
    if kind == "meta":
        return Token(kind, text, (match["meta_key"], int(match["meta_index"])), start, end)
    if kind == "version":
        return Token(kind, match["number_text"], None, start, end)
    if kind == "mark" or text in KEYWORDS:
        return Token(text, text, None, start, end)
    return Token("word", text, None, start, end)


def _skip_comment(source: Source, start: int) -> int:
    """Return the offset after the block comment that begins at `start`."""
    depth, place = 1, start + 2
    while depth:
        edge = _COMMENT_EDGE.search(source.text, place)
        if edge is None:
            raise source.error("this comment is not closed; write */", start, start + 2)
        depth += 1 if edge.group() == "/*" else -1
        place = edge.end()
    return place


def _number(source: Source, text: str, start: int) -> np.generic:
    """Return the value of a number, in the data type that its suffix says."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        hint = "put spaces around a binary + or -" if re.search("[0-9][+-]", text) else "check it"
        raise source.error(f"{text} is no number; {hint}", start, start + len(text))
    sign = -1 if len(match["sign"]) % 2 else 1
    if match["kind"] == "f":
        width = match["width"] or "32"
        if width not in ("16", "32", "64"):
            raise source.error(
                f"{text}: a float has 16, 32 or 64 bits, not {width}", start, start + len(text)
            )
        return _float(source, sign * float(match["digits"] + match["rest"]), width, text, start)
    if match["rest"]:
        raise source.error(
            f"{text}: a floating-point literal must end in f; write {text}f"
            if match["kind"] is None
            else f"{text}: an integer has no fraction or exponent",
            start,
            start + len(text),
        )
    return _integer(source, sign * int(match["digits"]), match["width"], text, start)


def _float(source: Source, value: float, width: str, text: str, start: int) -> np.generic:
    """Return a float of `width` bits; ParseError if it does not fit."""
    dtype = np.dtype(f"float{width}")
    if abs(value) > float(np.finfo(dtype).max):
        raise source.error(f"{text} does not fit into {dtype}", start, start + len(text))
    result: np.generic = dtype.type(value)
    return result


def _integer(source: Source, value: int, width: str | None, text: str, start: int) -> np.generic:
    """Return an integer of `width` bits; without a width int32, or int64 if it needs that."""
    if not width:
        width = "32" if -(2**31) <= value < 2**31 else "64"
    if width not in ("16", "32", "64"):
        raise source.error(
            f"{text}: an integer has 16, 32 or 64 bits, not {width}", start, start + len(text)
        )
    dtype = np.dtype(f"int{width}")
    if not np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
        raise source.error(f"{text} does not fit into {dtype}", start, start + len(text))
    result: np.generic = dtype.type(value)
    return result


def _complaint(text: str, place: int) -> str:
    """Return what is wrong with the character at `place`."""
    letter = text[place]
    if letter == '"':
        return 'this string is not closed; write "'
    if letter == "\r":
        return "a carriage return must be followed by a line feed"
    if letter in "%@":
        return f"a name or number must follow {letter}"
    if letter == "#":
        return 'only #[version = "..."] and #[metadata] begin with #'
    return f"{letter!r} means nothing here"
