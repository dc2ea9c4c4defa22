"""Lowering: every operator becomes calls of kernels."""

from .context import Context, Finish
from .elementwise import follow
from .nest import lower_nest, needs_nest
from .tables import ANCHORS, ELEMENTWISE, OTHERS

__all__ = [
    "ANCHORS",
    "ELEMENTWISE",
    "OTHERS",
    "Context",
    "Finish",
    "follow",
    "lower_nest",
    "needs_nest",
]
