"""Sizes of axes: numbers, expressions of symbols such as ``2*n + 1``, and the unknown ``?``.

A `Size` is a polynomial with integer coefficients in canonical form, so that equal sizes compare
and hash alike. Its atoms are symbols and floor quotients, which a polynomial cannot express. All
arithmetic of `+`, `-`, `*` and `//` goes through on any mix of `int`, `Size` and `Any`; what comes
out constant is an `int`, and what meets an `Any` is an `Any`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Any", "Dim", "Quotient", "Size", "Symbol", "substitute_dim", "symbol", "symbols_in"]


@dataclass(frozen=True, slots=True)
class Any:
    """A dimension whose size is known only when the program runs, written ``?``."""

    def __str__(self) -> str:
        return "?"

    def _unknown(self, other: Dim) -> Any:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _unknown
    __floordiv__ = __rfloordiv__ = _unknown


@dataclass(frozen=True, slots=True)
class Symbol:
    """A size that has a name; two symbols are one if their names are."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Quotient:
    """A floor quotient that no polynomial expresses; the divisor is > 1."""

    dividend: Size
    divisor: int

    def __str__(self) -> str:
        return f"({self.dividend})//{self.divisor}"


Atom = Symbol | Quotient
Monomial = tuple[Atom, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """A polynomial that is no constant.

    Attributes
    ----------
    terms : tuple of (monomial, coefficient)
        A monomial is a sorted tuple of atoms, () for the constant; no coefficient is 0. Sorted by
        falling degree, then by text.
    """

    terms: tuple[tuple[Monomial, int], ...]

    def __str__(self) -> str:
        parts: list[str] = []
        for monomial, factor in self.terms:
            sign = "-" if factor < 0 else "+"
            numbers = [str(abs(factor))] if abs(factor) != 1 or not monomial else []
            text = "*".join([*numbers, *map(str, monomial)])
            parts.append(f" {sign} {text}" if parts else f"{'-' * (factor < 0)}{text}")
        return "".join(parts)

    def __add__(self, other: Dim) -> Dim:
        if isinstance(other, Any):
            return other
        total = Counter(dict(self.terms))
        for monomial, factor in _terms(other):
            total[monomial] += factor
        return _canonical(total)

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: Dim) -> Dim:
        return self + other * -1

    def __rsub__(self, other: Dim) -> Dim:
        return self * -1 + other

    def __mul__(self, other: Dim) -> Dim:
        if isinstance(other, Any):
            return other
        product: Counter[Monomial] = Counter()
        for left, factor in self.terms:
            for right, times in _terms(other):
                product[tuple(sorted((*left, *right), key=str))] += factor * times
        return _canonical(product)

    __rmul__ = __mul__

    def __floordiv__(self, divisor: Dim) -> Dim:
        if not isinstance(divisor, int) or divisor == 0:
            return Any()
        if divisor < 0:
            return (self * -1) // -divisor
        whole, rest = Counter[Monomial](), Counter[Monomial]()
        for monomial, factor in self.terms:
            quotient, left = divmod(factor, divisor)
            whole[monomial] += quotient
            rest[monomial] += left
        remainder = _canonical(rest)
        if isinstance(remainder, Size):
            whole[(Quotient(remainder, divisor),)] += 1
        return _canonical(whole)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return Any()


Dim = int | Size | Any


def symbol(name: str) -> Size:
    """Return the size called `name`."""
    return Size((((Symbol(name),), 1),))


def symbols_in(size: Dim) -> Iterator[Symbol]:
    """Yield every symbol of `size`, as often as it stands there."""
    if not isinstance(size, Size):
        return
    for monomial, _ in size.terms:
        for atom in monomial:
            if isinstance(atom, Symbol):
                yield atom
            else:
                yield from symbols_in(atom.dividend)


def substitute_dim(size: Dim, values: Mapping[Symbol, Dim]) -> Dim:
    """Return `size` with symbols replaced."""
    if not isinstance(size, Size) or not values:
        return size
    total: Dim = 0
    for monomial, factor in size.terms:
        product: Dim = factor
        for atom in monomial:
            product = product * _substitute_atom(atom, values)
        total = total + product
    return total


def _substitute_atom(atom: Atom, values: Mapping[Symbol, Dim]) -> Dim:
    if isinstance(atom, Quotient):
        return substitute_dim(atom.dividend, values) // atom.divisor
    return values.get(atom, Size((((atom,), 1),)))


def _terms(size: int | Size) -> tuple[tuple[Monomial, int], ...]:
    return size.terms if isinstance(size, Size) else (((), size),)


def _canonical(total: Counter[Monomial]) -> Dim:
    """Return the polynomial of `total`, an int if it is constant."""
    terms = [(monomial, factor) for monomial, factor in total.items() if factor]
    if not any(monomial for monomial, _ in terms):
        return sum(factor for _, factor in terms)
    return Size(tuple(sorted(terms, key=lambda term: (-len(term[0]), str(term[0])))))
