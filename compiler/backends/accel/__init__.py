"""The accelerator's backend: a region of Relay becomes a program, its weights and its DRAM plan."""

from .extract import extract, find_layers, layer_name
from .region import CycleModel, compile_region, require_fit

__all__ = ["CycleModel", "compile_region", "extract", "find_layers", "layer_name", "require_fit"]
