"""All definitions, by operator."""

from collections.abc import Mapping
from types import MappingProxyType

from . import (
    approximations,
    blocks,
    convolutions,
    gathering,
    images,
    order,
    rearrangement,
    reductions,
    scans,
    windows,
)
from .axes import Define

__all__ = ["DEFINITIONS"]

DEFINITIONS: Mapping[str, Define] = MappingProxyType(
    {
        **approximations.ROWS,
        **blocks.ROWS,
        **convolutions.ROWS,
        **gathering.ROWS,
        **images.ROWS,
        **order.ROWS,
        **rearrangement.ROWS,
        **reductions.ROWS,
        **scans.ROWS,
        **windows.ROWS,
    }
)
"""From an operator's name to the function that writes its nest."""
