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

__all__ = ["DEFINITIONS", "SYMBOLIC"]

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

SYMBOLIC = frozenset(
    {
        "all",
        "any",
        "cumprod",
        "cumsum",
        "einsum",
        "invert_permutation",
        "layout_transform",
        "logsumexp",
        "matrix_set_diag",
        "max",
        "mean",
        "min",
        "nn.adaptive_avg_pool3d",
        "nn.adaptive_max_pool3d",
        "nn.avg_pool1d",
        "nn.avg_pool2d",
        "nn.avg_pool3d",
        "nn.cross_entropy",
        "nn.cross_entropy_with_logits",
        "nn.dilate",
        "nn.lrn",
        "nn.matmul",
        "nn.max_pool1d",
        "nn.max_pool2d",
        "nn.max_pool3d",
        "nn.prelu",
        "one_hot",
        "prod",
        "reverse",
        "sequence_mask",
        "sliding_window",
        "sum",
        "trilu",
        "variance",
    }
)
"""Operators whose definitions take sizes that are known only when the program runs."""
