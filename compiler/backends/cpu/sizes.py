"""Sizes that are known when the program runs: their symbols, and the instructions for them.

Where a kernel has a number for an extent, a stride or an offset, it may have a `Size` instead: a
polynomial of symbols. Its function takes an i64 for each symbol.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import cast

from ...ir.dims import Any, Dim, Quotient, Size, Symbol, symbols_in

__all__ = [
    "Joined",
    "Stretch",
    "as_known",
    "index_of",
    "joined",
    "parts_of",
    "stretch",
    "symbol_value",
    "symbols_of",
]


@dataclass(frozen=True, slots=True)
class Stretch(Symbol):
    """0 where a size is 1, so that a stride times it stretches; else 1.

    Attributes
    ----------
    size : Dim
    """

    size: Dim


@dataclass(frozen=True, slots=True)
class Joined(Symbol):
    """The size that two broadcast to: the second if the first is 1, else the first.

    Attributes
    ----------
    left, right : Dim
    """

    left: Dim
    right: Dim


def stretch(size: Dim) -> Size:
    """Return 0 if a size is 1, else 1."""
    return Size((((Stretch(f"stretch({size})", size),), 1),))


def joined(left: Dim, right: Dim) -> Size:
    """Return the size that two broadcast to."""
    return Size((((Joined(f"join({left},{right})", left, right),), 1),))


def as_known(shape: tuple[Dim, ...]) -> tuple[int, ...]:
    """Return a shape as one of numbers, which it may not be: kernels take both."""
    assert not any(isinstance(size, Any) for size in shape)
    return cast(tuple[int, ...], shape)


def parts_of(symbol: Symbol) -> tuple[Dim, ...]:
    """Return the sizes that a derived symbol is computed from."""
    match symbol:
        case Stretch(_, size):
            return (size,)
        case Joined(_, left, right):
            return left, right
        case _:
            return ()


def symbols_of(value: object) -> tuple[Symbol, ...]:
    """Return the symbols in a kernel, or in any part of one, sorted by name."""
    found: set[Symbol] = set()
    pending = [value]
    while pending:
        match pending.pop():
            case Size() as size:
                found.update(symbols_in(size))
            case tuple(parts):
                pending.extend(parts)
            case part if is_dataclass(part) and not isinstance(part, type):
                pending.extend(getattr(part, field.name) for field in fields(part))
            case _:
                pass
    return tuple(sorted(found, key=str))


def index_of(
    size: Dim | str, symbols: Mapping[Symbol, str], value: Callable[[str], str]
) -> int | str:
    """Return a size as a number or the name of an i64.

    Parameters
    ----------
    symbols : values of symbols; derived ones that are not there are computed
    value : adds an instruction and returns the name of its result
    """
    if isinstance(size, int | str):
        return size
    assert isinstance(size, Size), "a size that nothing says has no value"
    total = ""
    for monomial, factor in size.terms:
        product = str(factor)
        for atom in monomial:
            if isinstance(atom, Quotient):
                part = _quotient(index_of(atom.dividend, symbols, value), atom.divisor, value)
            else:
                part = symbol_value(atom, symbols, value)
            product = part if product == "1" else value(f"mul nsw i64 {product}, {part}")
        total = value(f"add nsw i64 {total}, {product}") if total else product
    return total


def symbol_value(atom: Symbol, symbols: Mapping[Symbol, str], value: Callable[[str], str]) -> str:
    """Return the value of a symbol."""
    if atom in symbols:
        return symbols[atom]
    match atom:
        case Stretch(_, size):
            one = value(f"icmp ne i64 {index_of(size, symbols, value)}, 1")
            return value(f"zext i1 {one} to i64")
        case Joined(_, left, right):
            first, second = (index_of(size, symbols, value) for size in (left, right))
            one = value(f"icmp eq i64 {first}, 1")
            return value(f"select i1 {one}, i64 {second}, i64 {first}")
        case _:
            raise AssertionError(f"the size {atom} has no value")


def _quotient(dividend: int | str, divisor: int, value: Callable[[str], str]) -> str:
    """Return a floor quotient by a positive number."""
    quotient = value(f"sdiv i64 {dividend}, {divisor}")
    rest = value(f"srem i64 {dividend}, {divisor}")
    negative = value(f"ashr i64 {rest}, 63")
    return value(f"add i64 {quotient}, {negative}")
