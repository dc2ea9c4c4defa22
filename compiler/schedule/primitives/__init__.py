"""Schedules: rewrites of nests that keep what they compute, each documented before -> after.

A rewrite is a function of a nest and names of loops, blocks and buffers that returns a new nest; it
raises `InvalidSchedule`, which names nest, loop and reason, where it cannot show that the meaning
stays.
"""

from .cache import cache_read, cache_write
from .compute_at import compute_at
from .fuse import fuse
from .kinds import parallelise, unroll, vectorise
from .reorder import reorder
from .split import split
from .split_reduction import split_reduction
from .tensorise import tensorise
from .tile import tile

__all__ = [
    "cache_read",
    "cache_write",
    "compute_at",
    "fuse",
    "parallelise",
    "reorder",
    "split",
    "split_reduction",
    "tensorise",
    "tile",
    "unroll",
    "vectorise",
]
