"""Operators on images at places that data names: crops, grids, dilation."""

from typing import cast

import numpy as np

from ..ir.types import TensorType, Type
from .convolution import CONV2D_ATTRIBUTES
from .elementwise import cast as cast_array
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .resampling import coordinates, nearest
from .shapes import known, require_equal, require_float, require_integer, require_rank, same_dtype
from .spatial import (
    check_layout,
    from_channels_last,
    image_windows,
    sizes_of,
    to_channels_last,
    window_counts,
    with_sizes,
)
from .windows import ints

__all__ = ["ROWS", "bilinear"]


def bilinear(image: Array, y: Array, x: Array, outside: bool = False) -> Array:
    """Return an image between its pixels, float64[places, c].

    Parameters
    ----------
    image : [h, w, c]
    y, x : float64[places]
    outside : bool
        Whether a pixel outside the image is 0; otherwise it is the nearest one inside.
    """
    height, width = image.shape[:2]
    low_y, low_x = np.floor(y), np.floor(x)
    total = np.zeros((*y.shape, image.shape[2]))
    for step_y in (0, 1):
        for step_x in (0, 1):
            row, column = low_y + step_y, low_x + step_x
            weight = np.abs(1 - step_y - (y - low_y)) * np.abs(1 - step_x - (x - low_x))
            if outside:
                inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                weight = weight * inside
            rows = np.clip(row, 0, height - 1).astype(np.int64)
            columns = np.clip(column, 0, width - 1).astype(np.int64)
            total += weight[..., None] * image[rows, columns]
    return total


def _crop_type(
    attrs: Attributes, data: TensorType, boxes: TensorType, box_indices: TensorType
) -> Type:
    layout, size = str(attrs["layout"]), ints(attrs, "crop_size")
    check_layout("layout", layout, "NCHW")
    height, width = sizes_of(data, layout, "HW")
    if len(size) != 2 or min(size) < 1 or 0 in (height, width):
        raise Mismatch(f"crop_size must be 2 numbers >= 1, not {list(size)}", "height and width")
    require_float(boxes, "boxes")
    require_rank("boxes", boxes, 2)
    require_equal("axis 1 of boxes", boxes.shape[1], 4, "y1, x1, y2, x2", "check it")
    require_integer(box_indices, "box_indices")
    require_rank("box_indices", box_indices, 1)
    require_equal(
        "the length of box_indices", box_indices.shape[0], boxes.shape[0], "boxes", "check it"
    )
    shape = with_sizes(data, layout, "NHW", (boxes.shape[0], *size))
    return TensorType(shape, str(attrs["out_dtype"]) or data.dtype)


def _crop_and_resize(attrs: Attributes, data: Array, boxes: Array, box_indices: Array) -> Array:
    layout, size = str(attrs["layout"]), ints(attrs, "crop_size")
    image = to_channels_last(data, layout, "HW")
    if box_indices.size and not 0 <= box_indices.min() <= box_indices.max() < len(image):
        raise Mismatch(f"box_indices must be in 0..{len(image) - 1}", "check them")
    result = np.empty((len(boxes), *size, image.shape[-1]))
    for number, (box, which) in enumerate(zip(boxes.astype(np.float64), box_indices, strict=True)):
        y, x = (
            coordinates(image.shape[1 + a], size[a], "tf_crop_and_resize", (box[a], box[a + 2]))
            for a in range(2)
        )
        grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
        if attrs["method"] == "bilinear":
            found = bilinear(image[which].astype(np.float64), grid_y, grid_x)
        else:
            rows = np.clip(nearest(grid_y, "round"), 0, image.shape[1] - 1).astype(np.int64)
            columns = np.clip(nearest(grid_x, "round"), 0, image.shape[2] - 1).astype(np.int64)
            found = image[which][rows, columns].astype(np.float64)
        bad = (grid_y < 0) | (grid_y > image.shape[1] - 1)
        bad |= (grid_x < 0) | (grid_x > image.shape[2] - 1)
        found[bad] = cast(float, attrs["extrapolation_value"])
        result[number] = found
    dtype = str(attrs["out_dtype"]) or str(data.dtype)
    return cast_array(from_channels_last(result, layout, "HW"), dtype)


def _affine_type(attrs: Attributes, data: TensorType) -> Type:
    target = ints(attrs, "target_shape")
    require_float(data)
    require_rank("data", data, 3)
    if len(target) != 2 or min(target) < 1:
        raise Mismatch(f"target_shape must be height and width, not {list(target)}", "correct it")
    require_equal("axis 1 of data", data.shape[1], 2, "rows of the matrix", "check it")
    require_equal("axis 2 of data", data.shape[2], 3, "columns of the matrix", "check it")
    return TensorType((data.shape[0], 2, *target), data.dtype)


def _affine_grid(attrs: Attributes, data: Array) -> Array:
    height, width = ints(attrs, "target_shape")
    y, x = (np.linspace(-1.0, 1.0, size) if size > 1 else np.zeros(1) for size in (height, width))
    grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
    points = np.stack((grid_x.ravel(), grid_y.ravel(), np.ones(height * width)))
    result = data.astype(np.float64) @ points
    return result.reshape(len(data), 2, height, width).astype(data.dtype)


def _grid_type(attrs: Attributes, data: TensorType, grid: TensorType) -> Type:
    layout = str(attrs["layout"])
    check_layout("layout", layout, "NCHW")
    require_float(data)
    require_float(grid, "grid")
    batch, height, width = sizes_of(data, layout, "NHW")
    if 0 in (height, width):
        raise Mismatch(f"data must not be empty, but is {data}", "check it")
    require_rank("grid", grid, 4)
    require_equal("axis 0 of grid", grid.shape[0], batch, "the batch of data", "check it")
    require_equal("axis 1 of grid", grid.shape[1], 2, "x, then y", "transpose the grid")
    return TensorType(with_sizes(data, layout, "HW", grid.shape[2:]), data.dtype)


