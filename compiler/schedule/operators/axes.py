"""Small things that definitions share: attributes by their kind, indices by axis."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast as is_

import numpy as np

from ...ir.dims import Dim
from ...ops.operator import Attributes, Missing
from ..expressions import Buffer, Constant, Expr, Load, constant
from ..functions import both, cast, clamp, inside, size_of
from .definition import Definition

__all__ = [
    "Define",
    "axis_of",
    "element",
    "fixed",
    "flat_index",
    "guarded",
    "held",
    "indices_of",
    "ints",
    "real",
    "replaced",
    "text",
    "unfolded",
    "whole",
    "widened",
]

Define = Callable[[Definition, Attributes], None]
"""What writes the nest of a call."""


def ints(attrs: Attributes, name: str) -> tuple[int, ...]:
    """Return an attribute that is a tuple of ints; of None the empty one."""
    return is_(tuple[int, ...], attrs[name] or ())


def whole(attrs: Attributes, name: str) -> int:
    """Return an attribute that is an int."""
    return is_(int, attrs[name])


def text(attrs: Attributes, name: str) -> str:
    """Return an attribute that is a string."""
    return str(attrs[name])


def axis_of(attrs: Attributes, rank: int, name: str = "axis") -> int:
    """Return an attribute that names one of `rank` axes, from 0."""
    return is_(int, attrs[name]) % rank


def replaced(at: Sequence[Expr], axis: int, index: Expr) -> tuple[Expr, ...]:
    """Return indices with the one of `axis` replaced."""
    return (*at[:axis], index, *at[axis + 1 :])


def element(value: object, dtype: str) -> Expr:
    """Return a number as numpy converts it to `dtype`."""
    return constant(np.asarray(value).astype(dtype).item(), dtype)


def guarded(places: Sequence[Expr], shape: Sequence[Dim]) -> tuple[Expr, tuple[Expr, ...]]:
    """Return whether places lie inside, and places that do for certain."""
    sizes = [size_of(size) for size in shape]
    tests = [
        test
        for place, size in zip(places, sizes, strict=True)
        for test in (place >= 0, place < size)
    ]
    held = (clamp(place, 0, size - 1) for place, size in zip(places, sizes, strict=True))
    return both(*tests), tuple(held)


def fixed(size: Dim, what: str = "a size") -> int:
    """Return a size that must be known at compile time.

    Raises
    ------
    Missing
        It is known only when the program runs.
    """
    if isinstance(size, int):
        return size
    raise Missing(f"{what} must be known on the CPU, not be {size}", "annotate the inputs")


def held(buffer: Buffer, places: Sequence[Expr]) -> Load | Expr:
    """Return an element at places that are in range, unless the buffer is empty: then 0.

    Of sizes that are known, what is clamped is proved to be in range.
    """
    if all(isinstance(size, int) for size in buffer.shape):
        return buffer[tuple(places)]
    return inside(buffer, places)


def flat_index(at: Sequence[Expr], shape: Sequence[Dim]) -> Expr:
    """Return the place of an element among all, row by row."""
    total: Expr = Constant(0, "int64")
    for index, size in zip(at, shape, strict=True):
        total = total * size_of(size) + index
    return total


def unfolded(place: Expr, shape: Sequence[Dim]) -> tuple[Expr, ...]:
    """Return the indices of the element at a place among all."""
    found: list[Expr] = []
    for size in reversed(shape[1:]):
        found.append(place % size_of(size))
        place = place // size_of(size)
    return (*([place] if shape else []), *reversed(found))


def real(value: Expr | Load) -> Expr:
    """Return a value as float64."""
    return cast(value, "float64")


def widened(value: Expr | Load) -> Expr:
    """Return a value in the data type that sums are made in: float64 or int64."""
    wide = "float64" if value.dtype.startswith("float") else "int64"
    return value if value.dtype == wide else cast(value, wide)


def indices_of(layout: str, places: Mapping[str, Expr]) -> tuple[Expr, ...]:
    """Return the indices of an element whose axes are named."""
    return tuple(places[letter] for letter in layout)
