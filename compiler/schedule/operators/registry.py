"""All definitions, by operator."""

from collections.abc import Mapping
from types import MappingProxyType

from . import (
    approximations,
    blocks,
    boxes,
    convolutions,
    drawing,
    gathering,
    images,
    order,
    plain,
    quantized,
    rearrangement,
    reductions,
    regions,
    scans,
    windows,
)
from .axes import Define

__all__ = ["DEFINITIONS"]

DEFINITIONS: Mapping[str, Define] = MappingProxyType(
    {
        **approximations.ROWS,
        **blocks.ROWS,
        **boxes.ROWS,
        **convolutions.ROWS,
        **drawing.ROWS,
        **gathering.ROWS,
        **images.ROWS,
        **order.ROWS,
        **plain.ROWS,
        **quantized.ROWS,
        **rearrangement.ROWS,
        **reductions.ROWS,
        **regions.ROWS,
        **scans.ROWS,
        **windows.ROWS,
    }
)
"""From an operator's name to the function that writes its nest."""
