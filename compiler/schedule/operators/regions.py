"""vision.roi_align and vision.roi_pool: regions of an image brought to one size, in float64."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast as is_

from ...ops.operator import Attributes
from ..expressions import Constant, Expr, Load
from ..functions import (
    both,
    call,
    cast,
    clamp,
    lowest,
    maximum,
    minimum,
    number,
    select,
    size_of,
)
from .axes import Define, element, fixed, ints, real, text, whole
from .convolutions import bilinear
from .definition import Definition
from .images import rounded_to_even

__all__ = ["ROWS"]


def _region(nest: Definition, attrs: Attributes, region: Expr) -> tuple[Expr, list[Expr]]:
    """Return the image of a region, and its top, left, bottom and right in pixels."""
    data, rois = nest.inputs
    images = size_of(data.shape[text(attrs, "layout").index("N")])
    scale = number(is_(float, attrs["spatial_scale"]), "float64")
    which = clamp(cast(rois[region, 0], "int64"), 0, images - 1)
    return which, [real(rois[region, side]) * scale for side in (2, 1, 4, 3)]


def _roi_align(nest: Definition, attrs: Attributes) -> None:
    """The mean or maximum of samples in each part; those outside of the image count 0."""
    (data, _), (out,) = nest.inputs, nest.outputs
    layout, mean = text(attrs, "layout"), attrs["mode"] == "avg"
    order = ["NCHW".index(letter) for letter in layout]
    sizes = [fixed(data.shape[layout.index(letter)]) for letter in "HW"]
    with nest.loops(*out.shape) as at:
        to = dict(zip(layout, at, strict=True))
        image, ends = _region(nest, attrs, to["N"])
        parts = [_samples(nest, attrs, ends, axis, to["HW"[axis]]) for axis in range(2)]
        found = nest.local("float64", 0.0 if mean else lowest("float64"))
        with nest.loops(parts[0][0], parts[1][0]) as steps:
            points, tests = [], []
            for (count, first, length), step, size in zip(parts, steps, sizes, strict=True):
                part = (cast(step, "float64") + 0.5) / cast(count, "float64")
                point = nest.local("float64", first + part * length)
                tests += [point >= -1.0, point <= float(size)]
                points.append(clamp(point, 0.0, float(size - 1)))
            value = bilinear(data, (image, to["C"]), points, order, outside=False)
            value = select(both(*tests), value, 0.0)
            nest.store(found, found + value if mean else maximum(found, value))
        total = cast(parts[0][0] * parts[1][0], "float64")
        nest.store(out[at], cast(found / total if mean else found, out.dtype))


def _samples(
    nest: Definition, attrs: Attributes, ends: list[Expr], axis: int, place: Expr
) -> tuple[Expr, Load, Load]:
    """Return how many samples a part has along an axis, where it starts and how long it is."""
    bins, ratio = ints(attrs, "pooled_size")[axis], whole(attrs, "sample_ratio")
    whole_length = maximum(ends[axis + 2] - ends[axis], 1.0)
    length = nest.local("float64", whole_length / float(bins))
    start = nest.local("float64", ends[axis] + cast(place, "float64") * length)
    if ratio > 0:
        return Constant(ratio, "int64"), start, length
    counted = cast(call("ceil", whole_length / float(bins)), "int64")
    return nest.local("int64", counted), start, length


def _roi_pool(nest: Definition, attrs: Attributes) -> None:
    """The largest element of each part of a rounded region; of an empty part 0."""
    (data, _), (out,) = nest.inputs, nest.outputs
    layout = text(attrs, "layout")
    with nest.loops(*out.shape) as at:
        to = dict(zip(layout, at, strict=True))
        image, places = _region(nest, attrs, to["N"])
        ends = [nest.local("int64", cast(rounded_to_even(place), "int64")) for place in places]
        cuts: list[tuple[Load, Load]] = []
        for axis, letter in enumerate("HW"):
            bins, limit = (
                ints(attrs, "pooled_size")[axis],
                size_of(data.shape[layout.index(letter)]),
            )
            start = ends[axis]
            length = maximum(ends[axis + 2] - start + 1, 1)
            first = start + to[letter] * length // bins
            last = start + ((to[letter] + 1) * length + bins - 1) // bins
            low = nest.local("int64", clamp(first, 0, limit))
            cuts.append((low, nest.local("int64", clamp(last, 0, limit) - low)))
        (top, rows), (left, columns) = cuts
        best = nest.local(data.dtype, lowest(data.dtype))
        with nest.loops(rows, columns) as (row, column):
            inner = {"N": image, "C": to["C"], "H": top + row, "W": left + column}
            held = [
                clamp(inner[letter], 0, size_of(size) - 1)
                for letter, size in zip(layout, data.shape, strict=True)
            ]
            nest.store(best, maximum(best, data[tuple(held)]))
        empty = minimum(rows, columns) < 1
        nest.store(out[at], select(empty, element(0, out.dtype), best))


ROWS: Mapping[str, Define] = MappingProxyType(
    {"vision.roi_align": _roi_align, "vision.roi_pool": _roi_pool}
)
