"""Indices as sums of products, and what can be proved of them.

A linear form is ``constant + sum of coefficient * atom``; an atom is a loop's variable, a symbol,
or anything else as a whole. Bounds are found by putting the ends of each loop's range in for its
variable, and, where that is not enough, from the intervals of the atoms.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .expressions import Apply, Constant, Expr, Load, Symbol, Variable
from .walk import variables_of

__all__ = [
    "Interval",
    "Linear",
    "at_least_zero",
    "facts_of",
    "interval",
    "interval_of",
    "linear",
    "split_index",
]

Interval = tuple[float, float]
"""Smallest and largest value; infinite where unknown."""

Extents = Mapping[str, Expr]
"""The extent of each loop around, outermost first."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear form.

    Attributes
    ----------
    constant : int
    terms : tuple of (atom, coefficient)
        No coefficient is 0.
    """

    constant: int
    terms: tuple[tuple[Expr, int], ...]

    def expr(self) -> Expr:
        """Return the expression."""
        total: Expr = Constant(0, "int64")
        for atom, factor in self.terms:
            total = total + atom * factor
        return total + self.constant

    def times(self, factor: int) -> "Linear":
        """Return every part times `factor`."""
        if factor == 0:
            return Linear(0, ())
        return Linear(self.constant * factor, tuple((atom, n * factor) for atom, n in self.terms))

    def plus(self, other: "Linear") -> "Linear":
        """Return the sum."""
        total: Counter[Expr] = Counter(dict(self.terms))
        for atom, factor in other.terms:
            total[atom] += factor
        terms = tuple((atom, factor) for atom, factor in total.items() if factor)
        return Linear(self.constant + other.constant, terms)


def linear(expr: Expr) -> Linear:
    """Return the linear form of an index."""
    match expr:
        case Constant(value):
            return Linear(int(value), ())
        case Apply("add", "int64", (left, right)):
            return linear(left).plus(linear(right))
        case Apply("subtract", "int64", (left, right)):
            return linear(left).plus(linear(right).times(-1))
        case Apply("multiply", "int64", (left, right)):
            first, second = linear(left), linear(right)
            if not first.terms:
                return second.times(first.constant)
            if not second.terms:
                return first.times(second.constant)
            return _product(first, second)
        case _:
            return Linear(0, ((expr, 1),))


def _product(left: Linear, right: Linear) -> Linear:
    """Return the product of two sums, each pair of atoms a new atom."""
    total = right.times(left.constant)
    for atom, factor in left.terms:
        total = total.plus(Linear(0, ((atom, factor * right.constant),) if right.constant else ()))
        for other, times in right.terms:
            pair = tuple(sorted((atom, other), key=repr))
            total = total.plus(Linear(0, ((Apply("multiply", "int64", pair), factor * times),)))
    return total


def split_index(expr: Expr, variable: str) -> tuple[int, Expr] | None:
    """Return (c, rest) with expr = c * variable + rest; None if there are none.

    `rest` does not depend on the variable.
    """
    form = linear(expr)
    factor, rest = 0, []
    for atom, times in form.terms:
        if isinstance(atom, Variable) and atom.name == variable:
            factor = times
        elif variable in variables_of(atom):
            return None
        else:
            rest.append((atom, times))
    return factor, Linear(form.constant, tuple(rest)).expr()


def at_least_zero(expr: Expr, extents: Extents, facts: tuple[Expr, ...] = ()) -> bool:
    """Return whether `expr` is proved never to be negative inside loops of `extents`.

    Parameters
    ----------
    facts : tuple of Expr
        What else is known not to be negative.
    """
    # In the body of a loop there is at least one iteration.
    ran = (extent - 1 for extent in extents.values() if not isinstance(extent, Constant))
    return _proved(expr, extents, (*facts, *ran))


def _proved(expr: Expr, extents: Extents, facts: tuple[Expr, ...]) -> bool:
    """Return whether `expr` is proved not to be negative by `facts` and the ranges of loops."""
    form = linear(expr)
    if interval_of(form, extents)[0] >= 0 or _below_ends(form, extents, facts):
        return True
    factors = dict(form.terms)
    for number, fact in enumerate(facts):
        known = linear(fact)
        others = facts[:number] + facts[number + 1 :]
        for times in {factors[atom] // n for atom, n in known.terms if atom in factors}:
            rest = form.plus(known.times(-times))
            if times > 0 and _proved(rest.expr(), extents, others):
                return True
    return _multiplied(form, extents, facts)


def _multiplied(form: Linear, extents: Extents, facts: tuple[Expr, ...]) -> bool:
    """Return whether a form is proved when it is multiplied by the divisor of a quotient in it.

    x // d is in (x - d + 1) / d .. x / d; an integer above -1 is at least 0.
    """
    for atom, factor in form.terms:
        match atom:
            case Apply("floor_divide", _, (dividend, Constant(value))) if value > 0:
                divisor = int(value)
                rest = Linear(form.constant, tuple(t for t in form.terms if t[0] != atom))
                least = linear(dividend).plus(Linear(1 - divisor if factor > 0 else 0, ()))
                scaled = rest.times(divisor).plus(least.times(factor))
                whole = scaled.plus(Linear(divisor - 1, ())).expr()
                if _proved(whole, extents, facts):
                    return True
            case _:
                pass
    return False


def _below_ends(form: Linear, extents: Extents, facts: tuple[Expr, ...]) -> bool:
    """Return whether a form is proved by putting in an end of the range of one of its atoms."""
    depth = {name: place for place, name in enumerate(extents)}
    # Inner loops first: their extents may depend on outer ones.
    terms = sorted(
        form.terms,
        key=lambda term: -depth.get(getattr(term[0], "name", ""), len(depth)),
    )
    for atom, factor in terms:
        for replacement in _bounds_of(atom, factor, extents, facts):
            rest = Linear(form.constant, tuple(t for t in form.terms if t[0] != atom))
            if _proved(rest.plus(linear(replacement).times(factor)).expr(), extents, facts):
                return True
        if isinstance(atom, Variable) and atom.name in extents:
            return False
    return False


def _bounds_of(
    atom: Expr, factor: int, extents: Extents, facts: tuple[Expr, ...]
) -> tuple[Expr, ...]:
    """Return expressions that `factor * atom` is at least `factor` times of."""
    match atom:
        case Variable(name) if name in extents:
            return (Constant(0, "int64"),) if factor > 0 else (extents[name] - 1,)
        case Apply("minimum", _, operands) if factor < 0:
            return operands
        case Apply("maximum", _, operands) if factor > 0:
            return operands
        case Apply("minimum", _, (left, right)):
            # The smaller of both is at least 0 if both are.
            zero = Constant(0, "int64")
            fits = _proved(left, extents, facts) and _proved(right, extents, facts)
            return (zero,) if fits else ()
        case Apply("maximum", _, (Constant() as low, Apply("minimum", _, operands))):
            return operands if low.value == 0 and all_positive(operands) else ()
        case Apply("floor_mod", _, (_, divisor)):
            return (Constant(0, "int64"),) if factor > 0 else (divisor - 1,)
        case _:
            return ()


def all_positive(operands: tuple[Expr, ...]) -> bool:
    """Return whether all are positive constants."""
    return all(isinstance(one, Constant) and one.value >= 0 for one in operands)


def facts_of(condition: Expr) -> tuple[Expr, ...]:
    """Return expressions of int64 that are not negative where `condition` holds."""
    match condition:
        case Apply("multiply" | "logical_and", "bool", (left, right)):
            return (*facts_of(left), *facts_of(right))
        case Apply(operation, "bool", (Expr(dtype="int64") as left, right)):
            forms = {
                "less": (right - left - 1,),
                "less_equal": (right - left,),
                "greater": (left - right - 1,),
                "greater_equal": (left - right,),
                "equal": (left - right, right - left),
            }
            return forms.get(operation, ())
        case _:
            return ()


def interval_of(form: Linear, extents: Extents) -> Interval:
    """Return the interval of a linear form."""
    low = high = float(form.constant)
    for atom, factor in form.terms:
        first, last = interval(atom, extents)
        ends = sorted((first * factor, last * factor))
        low, high = low + ends[0], high + ends[1]
    return low, high


def interval(expr: Expr, extents: Extents) -> Interval:
    """Return where the value of an integer expression lies inside loops of `extents`."""
    match expr:
        case Constant(value):
            return float(value), float(value)
        case Variable(name) if name in extents:
            return 0.0, max(interval(extents[name], extents)[1] - 1, 0.0)
        case Symbol():
            return 0.0, np.inf
        case Load(buffer):
            return _range_of(buffer.dtype)
        case Apply("add" | "subtract" | "multiply", "int64", _):
            form = linear(expr)
            if form.terms != ((expr, 1),):
                return interval_of(form, extents)
            return _product_interval(expr, extents)
        case Apply(operation, dtype, operands):
            ranges = [interval(operand, extents) for operand in operands]
            return _apply_interval(operation, dtype, operands, ranges)
        case _:
            return -np.inf, np.inf


def _product_interval(expr: Expr, extents: Extents) -> Interval:
    assert isinstance(expr, Apply)
    left, right = (interval(operand, extents) for operand in expr.operands)
    if left[0] >= 0 and right[0] >= 0:
        return left[0] * right[0], np.inf if np.inf in (left[1], right[1]) else left[1] * right[1]
    if np.inf in (*map(abs, left), *map(abs, right)):
        return -np.inf, np.inf
    ends = [x * y for x in left for y in right]
    return min(ends), max(ends)


def _apply_interval(
    operation: str, dtype: str, operands: tuple[Expr, ...], ranges: list[Interval]
) -> Interval:
    """Return the interval of an operation that is not linear."""
    whole = _range_of(dtype)
    match operation, ranges:
        case "minimum", [left, right]:
            return min(left[0], right[0]), min(left[1], right[1])
        case "maximum", [left, right]:
            return max(left[0], right[0]), max(left[1], right[1])
        case "where", [_, yes, no]:
            return min(yes[0], no[0]), max(yes[1], no[1])
        case "cast", [inner]:
            fits = whole[0] <= inner[0] and inner[1] <= whole[1]
            return inner if fits and not operands[0].dtype.startswith("float") else whole
        case "floor_mod", [inner, divisor] if divisor[0] > 0:
            return (0.0, min(inner[1], divisor[1] - 1)) if inner[0] >= 0 else (0.0, divisor[1] - 1)
        case "floor_divide", [inner, divisor] if divisor[0] > 0:
            ends = [
                x // y if abs(x) != np.inf and y != np.inf else (x if y != np.inf else min(x, 0.0))
                for x in inner
                for y in divisor
            ]
            return min(ends), max(ends)
        case _:
            return whole


def _range_of(dtype: str) -> Interval:
    """Return the interval of a data type; that of 64 bits counts as unknown."""
    if dtype == "bool":
        return 0.0, 1.0
    if dtype.startswith("float") or dtype == "int64":
        return -np.inf, np.inf
    if dtype == "uint64":
        return 0.0, np.inf
    limits = np.iinfo(dtype)
    return float(limits.min), float(limits.max)