def _grid_places(attrs: Attributes, places: Array, size: int) -> Array:
    """Return coordinates -1..1 as pixels 0..size - 1, brought inside as padding_mode says."""
    corners = bool(attrs["align_corners"])
    pixels = (places + 1) * (size - 1) / 2 if corners else ((places + 1) * size - 1) / 2
    if attrs["padding_mode"] == "border":
        return np.clip(pixels, 0, size - 1)
    if attrs["padding_mode"] == "reflection":
        low, high = (0.0, size - 1.0) if corners else (-0.5, size - 0.5)
        span = high - low
        if span <= 0:
            return np.zeros_like(pixels)
        turned = np.mod(pixels - low, 2 * span)
        return np.clip(low + np.minimum(turned, 2 * span - turned), 0, size - 1)
    return pixels


def _grid_sample(attrs: Attributes, data: Array, grid: Array) -> Array:
    layout = str(attrs["layout"])
    image = to_channels_last(data, layout, "HW").astype(np.float64)
    result = np.empty((*grid.shape[:1], *grid.shape[2:], image.shape[-1]))
    for number, points in enumerate(grid.astype(np.float64)):
        x, y = (_grid_places(attrs, points[a], image.shape[2 - a]) for a in range(2))
        if attrs["method"] == "bilinear":
            result[number] = bilinear(image[number], y, x, outside=True)
        else:
            row, column = np.rint(y), np.rint(x)
            inside = (row >= 0) & (row < image.shape[1]) & (column >= 0)
            inside &= column < image.shape[2]
            rows, columns = (np.where(inside, p, 0).astype(np.int64) for p in (row, column))
            result[number] = image[number][rows, columns] * inside[..., None]
    return from_channels_last(result, layout, "HW").astype(data.dtype)


def _dilation_type(attrs: Attributes, data: TensorType, weight: TensorType) -> Type:
    layout, source = str(attrs["data_layout"]), str(attrs["kernel_layout"])
    check_layout("data_layout", layout, "NCHW")
    check_layout("kernel_layout", source, "IHW")
    dtype = same_dtype(("data", "weight"), data, weight)
    if dtype == "bool":
        raise Mismatch("data must be numbers, not bool", 'cast both: cast(..., "int8")')
    require_rank("weight", weight, 3)
    height, width, channels = sizes_of(data, layout, "HWC")
    inputs = weight.shape[source.index("I")]
    require_equal("axis I of weight", inputs, channels, "the channels of data", "check it")
    window = tuple(
        known(weight.shape[source.index(letter)], f"axis {letter} of weight") for letter in "HW"
    )
    counts = window_counts((height, width), window, _as_window(attrs))
    shape = with_sizes(data, layout, "HW", counts)
    return TensorType(shape, str(attrs["out_dtype"]) or dtype)


def _as_window(attrs: Attributes) -> Attributes:
    """Return the attributes with the name that other windows use for dilation."""
    return {**attrs, "dilation": attrs["dilations"]}


def _dilation2d(attrs: Attributes, data: Array, weight: Array) -> Array:
    layout, source = str(attrs["data_layout"]), str(attrs["kernel_layout"])
    kernel = weight.transpose([source.index(letter) for letter in "HWI"])
    lowest = -np.inf if data.dtype.kind == "f" else np.iinfo(data.dtype).min // 2
    image = to_channels_last(data, layout, "HW")
    windows = image_windows(image, kernel.shape[:2], _as_window(attrs), lowest)
    result = from_channels_last((windows + kernel).max(axis=(3, 4)), layout, "HW")
    return result.astype(str(attrs["out_dtype"]) or data.dtype)


ROWS = (
    Operator(
        "image.crop_and_resize",
        ("data", "boxes", "box_indices"),
        from_tensors(_crop_type),
        _crop_and_resize,
        Kind.INJECTIVE,
        {
            "crop_size": Attribute("ints", required=True),
            "layout": Attribute("str", "NCHW"),
            "method": Attribute("str", "bilinear", choices=("bilinear", "nearest_neighbor")),
            "extrapolation_value": Attribute("float", 0.0),
            "out_dtype": Attribute("dtype", ""),
        },
    ),
    Operator(
        "image.affine_grid",
        ("data",),
        from_tensors(_affine_type),
        _affine_grid,
        Kind.INJECTIVE,
        {"target_shape": Attribute("ints", required=True)},
    ),
    Operator(
        "image.grid_sample",
        ("data", "grid"),
        from_tensors(_grid_type),
        _grid_sample,
        Kind.INJECTIVE,
        {
            "method": Attribute("str", "bilinear", choices=("bilinear", "nearest")),
            "layout": Attribute("str", "NCHW"),
            "padding_mode": Attribute("str", "zeros", choices=("zeros", "border", "reflection")),
            "align_corners": Attribute("bool", True),
        },
    ),
    Operator(
        "image.dilation2d",
        ("data", "weight"),
        from_tensors(_dilation_type),
        _dilation2d,
        Kind.ANCHOR,
        {
            "strides": CONV2D_ATTRIBUTES["strides"],
            "padding": CONV2D_ATTRIBUTES["padding"],
            "dilations": CONV2D_ATTRIBUTES["dilation"],
            "data_layout": Attribute("str", "NCHW"),
            "kernel_layout": Attribute("str", "IHW"),
            "out_dtype": Attribute("dtype", ""),
        },
    ),
)
