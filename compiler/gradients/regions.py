"""Gradients of image.crop_and_resize, vision.roi_align and vision.roi_pool: parts of an image."""

from math import prod
from typing import cast

import numpy as np

from ..errors import Unsupported
from ..ir.nodes import Call, Constant, Expr, Op, Tuple
from ..ops.registry import call
from ..ops.windows import ints, permutation
from .sampling import corners, written_back
from .site import (
    Gradient,
    Rule,
    Site,
    add,
    indices,
    multiply,
    number,
    reshape,
    sum_over,
    transpose,
)

__all__ = ["RULES"]


def _samples(
    site: Site, y: Expr, x: Expr, which: Expr, given: Expr, count: int
) -> tuple[Expr, Expr, Expr]:
    """Return the gradients of the data, y and x.

    Parameters
    ----------
    y, x : Tensor[(boxes, count)], in pixels
    which : Tensor[(boxes)], the image of each box
    given : Tensor[(boxes, count, c)], gradients of the samples
    """
    layout, dtype = str(site.attrs["layout"]), site.tensor().dtype
    order = permutation(layout, "NHWC")
    batch, height, width, channels = (site.shape()[axis] for axis in order)
    boxes = site.shape(1)[0]
    images = reshape(call("cast", which, dtype="int64"), (boxes, 1))
    around = corners(y, x, images, (height, width), False, dtype)
    rows = reshape(transpose(site.args[0], order), (batch * height * width, channels))
    sizes = (batch * height * width, boxes * count, channels)
    by_rows, by_y, by_x = written_back(rows, around, given, sizes, dtype)
    image = reshape(by_rows, (batch, height, width, channels))
    return transpose(image, permutation("NHWC", layout)), by_y, by_x


def _require(site: Site, holds: bool, what: str) -> None:
    """Raise Unsupported unless a call is one that the rule covers."""
    same = site.tensor().dtype == site.tensor(1).dtype and site.is_float()
    if not holds or not same:
        raise Unsupported(
            f"the gradient of {site.name} is known with {what} and arguments of one "
            f"floating-point data type only",
            site.span,
        )


def _within(place: Expr, low: float, high: float, dtype: str) -> Expr:
    """Return 1 where a place lies in low..high, else 0."""
    above = call("greater_equal", place, number(low, dtype))
    below = call("less_equal", place, number(high, dtype))
    return call("cast", call("logical_and", above, below), dtype=dtype)


