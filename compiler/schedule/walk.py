"""Walks over nests: the expressions of a statement, its parts, and substitution."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from .expressions import Apply, Buffer, Expr, Load, Variable, apply
from .nodes import Allocate, Block, For, If, Region, Sequence, Statement, Store, Tensor, While

__all__ = [
    "expressions_of",
    "inner",
    "loads_of",
    "map_expressions",
    "map_statements",
    "operands_of",
    "rewrite",
    "statements_of",
    "substitute",
    "subexpressions",
    "variables_of",
]


def operands_of(expr: Expr) -> tuple[Expr, ...]:
    """Return the expressions right below `expr`."""
    match expr:
        case Load(_, indices, where):
            return indices if where is None else (*indices, where)
        case Apply(_, _, operands):
            return operands
        case _:
            return ()


def subexpressions(expr: Expr) -> Iterator[Expr]:
    """Yield `expr` and everything below it."""
    stack = [expr]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(reversed(operands_of(one)))


def loads_of(expr: Expr) -> Iterator[Load]:
    """Yield the loads of an expression."""
    return (one for one in subexpressions(expr) if isinstance(one, Load))


def variables_of(expr: Expr) -> frozenset[str]:
    """Return the names of the loops that an expression depends on by its indices."""
    return frozenset(one.name for one in subexpressions(expr) if isinstance(one, Variable))


def rewrite(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """Return `expr` with every part, operands first, replaced by what `change` returns, if any."""
    match expr:
        case Load(buffer, indices, where):
            indices = tuple(rewrite(index, change) for index in indices)
            where = None if where is None else rewrite(where, change)
            made: Expr = Load(buffer, indices, where)
        case Apply(operation, dtype, operands, detail):
            parts = tuple(rewrite(operand, change) for operand in operands)
            made = apply(operation, *parts, dtype=dtype, detail=detail)
        case _:
            made = expr
    changed = change(made)
    return made if changed is None else changed


def substitute(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """Return `expr` with variables replaced."""

    def change(one: Expr) -> Expr | None:
        return values.get(one.name) if isinstance(one, Variable) else None

    return rewrite(expr, change)


def inner(statement: Statement) -> tuple[Statement, ...]:
    """Return the statements right below `statement`."""
    match statement:
        case For(_, _, _, body) | Block(_, _, _, body) | While(_, body) | Allocate(_, body):
            return (body,)
        case Tensor(_, loop):
            return (loop,)
        case If(_, then, otherwise):
            return then, otherwise
        case Sequence(parts):
            return parts
        case Store():
            return ()


def statements_of(statement: Statement) -> Iterator[Statement]:
    """Yield `statement` and everything below it, in order."""
    stack = [statement]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(reversed(inner(one)))


def expressions_of(statement: Statement) -> tuple[Expr, ...]:
    """Return the expressions that stand in `statement` itself, those of regions left out."""
    match statement:
        case For(_, extent, _, _):
            return (extent,)
        case Store(_, indices, value):
            return (*indices, value)
        case If(condition, _, _) | While(condition, _):
            return (condition,)
        case _:
            return ()


def map_statements(
    statement: Statement, change: Callable[[Statement], Statement | None]
) -> Statement:
    """Return `statement` with every part, inner ones first, replaced as `change` says.

    `change` returns None for what stays.
    """
    match statement:
        case Tensor(intrinsic, loop):
            within = map_statements(loop, change)
            made: Statement = Tensor(intrinsic, within) if isinstance(within, For) else within
        case For() | Block() | While() | Allocate():
            made = replace(statement, body=map_statements(statement.body, change))
        case If(condition, then, otherwise):
            made = If(condition, map_statements(then, change), map_statements(otherwise, change))
        case Sequence(parts):
            made = Sequence(tuple(map_statements(part, change) for part in parts))
        case Store():
            made = statement
    changed = change(made)
    return made if changed is None else changed


def map_expressions(
    statement: Statement,
    change: Callable[[Expr], Expr],
    buffers: Callable[[Buffer], Buffer] = lambda buffer: buffer,
) -> Statement:
    """Return `statement` with `change` applied to every expression, and to those of regions.

    Parameters
    ----------
    buffers : callable
        Renames the buffers that are stored to, allocated and named by regions; those of loads are
        the business of `change`.
    """

    def region(one: Region) -> Region:
        pairs = tuple((change(start), change(extent)) for start, extent in one.ranges)
        return Region(buffers(one.buffer), pairs)

    def visit(one: Statement) -> Statement:
        match one:
            case For(_, extent, _, _):
                return replace(one, extent=change(extent))
            case Block(_, reads, writes, _):
                return replace(
                    one, reads=tuple(map(region, reads)), writes=tuple(map(region, writes))
                )
            case Store(buffer, indices, value):
                return Store(buffers(buffer), tuple(map(change, indices)), change(value))
            case If(condition, _, _) | While(condition, _):
                return replace(one, condition=change(condition))
            case Allocate(buffer, _):
                return replace(one, buffer=buffers(buffer))
            case Sequence() | Tensor():
                return one

    return map_statements(statement, visit)
