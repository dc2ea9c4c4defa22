"""How a loop is run: at once on threads, in the lanes of vectors, or written out."""

from dataclasses import replace

from ..dependence import lanes_obstacle, parallel_obstacle
from ..expressions import Constant
from ..nodes import Nest
from .place import loop_of, refuse, replaced

__all__ = ["parallelise", "unroll", "vectorise"]

_MOST_COPIES = 64
"""A longer loop written out makes code that takes long to compile and leaves the cache."""


def parallelise(nest: Nest, loop: str) -> Nest:
    """Let the iterations of a loop run on any threads: ``for i -> parallel for i``.

    Raises
    ------
    InvalidSchedule
        Iterations may touch each other's elements.
    """
    found = loop_of(nest, "parallelise", loop)
    reason = parallel_obstacle(found)
    if reason is not None:
        raise refuse(nest, "parallelise", f"loop {loop}", reason)
    return replaced(nest, found, replace(found, kind="parallel"))


def vectorise(nest: Nest, loop: str) -> Nest:
    """Let neighbouring iterations of a loop be lanes of vectors: ``for i -> vector for i``.

    Raises
    ------
    InvalidSchedule
        Iterations may touch each other's elements, or are of different lengths.
    """
    found = loop_of(nest, "vectorise", loop)
    reason = lanes_obstacle(found)
    if reason is not None:
        raise refuse(nest, "vectorise", f"loop {loop}", reason)
    return replaced(nest, found, replace(found, kind="vector"))


def unroll(nest: Nest, loop: str) -> Nest:
    """Write a loop out: ``for i in 3: S(i) -> S(0); S(1); S(2)``, when code is made of it.

    Raises
    ------
    InvalidSchedule
        Its extent is not known, or too large.
    """
    found = loop_of(nest, "unroll", loop)
    extent = found.extent
    if not isinstance(extent, Constant) or extent.value > _MOST_COPIES:
        size = extent.value if isinstance(extent, Constant) else "unknown"
        raise refuse(
            nest,
            "unroll",
            f"loop {loop}",
            f"the extent must be known and at most {_MOST_COPIES}, not {size}: split it before",
        )
    return replaced(nest, found, replace(found, kind="unrolled"))
