"""Accesses of one buffer as accesses of a smaller one that holds a box of it."""

from collections.abc import Callable, Sequence

from ..expressions import Buffer, Constant, Expr, Load, Variable
from ..functions import both, size_of
from ..linear import at_least_zero
from ..nodes import For, Statement, Store
from ..regions import regions_of
from ..walk import map_expressions, map_statements, rewrite

__all__ = ["Box", "box_in", "copied", "outside", "redirected"]

Box = tuple[tuple[Expr, int], ...]
"""Start and size along each axis."""


def box_in(statement: Statement, buffer: Buffer, writing: bool) -> Box | str:
    """Return the box of `buffer` that a statement reads or writes, or why there is none."""
    regions = regions_of(statement)[1 if writing else 0]
    for region in regions:
        if region.buffer == buffer:
            sizes = [size for _, size in region.ranges]
            known = [int(size.value) for size in sizes if isinstance(size, Constant)]
            if len(known) != len(sizes):
                return f"the part of {buffer.name} that it touches has no known size"
            starts = [start for start, _ in region.ranges]
            return tuple(zip(starts, known, strict=True))
    return f"it does not {'write' if writing else 'read'} {buffer.name}"


def redirected(statement: Statement, old: Buffer, new: Buffer, box: Box) -> Statement:
    """Return `statement` with accesses of `old` made to `new`, which holds `box` of it."""

    def moved(indices: Sequence[Expr]) -> tuple[Expr, ...]:
        return tuple(index - start for index, (start, _) in zip(indices, box, strict=True))

    def load(expr: Expr) -> Expr | None:
        if isinstance(expr, Load) and expr.buffer == old:
            return Load(new, moved(expr.indices), expr.where)
        return None

    changed = map_expressions(statement, lambda expr: rewrite(expr, load))

    def store(one: Statement) -> Statement | None:
        if isinstance(one, Store) and one.buffer == old:
            return Store(new, moved(one.indices), one.value)
        return None

    return map_statements(changed, store)


def copied(
    target: Callable[[tuple[Expr, ...], tuple[Expr, ...]], Statement],
    names: Sequence[str],
    box: Box,
) -> Statement:
    """Return loops over a box around what `target` gives for places in the box and in the whole."""
    inside = tuple(Variable(name) for name in names)
    whole = tuple(start + index for (start, _), index in zip(box, inside, strict=True))
    body = target(inside, whole)
    for name, (_, size) in zip(reversed(names), reversed(box), strict=True):
        body = For(name, Constant(size, "int64"), "serial", body)
    return body


def outside(
    buffer: Buffer, box: Box, indices: Sequence[Expr], extents: dict[str, Expr]
) -> Expr | None:
    """Return the condition under which places of a box are inside of a buffer; None: always."""
    tests: list[Expr] = []
    for (start, size), whole, index in zip(box, buffer.shape, indices, strict=True):
        extent = size_of(whole)
        if not at_least_zero(start, extents):
            tests.append(index >= 0)
        if not at_least_zero(extent - start - size, extents):
            tests.append(index < extent)
    return both(*tests) if tests else None
