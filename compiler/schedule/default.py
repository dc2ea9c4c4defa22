"""The schedule that a nest gets when nobody chooses one.

Outer loops become parallel as far down as nothing stands between them; the last loop whose
iterations are neighbours in memory becomes lanes.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import inf, prod

import numpy as np

from .dependence import lanes_obstacle, parallel_obstacle
from .expressions import Constant, Expr
from .functions import offset_of
from .linear import split_index
from .nodes import Allocate, For, Nest, Statement, Store
from .primitives import split, split_reduction, tensorise
from .primitives.split_reduction import reductions
from .products import Product, recognise
from .simplify import simplified
from .walk import expressions_of, inner, loads_of, map_statements, statements_of, variables_of

__all__ = ["default_schedule"]

# Below, a microkernel makes more code than it saves time.
_LEAST_PRODUCTS = 1 << 12
# Rows of a part: at least about two tiles; and how many parts there should be.
_LEAST_ROWS = 16
_PARTS = 16
# A gather takes about as long as loading each element by itself.
_MOST_GATHERS = 0.5
# Elements: below, adding the partial results of a reduction up takes as long as the reduction.
_SHORT = 32


def default_schedule(nest: Nest, vector_bytes: int) -> Nest:
    """Return `nest` with loops marked parallel and vector where that is legal and worth it.

    Parameters
    ----------
    vector_bytes : int
        Size of a vector register.
    """
    made = simplified(nest)
    made = replace(made, body=map_statements(made.body, _without_single))
    made = replace(made, body=map_statements(made.body, _lanes))
    for loop in tuple(_long_reductions(made.body)):
        partial = _partial_results(loop, vector_bytes)
        if partial > 1:
            made = split_reduction(made, loop.variable, partial)
    for loop in tuple(_products(made.body)):
        made = _as_product(made, loop)
    return replace(made, body=_parallel(made.body))


def _products(statement: Statement) -> Iterator[For]:
    """Yield the loops that are matrix products worth a microkernel, outermost only."""
    if isinstance(statement, For) and isinstance(found := recognise(statement), Product):
        steps = prod(count for count, _ in found.reduction)
        if found.rows * found.columns * steps >= _LEAST_PRODUCTS:
            yield statement
        return
    for part in inner(statement):
        yield from _products(part)


def _as_product(nest: Nest, loop: For) -> Nest:
    """Return a nest with a product by the microkernel, its rows in parts for threads."""
    assert isinstance(loop.extent, Constant)
    rows = int(loop.extent.value)
    sizes = [size for size in range(_LEAST_ROWS, rows // 4 + 1) if rows % size == 0]
    outside = prod(_extents_above(nest.body, loop))
    if not outside or outside >= _PARTS or not sizes:
        return tensorise(nest, loop.variable)
    size = min(sizes, key=lambda one: abs(one - rows // _PARTS))
    return tensorise(split(nest, loop.variable, size), f"{loop.variable}_inner")


def _without_single(statement: Statement) -> Statement | None:
    """``for i in 1: S  ->  S``, where `simplified` has put in 0 for i."""
    if isinstance(statement, For) and statement.extent == Constant(1, "int64"):
        return statement.body
    return None


def _extents_above(statement: Statement, loop: For) -> Iterator[int]:
    """Yield the extents of the loops between a nest's body and `loop`; 0 if there is more."""
    while statement != loop:
        if not isinstance(statement, For) or not isinstance(statement.extent, Constant):
            yield 0
            return
        yield int(statement.extent.value)
        statement = statement.body


def _long_reductions(statement: Statement) -> Iterator[For]:
    """Yield the loops that combine neighbours in memory, and are no part of a vector loop."""
    if isinstance(statement, For):
        if statement.kind != "serial" and statement.kind != "parallel":
            return
        if reductions(statement) is not None and _gathers(statement) <= _MOST_GATHERS:
            yield statement
            return
    for part in inner(statement):
        yield from _long_reductions(part)


def _partial_results(loop: For, vector_bytes: int) -> int:
    """Return how many partial results a reduction gets: up to four vectors."""
    found = reductions(loop)
    assert found is not None
    lanes = vector_bytes // max(np.dtype(one.store.buffer.dtype).itemsize for one in found)
    if not isinstance(loop.extent, Constant):
        return lanes
    size = int(loop.extent.value)
    return next((lanes * times for times in (4, 2, 1) if size >= 4 * lanes * times), 1)


def _parallel(statement: Statement) -> Statement:
    """Return `statement` with the loops around everything marked."""
    if not isinstance(statement, For) or statement.kind != "serial":
        return statement
    if parallel_obstacle(statement) is not None:
        return statement
    return replace(statement, kind="parallel", body=_parallel(statement.body))


def _lanes(statement: Statement) -> Statement | None:
    """Return a loop as a vector loop, None if it stays as it is."""
    if not isinstance(statement, For) or statement.kind != "serial":
        return None
    if any(isinstance(one, For) and one.kind == "vector" for one in statements_of(statement.body)):
        return None
    if isinstance(statement.extent, Constant) and statement.extent.value <= 1:
        return None
    gathers = _gathers(statement)
    if gathers > _MOST_GATHERS or lanes_obstacle(statement) is not None:
        return None
    if gathers > 0 and any(_sums_neighbours(one) for one in statements_of(statement.body)):
        return None
    return replace(statement, kind="vector")


def _sums_neighbours(statement: Statement) -> bool:
    """Return whether a statement is a reduction, not a short one, of neighbours in memory."""
    if not isinstance(statement, For) or reductions(statement) is None:
        return False
    short = isinstance(statement.extent, Constant) and statement.extent.value < _SHORT
    return not short and _gathers(statement) == 0


def _gathers(loop: For) -> float:
    """Return which part of the loads of a loop would have to gather; inf if a store scatters."""
    gathers = total = 0
    own = {one.buffer for one in statements_of(loop.body) if isinstance(one, Allocate)}
    for statement in statements_of(loop.body):
        if isinstance(statement, Store):
            place = offset_of(statement.buffer, statement.indices)
            if _strays(place, loop.variable):
                return inf
        for expr in expressions_of(statement):
            for load in loads_of(expr):
                if load.buffer in own:
                    continue
                total += 1
                gathers += _strays(offset_of(load.buffer, load.indices), loop.variable)
    return gathers / max(total, 1)


def _strays(offset: Expr, variable: str) -> bool:
    """Return whether the elements of neighbouring iterations are neither neighbours nor one."""
    if variable not in variables_of(offset):
        return False
    found = split_index(offset, variable)
    return found is None or found[0] not in (0, 1)
