"""Gradients of pooling."""

from functools import reduce
from typing import cast

import numpy as np

from ..ir.nodes import Constant, Expr
from ..ops.pooling import window_sums
from ..ops.registry import call
from ..ops.windows import permutation
from .convolution import transposed_convolution, widened, widened_type
from .site import Gradient, Rule, Site, add, multiply, number, sum_over, transpose

__all__ = ["RULES"]


def _sizes(site: Site, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape in the order NCHW."""
    layout = str(site.attrs["layout"])
    return tuple(shape[layout.index(letter)] for letter in "NCHW")


def _avg_pool2d(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Each element gets its part of every window it is in: a convolution of ones, transposed."""
    layout, dtype = str(site.attrs["layout"]), site.tensor().dtype
    shape, result = _sizes(site, site.shape()), _sizes(site, site.result_shape)
    one = np.zeros(
        tuple(1 if letter in "NC" else site.shape()[layout.index(letter)] for letter in layout)
    )
    counts = window_sums(site.attrs, one)[1]
    part = call("divide", grad, Constant(np.asarray(counts, dtype)))
    taps = cast(tuple[int, int], site.attrs["pool_size"])
    ones = Constant(np.ones((shape[1], 1, *taps), dtype))
    attrs = {**site.attrs, "groups": shape[1], **_ceiled(site, shape, result)}
    first = transpose(part, permutation(layout, "NCHW"))
    found = transposed_convolution(first, ones, shape, (shape[1], 1, *taps), result, attrs, dtype)
    return (transpose(found, permutation("NCHW", layout)),)


def _ceiled(
    site: Site, shape: tuple[int, ...], result: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """Return the padding that the windows reach over, which may be more than was asked for."""
    top, left, *_ = cast(tuple[int, ...], site.attrs["padding"])
    low = (top, left)
    high = tuple(
        max(0, _covered(site, result, axis) - shape[axis + 2] - low[axis]) for axis in (0, 1)
    )
    return {"padding": (*low, *high)}


def _covered(site: Site, result: tuple[int, ...], axis: int) -> int:
    """Return how many padded rows or columns all windows together cover."""
    names = ("pool_size", "strides", "dilation")
    taps, stride, dilation = (cast(tuple[int, int], site.attrs[name])[axis] for name in names)
    return (result[axis + 2] - 1) * stride + (taps - 1) * dilation + 1


def _max_pool2d(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Each window's gradient goes to its largest element, the first one of equal ones."""
    layout, dtype = str(site.attrs["layout"]), site.tensor().dtype
    shape, result = _sizes(site, site.shape()), _sizes(site, site.result_shape)
    padding = _ceiled(site, shape, result)["padding"]
    order = permutation(layout, "NCHW")
    image, best, first = (transpose(expr, order) for expr in (site.args[0], site.output, grad))
    widths = ((0, 0), (0, 0), padding[0::2], padding[1::2])
    lowest = number(-np.inf, dtype)
    padded = call("nn.pad", image, lowest, pad_width=widths) if any(padding) else image
    size = tuple(shape[axis] + sum(widths[axis]) for axis in (2, 3))
    taken: Expr = call("zeros", shape=result, dtype="bool")
    parts: list[Expr] = []
    taps = cast(tuple[int, int], site.attrs["pool_size"])
    for tap in np.ndindex(*taps):
        hit = call("equal", _tap(site, padded, tap, result), best)
        chosen = call("where", taken, _false(), hit)
        part = call("where", chosen, first, number(0, dtype))
        parts.append(_untap(site, part, tap, result, size, dtype))
        taken = call("where", taken, _true(), hit)
    total = reduce(add, parts)
    begin = padding[:2]
    end = tuple(low + extent for low, extent in zip(begin, shape[2:], strict=True))
    inner = call("strided_slice", total, begin=begin, end=end, axes=(2, 3))
    return (transpose(inner, permutation("NCHW", layout)),)


def _true() -> Constant:
    return Constant(np.asarray(True))


def _false() -> Constant:
    return Constant(np.asarray(False))


def _tap(site: Site, padded: Expr, tap: tuple[int, ...], result: tuple[int, ...]) -> Expr:
    """Return the element that every window has at one place."""
    begin, end, strides = _range(site, tap, result)
    return call("strided_slice", padded, begin=begin, end=end, strides=strides, axes=(2, 3))


def _range(
    site: Site, tap: tuple[int, ...], result: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return begin, end and step of one place of all windows."""
    strides = cast(tuple[int, int], site.attrs["strides"])
    dilation = cast(tuple[int, int], site.attrs["dilation"])
    begin = tuple(place * step for place, step in zip(tap, dilation, strict=True))
    end = tuple(
        first + (count - 1) * stride + 1
        for first, count, stride in zip(begin, result[2:], strides, strict=True)
    )
    return begin, end, strides


def _untap(
    site: Site,
    part: Expr,
    tap: tuple[int, ...],
    result: tuple[int, ...],
    size: tuple[int, ...],
    dtype: str,
) -> Expr:
    """Return zeros of the padded size with `part` where its elements come from."""
    unit = np.ones((result[1], 1, 1, 1))
    begin, _, strides = _range(site, tap, result)
    attrs = {
        "groups": result[1],
        "strides": strides,
        "dilation": (1, 1),
        "padding": (-begin[0], -begin[1], 0, 0),
    }
    kernel = Constant(np.asarray(unit, dtype))
    shape = (*result[:2], *size)
    return transposed_convolution(part, kernel, shape, (result[1], 1, 1, 1), result, attrs, dtype)


def _global_avg_pool2d(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    _, _, height, width = _sizes(site, site.shape())
    part = multiply(grad, site.constant(1 / (height * width)))
    return (call("broadcast_to", part, shape=site.shape()),)


def _global_max_pool2d(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    layout, dtype = str(site.attrs["layout"]), site.tensor().dtype
    axes = (layout.index("H"), layout.index("W"))
    best = call("cast", call("equal", site.args[0], site.output), dtype=dtype)
    return (multiply(best, call("divide", grad, sum_over(best, axes, keepdims=True))),)


def _of_rows(rule: Rule) -> Rule:
    """Return the rule of one-dimensional pooling: the row is an image of one line."""

    def row_rule(site: Site, grad: Expr) -> tuple[Gradient, ...]:
        layout = str(site.attrs["layout"])
        place = layout.index("W")
        low, high = cast(tuple[int, int], site.attrs["padding"])
        wide = {name: (1, *cast(tuple[int, ...], site.attrs[name])) for name in _PER_AXIS}
        attrs = {
            **site.attrs,
            **wide,
            "padding": (0, low, 0, high),
            "layout": layout.replace("W", "HW"),
        }
        image = Site(
            site.name,
            attrs,
            (widened(site.args[0], place),),
            (widened_type(site.types[0], place),),
            widened(site.output, place),
            widened_type(site.result, place),
            site.span,
        )
        (found,) = rule(image, widened(grad, place))
        return (call("squeeze", cast(Expr, found), axis=(place,)),)

    return row_rule


def _adaptive_avg_pool2d(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Each result is a mean over some rows and columns: a product with two matrices."""
    layout, dtype = str(site.attrs["layout"]), site.tensor().dtype
    rank = len(layout)
    for letter in "HW":
        axis = layout.index(letter)
        before, after = site.shape()[axis], site.result_shape[axis]
        shares = np.zeros((before, after))
        for place in range(after):
            first, last = place * before // after, -(-(place + 1) * before // after)
            shares[first:last, place] = 1 / (last - first)
        swap = [rank - 1 if n == axis else axis if n == rank - 1 else n for n in range(rank)]
        spread = call("nn.dense", transpose(grad, swap), Constant(np.asarray(shares, dtype)))
        grad = transpose(spread, swap)
    return (grad,)


_PER_AXIS = ("pool_size", "strides", "dilation")

RULES: dict[str, Rule] = {
    "nn.avg_pool2d": _avg_pool2d,
    "nn.max_pool2d": _max_pool2d,
    "nn.avg_pool1d": _of_rows(_avg_pool2d),
    "nn.max_pool1d": _of_rows(_max_pool2d),
    "nn.adaptive_avg_pool2d": _adaptive_avg_pool2d,
    "nn.global_avg_pool2d": _global_avg_pool2d,
    "nn.global_max_pool2d": _global_max_pool2d,
}
