"""Pools over any axes, adaptive pools, the gradients of 2-D pools, and image.dilation2d.

Means are made in float64, or truncated from int64; a maximum of not-a-number is not a number.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from ...ops.operator import Attributes
from ...ops.spatial import AXES
from ..expressions import Buffer, Constant, Expr, apply
from ..functions import (
    both,
    cast,
    clamp,
    either,
    inside,
    lowest,
    maximum,
    negate,
    select,
    size_of,
    unequal,
)
from .axes import Define, element, fixed, guarded, held, indices_of, ints, real, text, widened
from .definition import Definition

__all__ = ["ROWS"]


def _taps(
    attrs: Attributes, letters: str, to: Mapping[str, Expr], taps: Sequence[Expr]
) -> dict[str, Expr]:
    """Return where the taps of the window of a result lie, by axis."""
    strides, dilation = ints(attrs, "strides"), ints(attrs, "dilation")
    padding = ints(attrs, "padding")
    return {
        letter: to[letter] * strides[axis] + taps[axis] * dilation[axis] - padding[axis]
        for axis, letter in enumerate(letters)
    }


def _counts(attrs: Attributes, data: Buffer, letters: str, places: Mapping[str, Expr]) -> Expr:
    """Return whether a tap is counted by a mean: padding only if the call says so."""
    padding, layout = ints(attrs, "padding"), text(attrs, "layout")
    count, tests = len(letters), []
    for axis, letter in enumerate(letters):
        size = size_of(data.shape[layout.index(letter)])
        before, after = padding[axis], padding[axis + count]
        if not attrs["count_include_pad"]:
            before, after = 0, 0
        tests += [places[letter] >= -before, places[letter] < size + after]
    return both(*tests)


def _mean(total: Expr, count: Expr, dtype: str) -> Expr:
    """Return total / count, truncated for integers."""
    return cast(total / cast(count, total.dtype), dtype)


def _pool(count: int, average: bool) -> Define:
    """Return the definition of a pool over `count` axes."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data,), (out,) = nest.inputs, nest.outputs
        letters, layout = AXES[count], text(attrs, "layout")
        wide = "float64" if data.dtype.startswith("float") else "int64"
        first: Expr = element(0, wide) if average else lowest(data.dtype)
        with nest.loops(*out.shape) as at:
            to = dict(zip(layout, at, strict=True))
            found, number = nest.local(first.dtype, first), nest.local("int64", 0)
            with nest.loops(*ints(attrs, "pool_size")) as taps:
                place = to | _taps(attrs, letters, to, taps)
                if average:
                    nest.store(found, found + widened(inside(data, indices_of(layout, place))))
                    counted = _counts(attrs, data, letters, place)
                    nest.store(number, number + cast(counted, "int64"))
                else:
                    value = inside(data, indices_of(layout, place), lowest(data.dtype))
                    nest.store(found, maximum(found, value))
            nest.store(out[at], _mean(found, number, out.dtype) if average else found)

    return define


def _adaptive(count: int, average: bool) -> Define:
    """Return the definition of a pool whose windows share the axis evenly."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data,), (out,) = nest.inputs, nest.outputs
        letters, layout = AXES[count], text(attrs, "layout")
        wide = "float64" if data.dtype.startswith("float") else "int64"
        with nest.loops(*out.shape) as at:
            to = dict(zip(layout, at, strict=True))
            starts: list[Expr] = []
            lengths: list[Expr] = []
            for letter in letters:
                size = size_of(data.shape[layout.index(letter)])
                parts = size_of(out.shape[layout.index(letter)])
                start = to[letter] * size // parts
                starts.append(start)
                lengths.append(((to[letter] + 1) * size + parts - 1) // parts - start)
            first: Expr = element(0, wide) if average else lowest(data.dtype)
            found = nest.local(first.dtype, first)
            with nest.loops(*lengths) as taps:
                moved = {
                    letter: clamp(start + tap, 0, size_of(data.shape[layout.index(letter)]) - 1)
                    for letter, start, tap in zip(letters, starts, taps, strict=True)
                }
                value = held(data, indices_of(layout, to | moved))
                joined = found + widened(value) if average else maximum(found, value)
                nest.store(found, joined)
            number: Expr = Constant(1, "int64")
            for length in lengths:
                number = number * length
            nest.store(out[at], _mean(found, number, out.dtype) if average else found)

    return define


def _pool_gradient(average: bool) -> Define:
    """Return the definition of a 2-D pool's gradient: each window gives back what it took."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data, grad), (out,) = nest.inputs, nest.outputs
        layout = text(attrs, "layout")
        total = nest.scratch("float64", *data.shape)
        with nest.loops(*data.shape) as at:
            nest.store(total[at], 0.0)
        with nest.loops(*grad.shape) as at:
            give = _give_mean if average else _give_best
            give(nest, attrs, total, dict(zip(layout, at, strict=True)))
        with nest.loops(*out.shape) as at:
            nest.store(out[at], cast(total[at], out.dtype))

    return define


