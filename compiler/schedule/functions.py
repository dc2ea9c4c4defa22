"""Functions that make expressions: what Python has no sign for."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from ..ir.dims import Any, Dim, Quotient, Size
from .expressions import (
    Buffer,
    Constant,
    Detail,
    Expr,
    Load,
    Operand,
    Symbol,
    apply,
    combine,
    constant,
)

__all__ = [
    "both",
    "call",
    "cast",
    "clamp",
    "either",
    "equal",
    "highest",
    "inside",
    "limit",
    "lowest",
    "maximum",
    "minimum",
    "negate",
    "number",
    "offset_of",
    "select",
    "size_of",
    "strides_of",
    "unequal",
]


def number(value: float | bool, dtype: str) -> Expr:
    """Return a constant."""
    return constant(value, dtype)


def call(operation: str, *operands: Expr, dtype: str = "", detail: Detail = None) -> Expr:
    """Return an element-wise operation by its name: ``call("exp", x)``."""
    return apply(operation, *operands, dtype=dtype, detail=detail)


def cast(value: Expr, dtype: str) -> Expr:
    """Return `value` as `dtype`, as the operator cast converts."""
    if value.dtype == dtype:
        return value
    if isinstance(value, Constant) and value.dtype == "int64" and dtype == "float64":
        return constant(value.value, dtype)
    return apply("cast", value, dtype=dtype)


def select(condition: Expr, yes: Operand, no: Operand) -> Expr:
    """Return `yes` where `condition` holds, else `no`; both are computed."""
    typed = yes if isinstance(yes, Expr) else no
    assert isinstance(typed, Expr), "one side must be an expression"
    sides = constant(yes, typed.dtype), constant(no, typed.dtype)
    if sides[0].dtype != sides[1].dtype:
        raise TypeError(f"select needs sides of one data type: {sides[0].dtype}, {sides[1].dtype}")
    if isinstance(condition, Constant):
        return sides[0] if condition.value else sides[1]
    return apply("where", condition, *sides, dtype=typed.dtype)


def equal(left: Operand, right: Operand) -> Expr:
    """Return whether both are equal."""
    return combine("equal", left, right)


def unequal(left: Operand, right: Operand) -> Expr:
    """Return whether they differ."""
    return combine("not_equal", left, right)


def minimum(left: Operand, right: Operand) -> Expr:
    """Return the smaller; not-a-number wins."""
    return combine("minimum", left, right)


def maximum(left: Operand, right: Operand) -> Expr:
    """Return the larger; not-a-number wins."""
    return combine("maximum", left, right)


def clamp(value: Expr, low: Operand, high: Operand) -> Expr:
    """Return `value` within low..high."""
    return minimum(maximum(value, low), high)


def both(*conditions: Expr) -> Expr:
    """Return whether all conditions hold; none: true."""
    return _join("multiply", True, conditions)


def either(*conditions: Expr) -> Expr:
    """Return whether any condition holds; none: false."""
    return _join("add", False, conditions)


def _join(operation: str, neutral: bool, conditions: Sequence[Expr]) -> Expr:
    """Return bools joined; of bools, multiply is "and" and add is "or"."""
    kept: list[Expr] = []
    for condition in conditions:
        if isinstance(condition, Constant):
            if bool(condition.value) != neutral:
                return condition
        else:
            kept.append(condition)
    if not kept:
        return Constant(neutral, "bool")
    return reduce(lambda left, right: apply(operation, left, right), kept)


def negate(condition: Expr) -> Expr:
    """Return whether `condition` does not hold."""
    if isinstance(condition, Constant):
        return Constant(not condition.value, "bool")
    return apply("logical_not", condition)


def inside(
    buffer: Buffer, indices: Sequence[Operand], otherwise: Operand = 0, *conditions: Expr
) -> Expr:
    """Return an element of `buffer`, or `otherwise` where an index is out of range.

    Parameters
    ----------
    conditions : Expr
        What else must hold.
    """
    places = tuple(constant(index, "int64") for index in indices)
    tests = [
        test
        for place, size in zip(places, buffer.shape, strict=True)
        for test in (place >= 0, place < size_of(size))
    ]
    where = both(*tests, *conditions)
    if isinstance(where, Constant):
        return Load(buffer, places) if where.value else constant(otherwise, buffer.dtype)
    found = Load(buffer, places, where)
    if not isinstance(otherwise, Expr) and otherwise == 0:
        return found
    return select(where, found, otherwise)


def size_of(size: Dim) -> Expr:
    """Return the size of an axis as an expression."""
    if isinstance(size, int):
        return Constant(size, "int64")
    assert not isinstance(size, Any), "a size that nothing says has no expression"
    total: Expr = Constant(0, "int64")
    for monomial, factor in size.terms:
        product: Expr = Constant(factor, "int64")
        for atom in monomial:
            product = (
                product * _atom(atom.dividend, atom.divisor)
                if isinstance(atom, Quotient)
                else product * Symbol(atom.name)
            )
        total = total + product
    return total


def _atom(dividend: Size, divisor: int) -> Expr:
    """Return a floor quotient."""
    return size_of(dividend) // divisor


def strides_of(shape: Sequence[Dim]) -> tuple[Expr, ...]:
    """Return the elements from one index to the next, by axis, of a row-major array."""
    strides: list[Expr] = []
    step: Dim = 1
    for size in reversed(shape):
        strides.append(size_of(step))
        step = step * size
    return tuple(reversed(strides))


def offset_of(buffer: Buffer, indices: Sequence[Expr]) -> Expr:
    """Return the place of an element of `buffer` in its memory, in elements."""
    total: Expr = Constant(0, "int64")
    for index, stride in zip(indices, strides_of(buffer.shape), strict=True):
        total = total + index * stride
    return total


def limit(index: Expr, size: Dim) -> Expr:
    """Return an index that may count from the end, brought into 0..size - 1."""
    extent = size_of(size)
    return clamp(select(index < 0, index + extent, index), 0, extent - 1)


def lowest(dtype: str) -> Expr:
    """Return the smallest value of `dtype`."""
    if dtype.startswith("float"):
        return Constant(float("-inf"), dtype)
    return constant(0 if dtype == "bool" else int(np.iinfo(dtype).min), dtype)


def highest(dtype: str) -> Expr:
    """Return the largest value of `dtype`."""
    if dtype.startswith("float"):
        return Constant(float("inf"), dtype)
    return constant(1 if dtype == "bool" else int(np.iinfo(dtype).max), dtype)