def _crop_and_resize(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Places are weighted sums of the ends of a box; beyond the image the result is constant."""
    _require(site, site.attrs["method"] == "bilinear", 'method="bilinear"')
    layout, dtype = str(site.attrs["layout"]), site.tensor().dtype
    height, width = (site.shape()[layout.index(letter)] for letter in "HW")
    rows, columns = ints(site.attrs, "crop_size")
    y_shares = np.zeros((rows, columns, 4))
    x_shares = np.zeros((rows, columns, 4))
    y_shares[..., 0::2] = _ends(height, rows)[:, None]
    x_shares[..., 1::2] = _ends(width, columns)
    y_of, x_of = (np.asarray(part, dtype).reshape(-1, 4) for part in (y_shares, x_shares))
    y, x = (call("nn.dense", site.args[1], Constant(part)) for part in (y_of, x_of))
    inside = multiply(_within(y, 0, height - 1, dtype), _within(x, 0, width - 1, dtype))
    wide = transpose(grad, permutation(layout, "NHWC"))
    if site.result != site.types[0]:
        wide = call("cast", wide, dtype=dtype)
    channels = site.shape()[layout.index("C")]
    given = reshape(wide, (site.shape(1)[0], rows * columns, channels))
    given = multiply(given, call("expand_dims", inside, axis=2))
    by_data, by_y, by_x = _samples(site, y, x, site.args[2], given, rows * columns)
    back = (
        call("nn.dense", part, Constant(of.T.copy())) for part, of in ((by_y, y_of), (by_x, x_of))
    )
    return by_data, add(*back), None


def _ends(size: int, target: int) -> np.ndarray:
    """Return how much of start and end of a box each place is, float64[target, 2]."""
    part = np.arange(target) / (target - 1) if target > 1 else np.array([0.5])
    return np.stack((1 - part, part), 1) * (size - 1)


def _roi_align(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Each result is the mean over samples in its part of a region; those outside count 0."""
    ratio = cast(int, site.attrs["sample_ratio"])
    fits = ratio > 0 and site.attrs["mode"] == "avg"
    _require(site, fits, 'sample_ratio > 0, mode="avg"')
    layout, dtype = str(site.attrs["layout"]), site.tensor().dtype
    height, width = (site.shape()[layout.index(letter)] for letter in "HW")
    rows, columns = ints(site.attrs, "pooled_size")
    boxes, channels = site.shape(1)[0], site.shape()[layout.index("C")]
    grid = (rows, ratio, columns, ratio)
    count = rows * ratio * columns * ratio
    parts = [
        np.broadcast_to((np.arange(bins * ratio) + 0.5).reshape(line) / (bins * ratio), grid)
        for bins, line in ((rows, (rows, ratio, 1, 1)), (columns, (columns, ratio)))
    ]
    y_part, x_part = (Constant(np.asarray(part, dtype).reshape(1, count)) for part in parts)
    y, in_y, slope_y, long_y = _points(site, y_part, 2, height)
    x, in_x, slope_x, long_x = _points(site, x_part, 1, width)
    wide = reshape(
        transpose(grad, permutation(layout, "NHWC")), (boxes, rows, 1, columns, 1, channels)
    )
    spread = call("broadcast_to", wide, shape=(boxes, *grid, channels))
    good = multiply(multiply(in_y, in_x), number(1 / ratio**2, dtype))
    given = multiply(reshape(spread, (boxes, count, channels)), call("expand_dims", good, axis=2))
    by_data, by_y, by_x = _samples(site, y, x, _column(site, 0, (boxes,)), given, count)
    y1, y2 = _by_ends(site, multiply(by_y, slope_y), y_part, long_y)
    x1, x2 = _by_ends(site, multiply(by_x, slope_x), x_part, long_x)
    return by_data, call("stack", Tuple((call("zeros_like", x1), x1, y1, x2, y2)), axis=1)


def _column(site: Site, place: int, shape: tuple[int, ...]) -> Expr:
    """Return one number of each region."""
    own = call("strided_slice", site.args[1], begin=(place,), end=(place + 1,), axes=(1,))
    return reshape(own, shape)


def _points(site: Site, part: Expr, place: int, limit: int) -> tuple[Expr, Expr, Expr, Expr]:
    """Return samples, which are inside, the slope of bringing them there, which length counts."""
    dtype, boxes = site.tensor().dtype, site.shape(1)[0]
    scale = number(cast(float, site.attrs["spatial_scale"]), dtype)
    start, end = (multiply(_column(site, n, (boxes, 1)), scale) for n in (place, place + 2))
    length = call("subtract", end, start)
    one = number(1, dtype)
    points = add(start, multiply(part, call("maximum", length, one)))
    fit = call("clip", points, a_min=0.0, a_max=float(limit - 1))
    moves = call("cast", call("equal", fit, points), dtype=dtype)
    long = call("cast", call("greater", length, one), dtype=dtype)
    return fit, _within(points, -1, limit, dtype), moves, long


def _by_ends(site: Site, by_points: Expr, part: Expr, long: Expr) -> tuple[Expr, Expr]:
    """Return the gradients of start and end of the regions along an axis, Tensor[(boxes)]."""
    scale = number(cast(float, site.attrs["spatial_scale"]), site.tensor().dtype)
    scaled = multiply(by_points, scale)
    by_length = sum_over(multiply(multiply(scaled, part), long), (1,))
    return call("subtract", sum_over(scaled, (1,)), by_length), by_length


def _roi_pool(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Each result is the largest element of a part, and empty parts are 0; regions are rounded.

    Which element it is, the operator says when it is asked about ranks, from 1 on, instead.
    """
    dtype, shape = site.tensor().dtype, site.shape()
    count = prod(shape)
    order = call("argsort", reshape(site.args[0], (count,)), axis=0, dtype="int64")
    ranks = call("zeros", shape=(count,), dtype="int64")
    ranks = call("scatter_elements", ranks, order, indices(np.arange(1, count + 1)), axis=0)
    asked = call("cast", reshape(ranks, shape), dtype="float64")
    found = Call(Op(site.name), (asked, site.args[1]), site.attrs)
    winner = call("cast", found, dtype="int64")
    flat = call("reshape", winner, newshape=(-1,)), call("reshape", grad, newshape=(-1,))
    whole = call("zeros", shape=(count + 1,), dtype=dtype)
    sums = call("scatter_elements", whole, *flat, axis=0, reduction="add")
    return reshape(call("take", sums, ranks, axis=0), shape), None


RULES: dict[str, Rule] = {
    "image.crop_and_resize": _crop_and_resize,
    "vision.roi_align": _roi_align,
    "vision.roi_pool": _roi_pool,
}