def _give_mean(nest: Definition, attrs: Attributes, total: Buffer, to: Mapping[str, Expr]) -> None:
    """Add a window's gradient to all elements that it counts."""
    data, grad = nest.inputs
    layout, window = text(attrs, "layout"), ints(attrs, "pool_size")
    plain = {**attrs, "count_include_pad": False}
    number = nest.local("int64", window[0] * window[1] if attrs["count_include_pad"] else 0)
    if not attrs["count_include_pad"]:
        with nest.loops(*window) as taps:
            place = _taps(attrs, "HW", to, taps)
            nest.store(number, number + cast(_counts(plain, data, "HW", place), "int64"))
    share = real(grad[indices_of(layout, to)]) / cast(maximum(number, 1), "float64")
    with nest.loops(*window) as taps:
        fits, held = guarded(indices_of(layout, {**to, **_taps(attrs, "HW", to, taps)}), data.shape)
        with nest.when(fits):
            nest.store(total[held], total[held] + share)


def _give_best(nest: Definition, attrs: Attributes, total: Buffer, to: Mapping[str, Expr]) -> None:
    """Add a window's gradient to its first largest element; padding takes what is its own."""
    data, grad = nest.inputs
    layout, window = text(attrs, "layout"), ints(attrs, "pool_size")
    best = nest.local(data.dtype, lowest(data.dtype))
    where, index = nest.local("int64", 0), nest.local("int64", 0)
    with nest.loops(*window) as taps:
        place = indices_of(layout, {**to, **_taps(attrs, "HW", to, taps)})
        value = nest.local(data.dtype, inside(data, place, lowest(data.dtype)))
        better = value > best
        if data.dtype.startswith("float"):
            better = both(either(better, unequal(value, value)), negate(unequal(best, best)))
        taken = nest.local("bool", either(better, index < 1))
        nest.store(best, select(taken, value, best))
        nest.store(where, select(taken, index, where))
        nest.store(index, index + 1)
    taps_of_best = (where // window[1], where % window[1])
    place = indices_of(layout, {**to, **_taps(attrs, "HW", to, taps_of_best)})
    fits, held = guarded(place, data.shape)
    with nest.when(fits):
        nest.store(total[held], total[held] + real(grad[indices_of(layout, to)]))


def _dilation2d(nest: Definition, attrs: Attributes) -> None:
    (data, weight), (out,) = nest.inputs, nest.outputs
    layout, source = text(attrs, "data_layout"), text(attrs, "kernel_layout")
    window = [fixed(weight.shape[source.index(letter)]) for letter in "HW"]
    floating = data.dtype.startswith("float")
    low = -np.inf if floating else np.iinfo(data.dtype).min // 2
    named = {**attrs, "dilation": attrs["dilations"]}
    with nest.loops(*out.shape) as at:
        to = dict(zip(layout, at, strict=True))
        best = nest.local(data.dtype, lowest(data.dtype))
        with nest.loops(*window) as taps:
            place = indices_of(layout, to | _taps(named, "HW", to, taps))
            kernel = weight[indices_of(source, {"H": taps[0], "W": taps[1], "I": to["C"]})]
            value = inside(data, place, element(low, data.dtype))
            nest.store(best, maximum(best, apply("add", value, kernel)))
        nest.store(out[at], cast(best, out.dtype))


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        "image.dilation2d": _dilation2d,
        **{f"nn.avg_pool{count}d": _pool(count, True) for count in AXES},
        **{f"nn.max_pool{count}d": _pool(count, False) for count in AXES},
        **{f"nn.adaptive_avg_pool{count}d": _adaptive(count, True) for count in AXES},
        **{f"nn.adaptive_max_pool{count}d": _adaptive(count, False) for count in AXES},
        "nn.avg_pool2d_grad": _pool_gradient(True),
        "nn.max_pool2d_grad": _pool_gradient(False),
    }
)
