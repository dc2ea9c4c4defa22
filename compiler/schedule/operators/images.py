"""Images of another size, crops, samples at places that data names: float64, rounded once."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast as is_

import numpy as np

from ...ops.operator import Attributes
from ...ops.resampling import coordinates, resize_of_upsampling, weights_along
from ...ops.spatial import AXES
from ..expressions import Buffer, Expr, Load
from ..functions import both, call, cast, clamp, either, inside, minimum, number, select, size_of
from .axes import Define, element, fixed, ints, real, replaced, text
from .convolutions import bilinear
from .definition import Definition

__all__ = ["ROWS", "rounded_to_even"]

# What float64 holds, so that a copy gives what the weighted sum of one element does.
_EXACT = ("float16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32")


def _resize(count: int, upsampling: bool = False) -> Define:
    """Return the definition of a resize over `count` axes.

    Along each axis a result is a weighted sum of few elements; which and how much, tables say. The
    axes are done one after the other, so that the sums are those of the operator's meaning.
    """

    def define(nest: Definition, attrs: Attributes) -> None:
        data, out = nest.inputs[0], nest.outputs[0]
        layout, letters = text(attrs, "layout"), AXES[count]
        full = resize_of_upsampling(attrs) if upsampling else attrs
        crops = full["coordinate_transformation_mode"] == "tf_crop_and_resize"
        if full["method"] == "nearest_neighbor" and not crops and data.dtype == out.dtype in _EXACT:
            _nearest_along(nest, full, layout)
            return
        source = data
        for place, letter in enumerate(letters):
            axis = layout.index(letter)
            shape = (*source.shape[:axis], out.shape[axis], *source.shape[axis + 1 :])
            made = nest.scratch("float64", *shape)
            roi = is_(tuple[float, ...] | None, full["roi"])
            ends = (roi[place], roi[place + count]) if roi else (0.0, 1.0)
            _along_axis(nest, full, (source, made), axis, ends)
            source = made
        with nest.loops(*out.shape) as at:
            value: Expr = source[at]
            if crops:
                value = _cropped(nest, full, value, at)
            if not out.dtype.startswith("float"):
                value = call("round", value)
            nest.store(out[at], cast(value, out.dtype))

    return define


def _nearest_along(nest: Definition, attrs: Attributes, layout: str) -> None:
    """Copy the nearest elements."""
    data, out = nest.inputs[0], nest.outputs[0]
    places: dict[int, Buffer] = {}
    for letter in AXES[len(layout) - 2]:
        axis = layout.index(letter)
        size, target = fixed(data.shape[axis]), fixed(out.shape[axis])
        weights = weights_along(size, target, attrs, (0.0, 1.0))
        places[axis] = nest.table(weights.argmax(axis=1), "int64")
    with nest.loops(*out.shape) as at:
        named = [
            clamp(places[axis][index], 0, size_of(data.shape[axis]) - 1)
            if axis in places
            else index
            for axis, index in enumerate(at)
        ]
        nest.store(out[at], data[tuple(named)])


def _along_axis(
    nest: Definition,
    attrs: Attributes,
    buffers: tuple[Buffer, Buffer],
    axis: int,
    ends: tuple[float, float],
) -> None:
    """Write the sums along one axis."""
    source, made = buffers
    size, target = fixed(source.shape[axis]), fixed(made.shape[axis])
    weights = weights_along(size, target, attrs, ends)
    taps = max(1, int((weights != 0).sum(axis=1).max(initial=0)))
    # The heaviest elements of each row, in rising order; those that count nothing stay in range.
    columns = np.sort(np.argsort(weights == 0, axis=1, kind="stable")[:, :taps], axis=1)
    places = nest.table(columns, "int64")
    factors = nest.table(np.take_along_axis(weights, columns, 1), "float64")
    with nest.loops(*made.shape) as at:
        total: Expr = element(0.0, "float64")
        for tap in range(taps):
            index = clamp(places[at[axis], tap], 0, size - 1)
            total = total + factors[at[axis], tap] * real(source[replaced(at, axis, index)])
        nest.store(made[at], total)


def _cropped(nest: Definition, attrs: Attributes, value: Expr, at: tuple[Expr, ...]) -> Expr:
    """Return a result, or the extrapolation value where its place is beyond the image."""
    data, out, layout = nest.inputs[0], nest.outputs[0], text(attrs, "layout")
    letters = AXES[len(layout) - 2]
    roi = is_(tuple[float, ...], attrs["roi"])
    fill = number(is_(float, attrs["extrapolation_value"]), "float64")
    for place, letter in enumerate(letters):
        axis = layout.index(letter)
        size, target = fixed(data.shape[axis]), fixed(out.shape[axis])
        ends = roi[place], roi[place + len(letters)]
        where = coordinates(size, target, "tf_crop_and_resize", ends)
        outside = nest.table((where < 0) | (where > size - 1), "bool")
        value = select(outside[at[axis]], fill, value)
    return value


def _crop_place(size: int, target: int, start: Expr, end: Expr, step: Expr) -> Expr:
    """Return where a result of a crop lies, as `coordinates` has it."""
    wide, last = cast(step, "float64"), float(size - 1)
    if target == 1:
        return wide + (start + end) * 0.5 * last
    return start * last + wide * (end - start) * last / float(target - 1)


def _crop_and_resize(nest: Definition, attrs: Attributes) -> None:
    (data, boxes, which), (out,) = nest.inputs, nest.outputs
    layout, target = text(attrs, "layout"), ints(attrs, "crop_size")
    sizes = [fixed(data.shape[layout.index(letter)]) for letter in "HW"]
    order = ["NCHW".index(letter) for letter in layout]
    fill = number(is_(float, attrs["extrapolation_value"]), "float64")
    with nest.loops(*out.shape) as at:
        to = dict(zip(layout, at, strict=True))
        box = [real(boxes[to["N"], side]) for side in range(4)]
        places = [
            nest.local(
                "float64",
                _crop_place(sizes[a], target[a], box[a], box[a + 2], to["HW"[a]]),
            )
            for a in range(2)
        ]
        images = size_of(data.shape[layout.index("N")])
        image = clamp(cast(which[to["N"]], "int64"), 0, images - 1)
        if attrs["method"] == "bilinear":
            value = bilinear(data, (image, to["C"]), places, order, outside=False)
        else:
            value = _nearest(data, (image, to["C"]), places, order, lambda x: call("round", x))
        beyond = [
            test
            for place, size in zip(places, sizes, strict=True)
            for test in (place < 0.0, place > float(size - 1))
        ]
        value = select(either(*beyond), fill, value)
        nest.store(out[at], cast(value, out.dtype))


def _nearest(
    image: Buffer,
    lead: tuple[Expr, Expr],
    places: list[Load],
    order: list[int],
    rounded: Callable[[Expr], Expr],
) -> Expr:
    """Return the nearest pixel inside of an image, float64."""
    sizes = [size_of(image.shape[order.index(axis)]) for axis in (2, 3)]
    near = [
        clamp(cast(rounded(place), "int64"), 0, size - 1)
        for place, size in zip(places, sizes, strict=True)
    ]
    named = (*lead, *near)
    return real(image[tuple(named[axis] for axis in order)])


def rounded_to_even(x: Expr) -> Expr:
    """Return the nearest whole number, of two the even one."""
    low = call("floor", x)
    part = x - low
    odd = low - call("floor", low * 0.5) * 2.0
    up = either(part > 0.5, both(part >= 0.5, odd > 0.5))
    return low + select(up, number(1.0, "float64"), 0.0)


def _affine_grid(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    lines = [
        nest.table(np.linspace(-1.0, 1.0, size) if size > 1 else np.zeros(1), "float64")
        for size in ints(attrs, "target_shape")
    ]
    with nest.loops(*out.shape) as (n, k, row, column):
        x, y, one = (real(data[n, k, place]) for place in range(3))
        nest.store(
            out[n, k, row, column],
            cast(x * lines[1][column] + y * lines[0][row] + one, out.dtype),
        )


def _grid_place(attrs: Attributes, place: Expr, size: int) -> Expr:
    """Return a coordinate -1..1 as a pixel, brought inside as padding_mode says."""
    corners, mode = bool(attrs["align_corners"]), attrs["padding_mode"]
    moved = place + 1.0
    pixel = moved * float(size - 1) / 2.0 if corners else (moved * float(size) - 1.0) / 2.0
    if mode == "border":
        return clamp(pixel, 0.0, float(size - 1))
    if mode == "zeros":
        return pixel
    low, high = (0.0, size - 1.0) if corners else (-0.5, size - 0.5)
    span = high - low
    if span <= 0:
        return number(0.0, "float64")
    offset = pixel - low
    turns = call("floor", offset / (2 * span))
    turned = offset - turns * (2 * span)
    return clamp(minimum(turned, 2 * span - turned) + low, 0.0, float(size - 1))


def _grid_sample(nest: Definition, attrs: Attributes) -> None:
    (data, grid), (out,) = nest.inputs, nest.outputs
    layout = text(attrs, "layout")
    sizes = [fixed(data.shape[layout.index(letter)]) for letter in "HW"]
    order = ["NCHW".index(letter) for letter in layout]
    with nest.loops(*out.shape) as at:
        to = dict(zip(layout, at, strict=True))
        places = [
            nest.local(
                "float64",
                _grid_place(attrs, real(grid[to["N"], 1 - a, to["H"], to["W"]]), sizes[a]),
            )
            for a in range(2)
        ]
        if attrs["method"] == "bilinear":
            value = bilinear(data, (to["N"], to["C"]), places, order, outside=True)
        else:
            near = [cast(rounded_to_even(place), "int64") for place in places]
            named = (to["N"], to["C"], *near)
            value = real(inside(data, tuple(named[axis] for axis in order)))
        nest.store(out[at], cast(value, out.dtype))


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        "image.affine_grid": _affine_grid,
        "image.crop_and_resize": _crop_and_resize,
        "image.grid_sample": _grid_sample,
        **{f"image.resize{count}d": _resize(count) for count in AXES},
        "nn.upsampling": _resize(2, upsampling=True),
        "nn.upsampling3d": _resize(3, upsampling=True),
    }
)
