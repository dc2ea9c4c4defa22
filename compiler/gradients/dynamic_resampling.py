"""Gradients of dyn.image.resize2d and dyn.nn.upsampling: to a size that is an argument.

As in `resampling`, but the weights are asked for as the program runs. Scales and sizes only say how
many results there are; with tf_crop_and_resize the places move with roi, the ends of a box.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from ..ir.nodes import Call, Constant, Expr, Op, Tuple
from ..ops.registry import call
from ..ops.spatial import AXES
from .resampling import along_axis, unit_vectors
from .site import Gradient, Rule, Site, add, indices, multiply, number, sum_over, transpose

__all__ = ["RULES"]


def _dynamic(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    rest: tuple[Gradient, ...] = (None,) * (len(site.args) - 1)
    if not site.is_float():
        return (None, *rest)
    layout, dtype = str(site.attrs["layout"]), site.tensor().dtype
    letters = AXES[len(layout) - 2]
    axes = [layout.index(letter) for letter in letters]
    weights = [call("cast", _weights(site, place), dtype=dtype) for place in range(len(letters))]
    given = grad if site.result_dtype == dtype else call("cast", grad, dtype=dtype)
    wide = given
    for axis, part in zip(axes, weights, strict=True):
        wide = along_axis(wide, axis, len(layout), part)
    moves = site.attrs.get("coordinate_transformation_mode") == "tf_crop_and_resize"
    if moves and site.attrs["method"] != "nearest_neighbor" and site.is_float(2):
        rest = (None, _by_roi(site, given, axes, weights))
    return (wide, *rest)


def _weights(site: Site, place: int) -> Expr:
    """Return how much of each element each result takes, Tensor[(size, ?), float64]."""
    units, source = unit_vectors(site, place)
    others = np.arange(len(source) - 2) != place
    if site.name == "dyn.image.resize2d":
        size, roi = site.args[1], site.args[2]
        sizes = call("where", Constant(others), call("ones_like", size), size)
        if site.attrs["coordinate_transformation_mode"] == "tf_crop_and_resize":
            both = Constant(np.concatenate((others, others)))
            roi = call("where", both, call("zeros_like", roi), roi)
        rest: tuple[Expr, ...] = (sizes, roi)
        attrs = {**site.attrs, "extrapolation_value": 0.0, "out_dtype": "float64"}
    else:
        scales = enumerate(site.args[1:])
        rest = tuple(call("ones_like", scale) if n != place else scale for n, scale in scales)
        attrs = dict(site.attrs)
    made = Call(Op(site.name), (Constant(units), *rest), attrs)
    return call("reshape", transpose(made, source), newshape=(units.shape[source[0]], -1))


@dataclass(frozen=True, slots=True)
class _Line:
    """Where the results lie along one axis, in float64.

    Attributes
    ----------
    size : int
        Of data.
    places : Tensor[(target)]
    starts, ends : Tensor[(target)]
        How much a place moves with the start and the end of roi.
    """

    size: int
    places: Expr
    starts: Expr
    ends: Expr


def _by_roi(site: Site, grad: Expr, axes: Sequence[int], weights: Sequence[Expr]) -> Expr:
    """Return the gradient of roi: how the image changes along each axis, times how places move."""
    rank, dtype = len(site.shape()), site.tensor().dtype
    by_ends: list[Expr] = []
    for place, axis in enumerate(axes):
        other, line = 1 - place, _line(site, place, site.shape()[axis])
        turned = transpose(weights[other], (1, 0))
        image = along_axis(site.args[0], axes[other], rank, turned)
        slopes = call("cast", _slopes(site, line), dtype=dtype)
        changed = along_axis(image, axis, rank, slopes)
        along = sum_over(multiply(grad, changed), [n for n in range(rank) if n != axis])
        wide = call("cast", along, dtype="float64")
        by_ends += [call("sum", multiply(wide, share)) for share in (line.starts, line.ends)]
    y1, y2, x1, x2 = (call("expand_dims", part, axis=0) for part in by_ends)
    whole = call("concatenate", Tuple((y1, x1, y2, x2)), axis=0)
    return call("cast", whole, dtype=site.tensor(2).dtype)


def _line(site: Site, place: int, size: int) -> _Line:
    """Return the places along an axis, as `coordinates` of compiler/ops/resampling has them."""
    last = number(size - 1, "float64")
    zero, one, half = (number(value, "float64") for value in (0, 1, 0.5))
    roi = call("cast", site.args[2], dtype="float64")
    start, end = (call("take", roi, indices(place + shift)) for shift in (0, 2))
    target = call("cast", call("take", site.args[1], indices(place)), dtype="float64")
    steps = call("arange", zero, target, one)
    single = call("equal", target, one)
    gaps = call("maximum", call("subtract", target, one), one)
    apart = multiply(multiply(steps, call("subtract", end, start)), last)
    several = add(multiply(start, last), call("divide", apart, gaps))
    middle = add(steps, multiply(multiply(half, add(start, end)), last))
    share = call("where", single, half, call("divide", steps, gaps))
    return _Line(
        size,
        call("where", single, middle, several),
        multiply(call("subtract", one, share), last),
        multiply(share, last),
    )


def _slopes(site: Site, line: _Line) -> Expr:
    """Return how the weights change with the places, Tensor[(target, size), float64]."""
    linear = site.attrs["method"] == "linear"
    # A place on the last element has the slope before it; beyond, the result is constant.
    last = float(max(line.size - 2, 0))
    low = call("clip", call("floor", line.places), a_min=0.0, a_max=last)
    taps = [add(low, number(step, "float64")) for step in ((0, 1) if linear else range(-1, 3))]
    if linear:
        slopes: list[Expr] = [number(-1, "float64"), number(1, "float64")]
    else:
        slopes = _cubic_slopes(site, line, taps)
    inside = _both_within(line.places, line.size)
    columns = Constant(np.arange(float(line.size)))
    total: Expr = number(0, "float64")
    for tap, slope in zip(taps, slopes, strict=True):
        held = call("clip", tap, a_min=0.0, a_max=float(line.size - 1))
        here = call("equal", call("expand_dims", held, axis=1), columns)
        counted = call("expand_dims", multiply(inside, slope), axis=1)
        total = add(total, multiply(call("cast", here, dtype="float64"), counted))
    return total


def _both_within(place: Expr, size: int) -> Expr:
    """Return 1.0 where a place lies in 0..size - 1, else 0.0."""
    above = call("greater_equal", place, number(0, "float64"))
    below = call("less_equal", place, number(size - 1, "float64"))
    return call("cast", call("logical_and", above, below), dtype="float64")


def _cubic_slopes(site: Site, line: _Line, taps: Sequence[Expr]) -> list[Expr]:
    """Return how the weight of each tap changes with the place, Tensor[(target)]."""
    alpha = cast(float, site.attrs["cubic_alpha"])
    near, far = (alpha + 2, -alpha - 3, 0.0, 1.0), (alpha, -5 * alpha, 8 * alpha, -4 * alpha)
    weights: list[Expr] = []
    slopes: list[Expr] = []
    for tap in taps:
        offset = call("subtract", line.places, tap)
        distance = call("abs", offset)
        close = call("less_equal", distance, number(1, "float64"))
        pairs = [
            (_polynomial(part, distance), _polynomial(_derived(part), distance))
            for part in (near, far)
        ]
        weight, bare = (call("where", close, *pair) for pair in zip(*pairs, strict=True))
        slope = multiply(bare, call("sign", offset))
        inside = _both_within(tap, line.size)
        weights.append(multiply(weight, inside))
        slopes.append(multiply(slope, inside) if site.attrs["cubic_exclude"] else slope)
    return _normalised(weights, slopes) if site.attrs["cubic_exclude"] else slopes


def _polynomial(factors: Sequence[float], x: Expr) -> Expr:
    """Return a polynomial of x, the factor of its highest power first."""
    total: Expr = number(factors[0], "float64")
    for factor in factors[1:]:
        total = add(multiply(total, x), number(factor, "float64"))
    return total


def _derived(factors: Sequence[float]) -> list[float]:
    """Return the derivative of a polynomial."""
    return [factor * (len(factors) - 1 - n) for n, factor in enumerate(factors[:-1])]


def _normalised(weights: Sequence[Expr], slopes: Sequence[Expr]) -> list[Expr]:
    """Return the slopes of weights that are divided by their sum."""
    whole, change = weights[0], slopes[0]
    for weight, slope in zip(weights[1:], slopes[1:], strict=True):
        whole, change = add(whole, weight), add(change, slope)
    parts = (
        call("subtract", slope, call("divide", multiply(weight, change), whole))
        for weight, slope in zip(weights, slopes, strict=True)
    )
    return [call("divide", part, whole) for part in parts]


RULES: dict[str, Rule] = dict.fromkeys(
    ("dyn.image.resize2d", "dyn.nn.upsampling", "dyn.nn.upsampling3d"), _dynamic
)
