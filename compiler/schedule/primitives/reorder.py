"""Loops in another order."""

from dataclasses import replace

from ..dependence import parallel_obstacle
from ..expressions import Load
from ..nodes import For, Nest, Statement
from ..walk import subexpressions, variables_of
from .place import chain, refuse, replaced

__all__ = ["reorder"]


def reorder(nest: Nest, *loops: str) -> Nest:
    """Put loops that stand right inside each other into the order given, outermost first.

    ::

        for i in n:
          for j in m: S(i, j)
        ->  reorder(nest, "j", "i")
        for j in m:
          for i in n: S(i, j)

    Loops between them that are not named stay where they are.

    Raises
    ------
    InvalidSchedule
        Something stands between the loops, an extent depends on a loop that moves, or more than
        one of the loops carries a dependence: then their order is part of the meaning.
    """
    found = chain(nest, "reorder", loops)
    what = f"loops {', '.join(loops)}"
    if len(set(loops)) != len(loops):
        raise refuse(nest, "reorder", what, "each loop must be named once")
    moved = iter(loops)
    by_name = {loop.variable: loop for loop in found}
    order = [by_name[next(moved)] if loop.variable in loops else loop for loop in found]
    names = {loop.variable for loop in found}
    for loop in found:
        if variables_of(loop.extent) & names:
            other = sorted(variables_of(loop.extent) & names)[0]
            raise refuse(
                nest, "reorder", what, f"the extent of loop {loop.variable} depends on loop {other}"
            )
        if any(isinstance(one, Load) for one in subexpressions(loop.extent)):
            raise refuse(
                nest, "reorder", what, f"the extent of loop {loop.variable} depends on data"
            )
    _require_free(nest, what, found)
    body: Statement = found[-1].body
    for loop in reversed(order):
        body = replace(loop, body=body)
        assert isinstance(body, For)
        reason = parallel_obstacle(body) if loop.kind in ("parallel", "vector") else None
        if reason is not None:
            raise refuse(nest, "reorder", what, f"loop {loop.variable} is {loop.kind}: {reason}")
    return replaced(nest, found[0], body)


def _require_free(nest: Nest, what: str, found: list[For]) -> None:
    """Raise InvalidSchedule if two loops carry dependences, each taken as the outermost one."""
    carrying: list[str] = []
    reason = ""
    for loop in found:
        body: Statement = found[-1].body
        for other in reversed(found):
            if other is not loop:
                body = replace(other, body=body)
        obstacle = parallel_obstacle(replace(loop, body=body))
        if obstacle is not None:
            carrying.append(loop.variable)
            reason = obstacle
    if len(carrying) > 1:
        raise refuse(
            nest,
            "reorder",
            what,
            f"loops {' and '.join(carrying)} must stay in their order: {reason}",
        )
