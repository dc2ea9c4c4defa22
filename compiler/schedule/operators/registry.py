"""All definitions, by operator."""

from collections.abc import Mapping
from types import MappingProxyType

from . import (
    approximations,
    blocks,
    convolutions,
    gathering,
    order,
    rearrangement,
    reductions,
    scans,
)
from .axes import Define

__all__ = ["DEFINITIONS"]

DEFINITIONS: Mapping[str, Define] = MappingProxyType(
    {
        **approximations.ROWS,
        **blocks.ROWS,
        **convolutions.ROWS,
        **gathering.ROWS,
        **order.ROWS,
        **rearrangement.ROWS,
        **reductions.ROWS,
        **scans.ROWS,
    }
)
"""From an operator's name to the function that writes its nest."""
