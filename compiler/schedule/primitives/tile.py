"""Two loops in tiles."""

from ..nodes import Nest
from .place import fresh
from .reorder import reorder
from .split import split

__all__ = ["tile"]


def tile(nest: Nest, outer: str, inner: str, rows: int, columns: int) -> Nest:
    """Cut two loops, one right inside the other, into tiles of rows x columns iterations.

    ::

        for i in n:
          for j in m: S(i, j)
        ->
        for i_outer in ceil(n / rows):
          for j_outer in ceil(m / columns):
            for i_inner in rows:
              for j_inner in columns: S(i_outer * rows + i_inner, j_outer * columns + j_inner)

    Raises
    ------
    InvalidSchedule
        As of `split` and `reorder`.
    """
    names = [
        fresh(nest, f"{loop}_{part}") for loop in (outer, inner) for part in ("outer", "inner")
    ]
    i_outer, i_inner, j_outer, j_inner = names
    made = split(split(nest, outer, rows), inner, columns)
    return reorder(made, i_outer, j_outer, i_inner, j_inner)
