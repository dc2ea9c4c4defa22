"""vision.roi_align and vision.roi_pool: regions of interest brought to one size."""

import math
from typing import cast

import numpy as np

from ..ir.types import TensorType, Type
from .images import bilinear
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import require_equal, require_float, require_rank
from .spatial import check_layout, from_channels_last, sizes_of, to_channels_last, with_sizes
from .windows import ints

__all__ = ["ROWS"]


def _region_type(attrs: Attributes, data: TensorType, rois: TensorType) -> Type:
    layout, size = str(attrs["layout"]), ints(attrs, "pooled_size")
    check_layout("layout", layout, "NCHW")
    require_float(data)
    require_float(rois, "rois")
    require_rank("rois", rois, 2)
    require_equal("axis 1 of rois", rois.shape[1], 5, "batch, x1, y1, x2, y2", "check it")
    if not 0 < cast(float, attrs["spatial_scale"]) < math.inf:
        raise Mismatch(f"spatial_scale must be > 0, not {attrs['spatial_scale']}", "correct it")
    if min(size) < 1 or 0 in sizes_of(data, layout, "HW"):
        raise Mismatch(f"pooled_size must be >= 1 and data not empty, not {list(size)}", "check")
    return TensorType(with_sizes(data, layout, "NHW", (rois.shape[0], *size)), data.dtype)


def _batch(rois: Array, count: int) -> Array:
    """Return the batch of each region."""
    which = rois[:, 0].astype(np.int64)
    if which.size and not 0 <= which.min() <= which.max() < count:
        raise Mismatch(f"rois[:, 0] must be in 0..{count - 1}", "it names the image of the batch")
    return which


def _roi_align(attrs: Attributes, data: Array, rois: Array) -> Array:
    layout, size = str(attrs["layout"]), ints(attrs, "pooled_size")
    image = to_channels_last(data, layout, "HW").astype(np.float64)
    scale, ratio = cast(float, attrs["spatial_scale"]), cast(int, attrs["sample_ratio"])
    result = np.zeros((len(rois), *size, image.shape[-1]))
    for number, which in enumerate(_batch(rois, len(image))):
        x1, y1, x2, y2 = (float(place) * scale for place in rois[number, 1:])
        places: list[Array] = []
        for start, end, bins, limit in (
            (y1, y2, size[0], image.shape[1]),
            (x1, x2, size[1], image.shape[2]),
        ):
            length = max(end - start, 1.0)
            samples = ratio if ratio > 0 else math.ceil(length / bins)
            steps = (np.arange(samples) + 0.5) / samples
            points = start + (np.arange(bins)[:, None] + steps) * length / bins
            inside = (points >= -1) & (points <= limit)
            places.append(np.where(inside, np.clip(points, 0, limit - 1), np.nan))
        y, x = places[0][:, :, None, None], places[1][None, None]
        grid_y, grid_x = np.broadcast_arrays(y, x)
        good = ~(np.isnan(grid_y) | np.isnan(grid_x))
        found = bilinear(image[which], np.nan_to_num(grid_y), np.nan_to_num(grid_x))
        found = found * good[..., None]
        result[number] = (
            found.mean(axis=(1, 3)) if attrs["mode"] == "avg" else found.max(axis=(1, 3))
        )
    return from_channels_last(result, layout, "HW").astype(data.dtype)


def _roi_pool(attrs: Attributes, data: Array, rois: Array) -> Array:
    layout, size = str(attrs["layout"]), ints(attrs, "pooled_size")
    image = to_channels_last(data, layout, "HW")
    scale = cast(float, attrs["spatial_scale"])
    result = np.zeros((len(rois), *size, image.shape[-1]), data.dtype)
    for number, which in enumerate(_batch(rois, len(image))):
        x1, y1, x2, y2 = (round(float(place) * scale) for place in rois[number, 1:])
        cuts: list[list[slice]] = []
        for start, end, bins, limit in (
            (y1, y2, size[0], image.shape[1]),
            (x1, x2, size[1], image.shape[2]),
        ):
            length = max(end - start + 1, 1)
            edges = [
                (start + math.floor(b * length / bins), start + math.ceil((b + 1) * length / bins))
                for b in range(bins)
            ]
            cuts.append([slice(*(min(max(e, 0), limit) for e in pair)) for pair in edges])
        for row, column in np.ndindex(*size):
            part = image[which][cuts[0][row], cuts[1][column]]
            if part.shape[0] and part.shape[1]:
                result[number, row, column] = part.max(axis=(0, 1))
    return from_channels_last(result, layout, "HW")


_REGION = {
    "pooled_size": Attribute("pair", required=True),
    "spatial_scale": Attribute("float", required=True),
    "layout": Attribute("str", "NCHW"),
}

ROWS = (
    Operator(
        "vision.roi_align",
        ("data", "rois"),
        from_tensors(_region_type),
        _roi_align,
        Kind.OPAQUE,
        {
            **_REGION,
            "sample_ratio": Attribute("int", -1),
            "mode": Attribute("str", "avg", choices=("avg", "max")),
        },
    ),
    Operator(
        "vision.roi_pool",
        ("data", "rois"),
        from_tensors(_region_type),
        _roi_pool,
        Kind.OPAQUE,
        _REGION,
    ),
)
