"""Passes: pure functions from a module to a module of the same meaning, one a file."""

from .convert_layout import convert_layout
from .eliminate_common import eliminate_common
from .eliminate_dead import eliminate_dead
from .fold_constants import fold_constants
from .simplify import simplify

__all__ = [
    "convert_layout",
    "eliminate_common",
    "eliminate_dead",
    "fold_constants",
    "simplify",
]
