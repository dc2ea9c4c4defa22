"""Constants, attributes and names as the text format writes them."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Unsupported
from ..ir.nodes import AttributeValue
from ..ir.span import Span

__all__ = ["attribute_text", "identifier", "is_identifier", "scalar_text"]

_SUFFIXES = {
    "int16": "i16",
    "int32": "",
    "int64": "i64",
    "float16": "f16",
    "float32": "f",
    "float64": "f64",
}


def scalar_text(value: npt.NDArray[Any]) -> str | None:
    """Return a scalar as a literal; None if it has no literal and must go into the metadata."""
    dtype = str(value.dtype)
    if value.ndim or (dtype != "bool" and dtype not in _SUFFIXES):
        return None
    if dtype == "bool":
        return str(bool(value))
    suffix = _SUFFIXES[dtype]
    if value.dtype.kind == "i":
        return f"{int(value)}{suffix}"
    number = float(value)
    if np.isinf(number) and dtype == "float32":
        return "inff" if number > 0 else "-inff"
    if not np.isfinite(number):
        return None
    short = str(value.item() if dtype == "float64" else value[()])
    exact = short if _reads_as(short, value) else repr(number)
    return exact.removesuffix(".0") + suffix


def _reads_as(text: str, value: npt.NDArray[Any]) -> bool:
    """Return whether `text`, read as a double and rounded, gives the bits of `value`.

    The lexer refuses a double beyond the largest value even if it would be rounded to it.
    """
    number = float(text)
    within = abs(number) <= float(np.finfo(value.dtype).max)
    return within and np.asarray(number, value.dtype).tobytes() == value.tobytes()


def attribute_text(value: AttributeValue, span: Span | None) -> str:
    """Return an attribute's value.

    Raises
    ------
    Unsupported
        A string with a double quote, or not-a-number: the format cannot write them.
    """
    match value:
        case bool() | None:
            return str(value)
        case int():
            return str(value)
        case float():
            if np.isnan(value):
                raise Unsupported("not-a-number cannot be written as an attribute", span)
            if np.isinf(value):
                return "inff" if value > 0 else "-inff"
            return repr(value).removesuffix(".0") + "f"
        case str():
            if '"' in value:
                raise Unsupported(f"the string {value!r} has a quote, which has no escape", span)
            return f'"{value}"'
        case _:
            return f"[{', '.join(attribute_text(item, span) for item in value)}]"


def is_identifier(name: str) -> bool:
    """Return whether `name` can be written after ``%`` or ``@``."""
    return re.fullmatch(r"[A-Za-z_/][A-Za-z0-9_/]*", name) is not None


def identifier(name: str) -> str:
    """Return `name` with what an identifier cannot have replaced by underscores.

    Examples
    --------
    >>> identifier("serving_default_input:0"), identifier("0/x"), identifier("")
    ('serving_default_input_0', 'v0/x', 'v')
    """
    clean = re.sub(r"[^A-Za-z0-9_/]", "_", name)
    return clean if re.match(r"[A-Za-z]", clean) else f"v{clean}"
