"""All definitions, by operator."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ...ops.operator import Attributes
from . import gathering, rearrangement, scans
from .definition import Definition

__all__ = ["DEFINITIONS"]

DEFINITIONS: Mapping[str, Callable[[Definition, Attributes], None]] = MappingProxyType(
    {**gathering.ROWS, **rearrangement.ROWS, **scans.ROWS}
)
"""From an operator's name to the function that writes its nest."""
