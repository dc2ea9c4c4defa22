"""Whether values are of the types that inference found."""

import numpy as np

from ..ir.dims import Any, Dim, Quotient, Size, Symbol
from ..ir.module import Module
from ..ir.types import DTYPES, TensorType, TupleType, Type, TypeCall
from ..ir.unify import substitute_types
from .values import Data, form

__all__ = ["input_mismatch", "mismatch", "type_of_value"]

_DTYPES = {name: np.dtype(name) for name in DTYPES}


def type_of_value(value: object) -> Type:
    """Return the type of an array or a tuple of arrays."""
    if isinstance(value, tuple):
        return TupleType(tuple(type_of_value(part) for part in value))
    assert isinstance(value, np.ndarray)
    return TensorType(value.shape, str(value.dtype))


def mismatch(expected: Type, value: object, sizes: dict[Symbol, int]) -> str | None:
    """Return in words what `value` is if it is not of type `expected`, else None.

    Fields of data and contents of cells are looked at when they are taken out.

    Parameters
    ----------
    sizes : dict of Symbol to int
        What symbols are; those that stand alone and are not known yet are added.
    """
    return None if _fits(expected, value, sizes) else form(value)


def _fits(expected: Type, value: object, sizes: dict[Symbol, int]) -> bool:
    """Return whether a value is of a type, as far as its tensors and tuples show."""
    if isinstance(value, np.ndarray):
        if not isinstance(expected, TensorType):
            return not isinstance(expected, TupleType | TypeCall)
        shape = value.shape
        if value.dtype != _DTYPES[expected.dtype]:
            return False
        if shape == expected.shape:
            return True
        if len(shape) != len(expected.shape):
            return False
        pairs = zip(expected.shape, shape, strict=True)
        return all(_fits_size(size, have, sizes) for size, have in pairs)
    if isinstance(value, tuple):
        if not isinstance(expected, TupleType):
            return not isinstance(expected, TensorType | TypeCall)
        if len(expected.fields) != len(value):
            return False
        return all(
            _fits(part, given, sizes) for part, given in zip(expected.fields, value, strict=True)
        )
    return not isinstance(expected, TensorType | TupleType)


def _fits_size(size: Dim, have: int, sizes: dict[Symbol, int]) -> bool:
    """Return whether an axis has the size that it must."""
    if not isinstance(size, Size):
        return isinstance(size, Any) or size == have
    if len(size.terms) == 1:
        ((monomial, factor),) = size.terms
        if factor == 1 and len(monomial) == 1 and isinstance(monomial[0], Symbol):
            return sizes.setdefault(monomial[0], have) == have
    known = evaluate_size(size, sizes)
    return known is None or known == have


def evaluate_size(size: Size, sizes: dict[Symbol, int]) -> int | None:
    """Return the number that an expression is, None if a symbol is not known."""
    total = 0
    for monomial, factor in size.terms:
        product = factor
        for atom in monomial:
            if isinstance(atom, Quotient):
                dividend = evaluate_size(atom.dividend, sizes)
                value = None if dividend is None else dividend // atom.divisor
            else:
                value = sizes.get(atom)
            if value is None:
                return None
            product *= value
        total += product
    return total


def input_mismatch(
    expected: Type, value: object, sizes: dict[Symbol, int], module: Module
) -> str | None:
    """Return in words what is wrong about an input, fields of data included; else None."""
    pending = [(expected, value)]
    while pending:
        wanted, given = pending.pop()
        if isinstance(wanted, TupleType) and isinstance(given, tuple):
            if len(wanted.fields) != len(given):
                return form(value)
            pending.extend(zip(wanted.fields, given, strict=True))
        elif isinstance(wanted, TypeCall):
            fields = _field_types(wanted, given, module)
            if fields is None or not isinstance(given, Data):
                return form(value)
            pending.extend(zip(fields, given.fields, strict=True))
        elif not _fits(wanted, given, sizes):
            return form(value)
    return None


def _field_types(wanted: TypeCall, value: object, module: Module) -> tuple[Type, ...] | None:
    """Return the types that the fields of `value` must have, None if it is not of the type."""
    found = module.constructor(value.constructor) if isinstance(value, Data) else None
    if found is None or not isinstance(value, Data):
        return None
    data, constructor = found
    if data.name != wanted.name or len(constructor.fields) != len(value.fields):
        return None
    values = dict(zip(data.type_params, wanted.args, strict=True))
    return tuple(substitute_types(field, values) for field in constructor.fields)
