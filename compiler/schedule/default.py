"""The schedule that a nest gets when nobody chooses one.

Outer loops become parallel as far down as nothing stands between them; the last loop whose
iterations are neighbours in memory becomes lanes.
"""

from dataclasses import replace

from .dependence import lanes_obstacle, parallel_obstacle
from .expressions import Expr
from .functions import offset_of
from .linear import split_index
from .nodes import For, Nest, Statement, Store
from .walk import expressions_of, loads_of, map_statements, statements_of, variables_of

__all__ = ["default_schedule"]


def default_schedule(nest: Nest) -> Nest:
    """Return `nest` with loops marked parallel and vector where that is legal and worth it."""
    body = map_statements(nest.body, _lanes)
    return replace(nest, body=_parallel(body))


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
    if _cost(statement) or lanes_obstacle(statement) is not None:
        return None
    return replace(statement, kind="vector")


def _cost(loop: For) -> bool:
    """Return whether some store of `loop` would have to scatter, or most loads to gather."""
    gathers = total = 0
    for statement in statements_of(loop.body):
        if isinstance(statement, Store):
            place = offset_of(statement.buffer, statement.indices)
            if _strays(place, loop.variable):
                return True
        for expr in expressions_of(statement):
            for load in loads_of(expr):
                total += 1
                gathers += _strays(offset_of(load.buffer, load.indices), loop.variable)
    return 2 * gathers > total


def _strays(offset: Expr, variable: str) -> bool:
    """Return whether the elements of neighbouring iterations are neither neighbours nor one."""
    if variable not in variables_of(offset):
        return False
    found = split_index(offset, variable)
    return found is None or found[0] not in (0, 1)
