"""Gradients of image.affine_grid, image.grid_sample and nn.deformable_conv2d."""

import numpy as np

from ..ir.nodes import Constant, Expr, Tuple
from ..ops.registry import call
from ..ops.windows import permutation
from .sampling import corners, written_back
from .site import Gradient, Rule, Site, add, indices, multiply, number, reshape, transpose

__all__ = ["RULES"]


def _affine_grid(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """The grid is the matrix times points that do not depend on it."""
    batch, _, height, width = site.result_shape
    y, x = (np.linspace(-1.0, 1.0, size) if size > 1 else np.zeros(1) for size in (height, width))
    grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
    points = np.stack((grid_x.ravel(), grid_y.ravel(), np.ones(height * width)))
    flat = reshape(grad, (batch * 2, height * width))
    found = call("nn.dense", flat, Constant(points.astype(site.tensor().dtype)))
    return (reshape(found, site.shape()),)


def _pixels(site: Site, places: Expr, size: int, dtype: str) -> tuple[Expr, Expr]:
    """Return places -1..1 as pixels, as attribute padding_mode says, and the slope of that."""
    corner, mode = bool(site.attrs["align_corners"]), site.attrs["padding_mode"]
    factor, start = ((size - 1) / 2, (size - 1) / 2) if corner else (size / 2, (size - 1) / 2)
    pixels = add(multiply(places, number(factor, dtype)), number(start, dtype))
    slope: Expr = call("full_like", places, number(factor, dtype))
    if mode == "zeros":
        return pixels, slope
    if mode == "reflection":
        low, high = (0.0, size - 1.0) if corner else (-0.5, size - 0.5)
        span = high - low
        if span <= 0:
            nothing = call("zeros_like", places)
            return nothing, nothing
        turned = call("subtract", pixels, number(low, dtype))
        turned = call("floor_mod", turned, number(2 * span, dtype))
        back = call("subtract", number(2 * span, dtype), turned)
        forth = call("less_equal", turned, back)
        pixels = add(number(low, dtype), call("minimum", turned, back))
        slope = call("where", forth, slope, call("negative", slope))
    inside = call("clip", pixels, a_min=0.0, a_max=float(size - 1))
    moves = call("cast", call("equal", inside, pixels), dtype=dtype)
    return inside, multiply(slope, moves)


def _grid_sample(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    layout, dtype = str(site.attrs["layout"]), site.tensor().dtype
    order = permutation(layout, "NHWC")
    batch, height, width, channels = (site.shape()[axis] for axis in order)
    _, _, *target = site.shape(1)
    count = target[0] * target[1]
    grid = site.args[1]
    if site.tensor(1).dtype != dtype:
        grid = call("cast", grid, dtype=dtype)
    flat = reshape(grid, (batch, 2, count))
    points = (call("squeeze", _cut(flat, 1, place), axis=(1,)) for place in (0, 1))
    (x, slope_x), (y, slope_y) = (
        _pixels(site, part, size, dtype) for part, size in zip(points, (width, height), strict=True)
    )
    sharp = site.attrs["method"] == "nearest"
    if sharp:
        y, x = (call("round", part) for part in (y, x))
    around = corners(y, x, indices(np.arange(batch)[:, None]), (height, width), True, dtype)
    rows = reshape(transpose(site.args[0], order), (batch * height * width, channels))
    given = reshape(transpose(grad, order), (batch, count, channels))
    sizes = (batch * height * width, batch * count, channels)
    by_rows, by_y, by_x = written_back(rows, around, given, sizes, dtype)
    image = reshape(by_rows, (batch, height, width, channels))
    by_data = transpose(image, permutation("NHWC", layout))
    if sharp:
        return by_data, None
    both = Tuple((multiply(by_x, slope_x), multiply(by_y, slope_y)))
    by_grid = reshape(call("stack", both, axis=1), site.shape(1))
    same = site.tensor(1).dtype == dtype
    return by_data, by_grid if same else call("cast", by_grid, dtype=site.tensor(1).dtype)


def _cut(expr: Expr, axis: int, place: int) -> Expr:
    return call("strided_slice", expr, begin=(place,), end=(place + 1,), axes=(axis,))


RULES: dict[str, Rule] = {
    "image.affine_grid": _affine_grid,
    "image.grid_sample": _grid_sample,
}
