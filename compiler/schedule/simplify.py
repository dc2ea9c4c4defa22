"""Indices in simpler words, by what is known of the loops around."""

from collections.abc import Mapping
from dataclasses import replace

from .expressions import Apply, Constant, Expr, Load, Variable, constant
from .functions import both, either
from .linear import Linear, at_least_zero, facts_of, interval_of, linear
from .nodes import Allocate, Block, For, If, Nest, Region, Sequence, Statement, Store, Tensor, While
from .walk import rewrite

__all__ = ["simplified", "simplify"]

Extents = Mapping[str, Expr]


def simplified(nest: Nest) -> Nest:
    """Return `nest` with every index simplified, and what never happens left out."""
    return replace(nest, body=_statement(nest.body, {}))


def _statement(statement: Statement, extents: Extents) -> Statement:
    """Return a statement simplified inside loops of `extents`."""

    def expr(one: Expr) -> Expr:
        return simplify(one, extents)

    def region(one: Region) -> Region:
        return Region(one.buffer, tuple((expr(start), expr(size)) for start, size in one.ranges))

    match statement:
        case For(variable, extent, _, body):
            size = expr(extent)
            return replace(
                statement, extent=size, body=_statement(body, {**extents, variable: size})
            )
        case Block(_, reads, writes, body):
            return replace(
                statement,
                reads=tuple(map(region, reads)),
                writes=tuple(map(region, writes)),
                body=_statement(body, extents),
            )
        case Store(buffer, indices, value):
            return Store(buffer, tuple(map(expr, indices)), expr(value))
        case If(condition, then, otherwise):
            made = expr(condition)
            if isinstance(made, Constant):
                return _statement(then if made.value else otherwise, extents)
            return If(made, _statement(then, extents), _statement(otherwise, extents))
        case While(condition, body):
            return While(expr(condition), _statement(body, extents))
        case Allocate(_, body):
            return replace(statement, body=_statement(body, extents))
        case Tensor(intrinsic, loop):
            made_loop = _statement(loop, extents)
            assert isinstance(made_loop, For)
            return Tensor(intrinsic, made_loop)
        case Sequence(parts):
            return Sequence(tuple(_statement(part, extents) for part in parts))


def simplify(expr: Expr, extents: Extents) -> Expr:
    """Return `expr` with its indices in normal form.

    ``(4*i + j) // 4 -> i`` and ``(4*i + j) % 4 -> j`` where 0 <= j < 4,
    ``x // 4 * 4 + x % 4 -> x``, ``min(a, b) -> a`` where a <= b, ``i -> 0`` in a loop of one
    iteration, and comparisons that always come out the same, with what follows from them.
    """

    def change(one: Expr) -> Expr | None:
        match one:
            case Apply("floor_divide", "int64", (left, Constant(divisor))) if divisor > 0:
                return _quotient(linear(left), int(divisor), extents)
            case Apply("floor_mod", "int64", (left, Constant(divisor))) if divisor > 0:
                return _remainder(linear(left), int(divisor), extents)
            case Apply("minimum" | "maximum" as name, "int64", (left, right)):
                low, high = (left, right) if name == "minimum" else (right, left)
                if at_least_zero(high - low, extents):
                    return left
                return right if at_least_zero(low - high, extents) else None
            case Apply(_, "bool", (Expr(dtype="int64"), _)) if len(facts_of(one)) == 1:
                return _decided(one, extents)
            case Apply("multiply" | "add" as name, "bool", (left, right)):
                return both(left, right) if name == "multiply" else either(left, right)
            case Apply("where", _, (Constant(value), yes, no)):
                return yes if value else no
            case Load(buffer, indices, Constant(value)):
                return Load(buffer, indices) if value else constant(0, buffer.dtype)
            case Apply("add" | "subtract" | "multiply", "int64", _):
                return _joined(linear(one)).expr()
            case Variable(name) if extents.get(name) == Constant(1, "int64"):
                return Constant(0, "int64")
            case _:
                return None

    return rewrite(expr, change)


def _decided(test: Expr, extents: Extents) -> Expr | None:
    """Return what a comparison of indices always is, None if it depends."""
    (slack,) = facts_of(test)
    if at_least_zero(slack, extents):
        return Constant(True, "bool")
    return Constant(False, "bool") if at_least_zero(-1 - slack, extents) else None


def _parts(form: Linear, divisor: int) -> tuple[Linear, Linear]:
    """Return (q, r) with form = divisor * q + r."""
    whole = tuple((atom, n // divisor) for atom, n in form.terms if n % divisor == 0)
    rest = tuple((atom, n) for atom, n in form.terms if n % divisor)
    quotient, remainder = divmod(form.constant, divisor)
    return Linear(quotient, whole), Linear(remainder, rest)


def _quotient(form: Linear, divisor: int, extents: Extents) -> Expr | None:
    quotient, rest = _parts(form, divisor)
    low, high = interval_of(rest, extents)
    if low >= 0 and high < divisor:
        return quotient.expr()
    if quotient == Linear(0, ()):
        return None
    return quotient.expr() + rest.expr() // divisor


def _remainder(form: Linear, divisor: int, extents: Extents) -> Expr | None:
    quotient, rest = _parts(form, divisor)
    low, high = interval_of(rest, extents)
    if low >= 0 and high < divisor:
        return rest.expr()
    if quotient == Linear(0, ()):
        return None
    return rest.expr() % divisor


def _joined(form: Linear) -> Linear:
    """Return a form with quotients and remainders of one division put together."""
    factors = dict(form.terms)
    for atom, factor in form.terms:
        match atom:
            case Apply("floor_mod", _, (dividend, Constant(divisor) as size)):
                whole = Apply("floor_divide", "int64", (dividend, size))
                if factors.get(whole) == factor * int(divisor):
                    rest = tuple(t for t in form.terms if t[0] not in (atom, whole))
                    return _joined(Linear(form.constant, rest).plus(linear(dividend).times(factor)))
            case _:
                pass
    return form
