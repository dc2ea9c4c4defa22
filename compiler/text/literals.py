"""Constants, attributes, types and names as the text format writes them."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidModule, Unsupported
from ..ir.nodes import AttributeValue, MetaValue
from ..ir.span import Span
from ..ir.types import (
    FuncType,
    IncompleteType,
    RefType,
    TensorType,
    TupleType,
    Type,
    TypeCall,
    TypeVar,
)
from .appendix import Appendix
from .lexer import KEYWORDS
from .types import NESTING_LIMIT, RESERVED

__all__ = [
    "attribute_name",
    "attribute_text",
    "identifier",
    "is_identifier",
    "optional_type_text",
    "scalar_text",
    "type_name",
    "type_text",
]

_SUFFIXES = {
    "int16": "i16",
    "int32": "",
    "int64": "i64",
    "float16": "f16",
    "float32": "f",
    "float64": "f64",
}
_WORD = r"[A-Za-z_][A-Za-z0-9_/]*"
_DOTTED = re.compile(rf"{_WORD}(\.{_WORD})*")
_GLOBAL = re.compile("[A-Za-z_/][A-Za-z0-9_/]*")


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


def attribute_text(value: AttributeValue, appendix: Appendix, span: Span | None = None) -> str:
    """Return an attribute's value.

    Raises
    ------
    Unsupported
        Not-a-number, or an integer of more than 64 bits: the format cannot write them.
    """
    match value:
        case bool() | None:
            return str(value)
        case int():
            if not -(2**63) <= value < 2**63:
                raise Unsupported(f"{value} has more than 64 bits; no attribute can have it", span)
            return str(value)
        case float():
            return _double_text(value, span)
        case str():
            return f'"{value}"' if '"' not in value else appendix.string(value)
        case MetaValue():
            return appendix.value(value)
        case _:
            return f"[{', '.join(attribute_text(item, appendix, span) for item in value)}]"


def _double_text(value: float, span: Span | None) -> str:
    """Return a floating-point attribute, a double whatever its suffix says."""
    if np.isnan(value):
        raise Unsupported("not-a-number cannot be written as an attribute", span)
    if np.isinf(value):
        return "inff" if value > 0 else "-inff"
    wide = abs(value) > float(np.finfo(np.float32).max)
    return repr(value).removesuffix(".0") + ("f64" if wide else "f")


def attribute_name(name: str, span: Span | None = None) -> str:
    """Return the name of an attribute.

    Raises
    ------
    InvalidModule
        It is no name, or has a keyword in it.
    """
    if not _DOTTED.fullmatch(name) or not KEYWORDS.isdisjoint(name.split(".")):
        raise InvalidModule(f"{name!r} cannot be the name of an attribute; rename it", span)
    return name


def type_name(name: str, span: Span | None = None) -> str:
    """Return the name of a data type, a constructor or a type parameter.

    Raises
    ------
    InvalidModule
        It is no name, or has a meaning of its own.
    """
    if not re.fullmatch(_WORD, name) or name in RESERVED or name in KEYWORDS:
        raise InvalidModule(f"{name!r} cannot be the name of a type; rename it", span)
    return name


def type_text(root: Type, appendix: Appendix, depth: int = 1) -> str:
    """Return a type.

    Raises
    ------
    Unsupported
        It nests more deeply than the parser reads.
    """
    if depth > NESTING_LIMIT:
        raise Unsupported(f"types nest at most {NESTING_LIMIT} deep; use flatter tuples")

    def listed(types: tuple[Type, ...]) -> str:
        return ", ".join(type_text(part, appendix, depth + 1) for part in types)

    match root:
        case TensorType(shape, dtype):
            sizes = ", ".join(map(appendix.size, shape))
            return f"Tensor[({sizes}), {dtype}]" if shape else dtype
        case TupleType(fields):
            return f"({listed(fields)}{',' if len(fields) == 1 else ''})"
        case FuncType(params, ret, variables):
            names = ", ".join(type_name(var.name) for var in variables)
            head = f"fn [{names}] " if names else "fn "
            return f"{head}({listed(params)}) -> {listed((ret,))}"
        case TypeCall(name, args):
            return type_name(name) + (f"[{listed(args)}]" if args else "")
        case RefType(value):
            return f"ref({listed((value,))})"
        case TypeVar(name):
            return type_name(name)
        case _:
            return str(root)


def optional_type_text(before: str, annotation: Type | None, appendix: Appendix) -> str:
    """Return an annotation after what introduces it; nothing for none, or for ``_``."""
    if annotation is None or isinstance(annotation, IncompleteType):
        return ""
    return before + type_text(annotation, appendix)


def is_identifier(name: str) -> bool:
    """Return whether `name` can be written after ``%`` or ``@``."""
    return _GLOBAL.fullmatch(name) is not None


def identifier(name: str) -> str:
    """Return `name` with what an identifier cannot have replaced by underscores.

    Examples
    --------
    >>> identifier("serving_default_input:0"), identifier("0/x"), identifier("")
    ('serving_default_input_0', 'v0/x', 'v')
    """
    clean = re.sub(r"[^A-Za-z0-9_/]", "_", name)
    return clean if re.match(r"[A-Za-z]", clean) else f"v{clean}"
