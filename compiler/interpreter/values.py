"""Values of programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..ir.nodes import Constructor, Function
from ..ops.operator import Array

if TYPE_CHECKING:
    from .frames import Frame

__all__ = ["Closure", "Data", "Reference", "Result", "Value", "form", "same_value"]

# Fields that the form of a value shows, and levels of nesting.
_SHOWN_FIELDS, _SHOWN_LEVELS = 4, 3


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Data:
    """A value of an algebraic data type.

    Attributes
    ----------
    constructor : str
        What made it.
    fields : tuple of Value
    """

    constructor: str
    fields: tuple[Value, ...] = ()

    def __repr__(self) -> str:
        return f"<Data {form(self)}>"


@dataclass(slots=True, eq=False, repr=False)
class Reference:
    """A cell: `value` is what it holds now."""

    value: Value

    def __repr__(self) -> str:
        return f"<Reference to {form(self.value)}>"


@dataclass(frozen=True, slots=True, eq=False)
class Closure:
    """A function and the activation that its free variables belong to; or a constructor."""

    function: Function | Constructor
    frame: Frame | None = field(default=None, repr=False)


Result = Array | tuple["Result", ...] | Data | Reference
Value = Array | tuple["Value", ...] | Data | Reference | Closure


def form(value: object, level: int = 0) -> str:
    """Return what a value is in words: types of tensors, constructors, to a few levels."""
    match value:
        case np.ndarray():
            shape = ", ".join(map(str, value.shape))
            return f"Tensor[({shape}), {value.dtype}]" if value.shape else str(value.dtype)
        case Data(constructor, fields):
            inside = _forms(fields, level)
            return f"{constructor}({inside})" if fields else constructor
        case tuple():
            return f"({_forms(value, level)}{',' * (len(value) == 1)})"
        case Reference():
            return "a reference"
        case Closure():
            return "a function"
        case _:
            return type(value).__name__


def _forms(values: tuple[object, ...], level: int) -> str:
    if level == _SHOWN_LEVELS:
        return "..."
    shown = [form(value, level + 1) for value in values[:_SHOWN_FIELDS]]
    return ", ".join([*shown, *["..."] * (len(values) > _SHOWN_FIELDS)])


def same_value(left: object, right: object, tolerance: float = 0.0) -> bool:
    """Return whether two results are equal: constructors, dtypes, shapes and elements.

    NaN equals NaN. A cell equals one that holds the same.

    Parameters
    ----------
    tolerance : float
        Elements of floating-point tensors may differ by this much, relative to the larger of
        1 and the right one.
    """
    return all(_same_leaf(a, b, tolerance) for a, b in _leaves(left, right))


def _leaves(left: object, right: object) -> Iterator[tuple[object, object]]:
    """Yield pairs of tensors at the same place, and pairs of other things that differ."""
    pending = [(left, right)]
    while pending:
        a, b = pending.pop()
        match a, b:
            case Data(), Data() if a.constructor == b.constructor:
                pending.append((a.fields, b.fields))
            case Reference(), Reference():
                pending.append((a.value, b.value))
            case tuple(), tuple() if len(a) == len(b):
                pending.extend(zip(a, b, strict=True))
            case _:
                yield a, b


def _same_leaf(left: object, right: object, tolerance: float) -> bool:
    if isinstance(left, tuple | Data | Reference) or isinstance(right, tuple | Data | Reference):
        return False
    a, b = np.asarray(left), np.asarray(right)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    if not tolerance:
        return np.array_equal(a, b, equal_nan=True)
    with np.errstate(all="ignore"):
        near = np.abs(a - b) <= tolerance * np.maximum(1, np.abs(b))
    return bool(np.all(near | (a == b) | (np.isnan(a) & np.isnan(b))))
