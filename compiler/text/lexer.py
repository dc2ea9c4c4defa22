"""Tokens of the text format, version 0.0.5.

What surprises: ``/`` belongs to identifiers (``%base/x`` is one), a sign belongs to the number
that follows it and a number is the longest run of ``0-9 . e E + -`` (so ``1-1`` is malformed and
``%x -1`` is two expressions), a floating-point literal must end in ``f``, strings have no
escapes, and block comments nest.
"""

import re

from .numbers import complaint, read_number
from .source import Source

__all__ = ["KEYWORDS", "Tokens", "tokens"]

KEYWORDS = frozenset(
    ("let", "fn", "def", "if", "else", "type", "match", "extern", "free_var")
    + ("ref", "ref_read", "ref_write", "match?")
)

# Spaces and line comments are matched with the token after them, possessively, and what is no
# token is matched, too: so no text makes the search go back, or skip anything.
_SPACE = r"(?:[ \t\n]++|\r\n|//[^\n]*+)*+"
_TOKEN = re.compile(
    _SPACE
    + r"""(?:
      (?P<graph>%\d++)
    | (?P<local>%[A-Za-z_/][A-Za-z0-9_/]*+)
    | (?P<meta>meta\[[^\]\n]*+\]\[\d++\])
    | (?P<number>-*+(?:inff(?![A-Za-z0-9_/])|\d[0-9.eE+-]*+(?:[fi][0-9]*+)?))
    | (?P<word>match\?|[A-Za-z_][A-Za-z0-9_/]*+(?:\.[A-Za-z_][A-Za-z0-9_/]*+)*+)
    | (?P<block>/\*)
    | (?P<mark>->|=>|<=|>=|==|!=|[-+*/<>=(){}\[\],;:.?])
    | (?P<global>@[A-Za-z_/][A-Za-z0-9_/]*+)
    | (?P<string>"[^"]*+")
    | (?P<version>\#\[version\ *=\ *"[^"]*+"\])
    | (?P<metadata>\#\[metadata\])
    | (?P<end>\Z)
    | (?P<other>(?s:.))
    )""",
    re.VERBOSE | re.ASCII,
)
_NAMES = {number: name for name, number in _TOKEN.groupindex.items()}
_BLOCK, _MARK, _WORD, _NUMBER, _METADATA, _END, _OTHER = (
    _TOKEN.groupindex[name]
    for name in ("block", "mark", "word", "number", "metadata", "end", "other")
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


class Tokens:
    """The tokens of a text, as columns.

    Attributes
    ----------
    kinds : list of str
        local, graph, global, number, string, meta, version, metadata, word (identifiers), dotted
        (several with dots between); of a keyword or a mark its text. The last is end; three more
        follow, to be looked at ahead.
    starts, ends : list of int
        Offsets into the text. The metadata section extends to the end of the text.
    """

    __slots__ = ("ends", "kinds", "starts")

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []

    def add(self, kind: str, start: int, end: int) -> None:
        """Append a token."""
        self.kinds.append(kind)
        self.starts.append(start)
        self.ends.append(end)


def tokens(source: Source) -> Tokens:
    """Return the tokens of a text.

    Raises
    ------
    ParseError
        A character, number, string or comment that is malformed.
    """
    found = Tokens()
    place = 0
    while (rest := _read_run(source, found, place)) is not None:
        place = _skip_comment(source, rest)
    for _ in range(4):
        found.add("end", len(source.text), len(source.text))
    return found


def _read_run(source: Source, found: Tokens, place: int) -> int | None:
    """Read tokens from `place` up to a block comment, whose offset is returned, or to the end."""
    text = source.text
    kinds, starts, ends = found.kinds.append, found.starts.append, found.ends.append
    known_numbers: set[str] = set()
    for match in _TOKEN.finditer(text, place):
        group = match.lastindex
        assert group is not None
        start, place = match.span(group)
        if group == _MARK:
            kinds(text[start:place])
        elif group == _WORD:
            word = text[start:place]
            kinds(word if word in KEYWORDS else "dotted" if "." in word else "word")
        elif group == _BLOCK:
            return start
        elif group == _END:
            return None
        elif group == _METADATA:
            found.add("metadata", start, len(text))
            return None
        elif group == _OTHER:
            raise source.error(complaint(text, start), start)
        else:
            if group == _NUMBER and (digits := text[start:place]) not in known_numbers:
                # Numbers are read where they are used; here it only matters that they can be.
                read_number(source, start, place)
                known_numbers.add(digits)
            kinds(_NAMES[group])
        starts(start)
        ends(place)
    raise AssertionError("a text ends with the token end")


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
