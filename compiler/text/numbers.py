"""Numbers of the text format, and what is wrong with a text that is no token."""

import re

import numpy as np

from .source import Source

__all__ = ["complaint", "read_double", "read_number"]

_NUMBER = re.compile(
    r"(?P<sign>-*)(?P<digits>\d+)(?P<rest>(?:\.\d*)?(?:[eE][+-]?\d+)?)"
    r"(?:(?P<kind>[fi])(?P<width>\d*))?",
    re.ASCII,
)
_INFINITY = re.compile("-*inff")
# No integer of 64 bits has more digits; Python itself refuses to read thousands of them.
_MOST_DIGITS = 20
_SHOWN = 40


def read_number(source: Source, start: int, end: int) -> np.generic:
    """Return the number between two offsets, in the data type that its suffix says.

    Raises
    ------
    ParseError
        It is malformed, or does not fit into its data type.
    """
    text = source.text[start:end]
    shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 4 :]}"
    if _INFINITY.fullmatch(text):
        return np.float32(-np.inf if text.count("-") % 2 else np.inf)
    match = _NUMBER.fullmatch(text)
    if match is None:
        hint = "put spaces around a binary + or -" if re.search("[0-9][+-]", text) else "check it"
        raise source.error(f"{shown} is no number; {hint}", start, end)
    kind, width = match["kind"], match["width"]
    if width and width not in ("16", "32", "64"):
        what = "a float" if kind == "f" else "an integer"
        raise source.error(f"{shown}: {what} has 16, 32 or 64 bits, not {width[:9]}", start, end)
    if kind != "f" and match["rest"]:
        raise source.error(
            f"{shown}: a floating-point literal must end in f; write {shown}f"
            if kind is None
            else f"{shown}: an integer has no fraction or exponent",
            start,
            end,
        )
    sign = -1 if len(match["sign"]) % 2 else 1
    if kind == "f":
        dtype = np.dtype(f"float{width or 32}")
        found = sign * float(match["digits"] + match["rest"])
        fits = abs(found) <= float(np.finfo(dtype).max)
        value: float | int = found
    else:
        digits = match["digits"].lstrip("0") or "0"
        value = sign * int(digits[:_MOST_DIGITS])
        dtype = np.dtype(f"int{width or (32 if -(2**31) <= value < 2**31 else 64)}")
        limits = np.iinfo(dtype)
        fits = len(digits) < _MOST_DIGITS and limits.min <= value <= limits.max
    if not fits:
        raise source.error(f"{shown} does not fit into {dtype}", start, end)
    result: np.generic = dtype.type(value)
    return result


def read_double(text: str) -> float:
    """Return the value of a floating-point literal without rounding it to its suffix."""
    digits = text.lstrip("-")
    sign = -1.0 if (len(text) - len(digits)) % 2 else 1.0
    return sign * (float("inf") if digits == "inff" else float(digits.split("f")[0]))


def complaint(text: str, place: int) -> str:
    """Return what is wrong with the character at `place`, where no token begins."""
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
