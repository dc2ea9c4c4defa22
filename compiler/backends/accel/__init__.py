"""The accelerator's backend: a region of Relay becomes a program, its weights and its DRAM plan."""

from .extract import extract, find_layers
from .region import compile_region, fits

__all__ = ["compile_region", "extract", "find_layers", "fits"]
