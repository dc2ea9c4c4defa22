"""Two loops as one."""

from dataclasses import replace

from ..dependence import parallel_obstacle
from ..expressions import Load, Variable
from ..nodes import For, Nest
from ..walk import subexpressions, variables_of
from .place import chain, fresh, kept, refuse, replaced
from .split import put_in

__all__ = ["fuse"]


def fuse(nest: Nest, outer: str, inner: str) -> Nest:
    """Make one loop of two, one of which stands right inside the other.

    ::

        for i in n:
          for j in m: S(i, j)
        ->
        for i_j in n * m: S(i_j // m, i_j % m)

    Raises
    ------
    InvalidSchedule
        Something stands between the loops, or m depends on i or on data.
    """
    loops = chain(nest, "fuse", (outer, inner))
    what = f"loops {outer} and {inner}"
    if len(loops) != 2 or loops[0].variable != outer:
        raise refuse(nest, "fuse", what, f"loop {inner} must stand right inside loop {outer}")
    first, second = loops
    depends = first.variable in variables_of(second.extent)
    if depends or any(isinstance(one, Load) for one in subexpressions(second.extent)):
        raise refuse(
            nest, "fuse", what, f"the extent of {inner} must be the same for every {outer}"
        )
    name = fresh(nest, f"{outer}_{inner}")
    index = Variable(name)
    body = put_in(second.body, {outer: index // second.extent, inner: index % second.extent})
    made = For(name, first.extent * second.extent, "serial", body)
    if first.kind == second.kind and parallel_obstacle(made) is None:
        made = replace(made, kind=first.kind)
    return kept(nest, "fuse", what, replaced(nest, first, made))
