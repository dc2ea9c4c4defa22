"""Remainders, rounded quotients, shifts and bits of integers.

A quotient or remainder by the integer 0 is 0, as a quotient is everywhere here. Shifts take the
count modulo the operand's bits; a right shift of signed integers keeps the sign.
"""

from collections.abc import Callable

import numpy as np

from ..ir.types import TensorType, Type
from .operator import Array, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import broadcast, require_integer, same_dtype

__all__ = ["ROWS", "trunc_divide"]


def _pair_type(attrs: Attributes, lhs: TensorType, rhs: TensorType) -> Type:
    dtype = same_dtype(("lhs", "rhs"), lhs, rhs)
    if dtype == "bool":
        raise Mismatch("lhs must be a number, not bool", "cast both operands")
    return TensorType(broadcast(lhs.shape, rhs.shape), dtype)


def _integers_type(attrs: Attributes, lhs: TensorType, rhs: TensorType) -> Type:
    require_integer(lhs, "lhs")
    return TensorType(broadcast(lhs.shape, rhs.shape), same_dtype(("lhs", "rhs"), lhs, rhs))


def _bits_type(attrs: Attributes, *operands: TensorType) -> Type:
    if operands[0].dtype.startswith("float"):
        raise Mismatch(f"operands must be integers or bool, not {operands[0].dtype}", "cast them")
    return _bool_or_same(attrs, *operands)


def _logical_type(attrs: Attributes, lhs: TensorType, rhs: TensorType) -> Type:
    if lhs.dtype != "bool":
        raise Mismatch(f"lhs must be bool, not {lhs.dtype}", "compare it with 0")
    return _bool_or_same(attrs, lhs, rhs)


def _bool_or_same(attrs: Attributes, *operands: TensorType) -> Type:
    """Return the broadcast type of one or two operands of one data type."""
    if len(operands) == 1:
        return operands[0]
    lhs, rhs = operands
    return TensorType(broadcast(lhs.shape, rhs.shape), same_dtype(("lhs", "rhs"), lhs, rhs))


def _floor_divide(lhs: Array, rhs: Array) -> Array:
    if lhs.dtype.kind == "f":
        return np.floor(lhs / rhs)
    return np.where(rhs == 0, 0, np.floor_divide(lhs, np.where(rhs == 0, 1, rhs)))


def _floor_mod(lhs: Array, rhs: Array) -> Array:
    if lhs.dtype.kind == "f":
        return np.mod(lhs, rhs)
    return np.where(rhs == 0, 0, np.mod(lhs, np.where(rhs == 0, 1, rhs)))


def _trunc_mod(lhs: Array, rhs: Array) -> Array:
    if lhs.dtype.kind == "f":
        return np.fmod(lhs, rhs)
    return np.where(rhs == 0, 0, np.fmod(lhs, np.where(rhs == 0, 1, rhs)))


def trunc_divide(lhs: Array, rhs: Array) -> Array:
    """Return lhs / rhs without its fraction; of integers it wraps, and n / 0 is 0."""
    if lhs.dtype.kind == "f":
        return np.trunc(lhs / rhs)
    # What the remainder leaves divides exactly, so that the floor is the quotient.
    return _floor_divide(np.asarray(lhs - _trunc_mod(lhs, rhs), lhs.dtype), rhs)


def _shift(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return the shift by a count modulo the operand's bits."""

    def shifted(lhs: Array, rhs: Array) -> Array:
        return function(lhs, rhs & np.asarray(8 * lhs.itemsize - 1, rhs.dtype))

    return shifted


def _lift(function: Callable[..., object]) -> Callable[..., Array]:
    """Return the meaning that applies `function` and keeps the operands' data type."""

    def meaning(attrs: Attributes, *operands: Array) -> Array:
        return np.asarray(function(*operands)).astype(operands[0].dtype)

    return meaning


_QUOTIENTS: tuple[tuple[str, Callable[..., Array]], ...] = (
    ("floor_divide", _floor_divide),
    ("trunc_divide", trunc_divide),
    ("mod", _trunc_mod),
    ("trunc_mod", _trunc_mod),
    ("floor_mod", _floor_mod),
)
_SHIFTS: tuple[tuple[str, Callable[..., Array]], ...] = (
    ("left_shift", _shift(np.left_shift)),
    ("right_shift", _shift(np.right_shift)),
)
_BITS: tuple[tuple[str, Callable[..., Array]], ...] = (
    ("bitwise_and", np.bitwise_and),
    ("bitwise_or", np.bitwise_or),
    ("bitwise_xor", np.bitwise_xor),
)
_LOGICAL: tuple[tuple[str, Callable[..., Array]], ...] = (
    ("logical_and", np.logical_and),
    ("logical_or", np.logical_or),
    ("logical_xor", np.logical_xor),
)

ROWS = (
    *(
        Operator(
            name,
            ("lhs", "rhs"),
            from_tensors(result),
            _lift(function),
            Kind.BROADCAST,
            tags=frozenset({"binary"}),
        )
        for table, result in (
            (_QUOTIENTS, _pair_type),
            (_SHIFTS, _integers_type),
            (_BITS, _bits_type),
            (_LOGICAL, _logical_type),
        )
        for name, function in table
    ),
    Operator(
        "bitwise_not",
        ("data",),
        from_tensors(_bits_type),
        _lift(np.invert),
        Kind.ELEMENTWISE,
        tags=frozenset({"unary"}),
    ),
)
