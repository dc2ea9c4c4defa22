"""Operators that move blocks of pixels into channels or the batch and back, and split axes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

from ...ops.operator import Attributes
from ...ops.rearrangement import layouts_of
from ..expressions import Constant, Expr
from ..functions import clamp, inside, select, size_of
from .axes import Define, element, flat_index, ints, text, unfolded, whole
from .definition import Definition

__all__ = ["ROWS"]


def _layout_transform(nest: Definition, attrs: Attributes) -> None:
    """An axis is counted by its capital, and within a part by the small letter."""
    (data,), (out,) = nest.inputs, nest.outputs
    source, target = layouts_of(attrs, len(data.shape))
    with nest.loops(*out.shape) as at:
        places = dict(zip((letter for letter, _ in target), at, strict=True))
        parts = {letter.upper(): factor for letter, factor in target if factor}
        index = {
            letter: places[letter] * parts.get(letter, 1)
            + places.get(letter.lower(), Constant(0, "int64"))
            for letter in places
            if letter.isupper()
        }
        split = {letter.upper(): factor for letter, factor in source if factor}
        found: list[Expr] = []
        for letter, factor in source:
            place = index[letter.upper()]
            found.append(place % factor if factor else place // split.get(letter, 1))
        nest.store(out[at], data[tuple(found)])


def _in_layout(layout: str, places: Mapping[str, Expr]) -> tuple[Expr, ...]:
    """Return the indices of an element of an image."""
    return tuple(places[letter] for letter in layout)


def _depth_to_space(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    layout, block = text(attrs, "layout"), whole(attrs, "block_size")
    channels = size_of(out.shape[layout.index("C")])
    with nest.loops(*out.shape) as at:
        place = dict(zip(layout, at, strict=True))
        inner = place["H"] % block * block + place["W"] % block
        if attrs["mode"] == "DCR":
            place["C"] = inner * channels + place["C"]
        else:
            place["C"] = place["C"] * (block * block) + inner
        place |= {letter: place[letter] // block for letter in "HW"}
        nest.store(out[at], data[_in_layout(layout, place)])


def _space_to_depth(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    layout, block = text(attrs, "layout"), whole(attrs, "block_size")
    channels = size_of(data.shape[layout.index("C")])
    with nest.loops(*out.shape) as at:
        place = dict(zip(layout, at, strict=True))
        inner = place["C"] // channels
        place["C"] = place["C"] % channels
        place["H"] = place["H"] * block + inner // block
        place["W"] = place["W"] * block + inner % block
        nest.store(out[at], data[_in_layout(layout, place)])


def _pairs(attrs: Attributes, name: str) -> tuple[tuple[int, int], ...]:
    return cast(tuple[tuple[int, int], ...], attrs[name])


def _space_to_batch(nest: Definition, attrs: Attributes) -> None:
    """The batch counts places in a block first, then images."""
    (data,), (out,) = nest.inputs, nest.outputs
    block, pads = ints(attrs, "block_shape"), _pairs(attrs, "paddings")
    fill = element(attrs["pad_value"], data.dtype)
    with nest.loops(*out.shape) as at:
        images = size_of(data.shape[0])
        inner = unfolded(at[0] // images, block)
        moved = [
            at[1 + axis] * step + inner[axis] - pads[axis][0] for axis, step in enumerate(block)
        ]
        rest = at[1 + len(block) :]
        nest.store(out[at], inside(data, (at[0] % images, *moved, *rest), fill))


def _batch_to_space(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    block, crops = ints(attrs, "block_shape"), _pairs(attrs, "crops")
    with nest.loops(*out.shape) as at:
        full = [at[1 + axis] + crops[axis][0] for axis in range(len(block))]
        inner = [index % step for index, step in zip(full, block, strict=True)]
        outer = [index // step for index, step in zip(full, block, strict=True)]
        batch = flat_index((*inner, at[0]), (*block, out.shape[0]))
        nest.store(out[at], data[(batch, *outer, *at[1 + len(block) :])])


def _mirror_pad(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    pads, edge = _pairs(attrs, "pad_width"), attrs["mode"] == "SYMMETRIC"
    with nest.loops(*out.shape) as at:
        places: list[Expr] = []
        for index, (before, _), size in zip(at, pads, data.shape, strict=True):
            place, count = index - before, size_of(size)
            turned = select(place < 0, -place - int(edge), place)
            past = count * 2 - turned - (1 if edge else 2)
            places.append(clamp(select(turned < count, turned, past), 0, count - 1))
        nest.store(out[at], data[tuple(places)])


def _yolo_reorg(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    stride = whole(attrs, "stride")
    _, channels, height, width = data.shape
    # Read as lines of fewer channels [c / s^2, h, s, w, s], written as [s, s, c / s^2, h, w].
    large = (channels // stride**2, height, stride, width, stride)
    order = (2, 4, 0, 1, 3)
    with nest.loops(*out.shape) as at:
        place = flat_index(at[1:], out.shape[1:])
        taken = dict(zip(order, unfolded(place, [large[axis] for axis in order]), strict=True))
        flat = flat_index([taken[axis] for axis in range(5)], large)
        nest.store(out[at], data[(at[0], *unfolded(flat, data.shape[1:]))])


def _sliding_window(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    rank = len(data.shape)
    axis, strides = whole(attrs, "axis") % rank, ints(attrs, "strides")
    count = rank - axis
    with nest.loops(*out.shape) as at:
        starts, taps = at[axis : axis + count], at[axis + count :]
        moved = [start * step + tap for start, step, tap in zip(starts, strides, taps, strict=True)]
        nest.store(out[at], data[(*at[:axis], *moved)])


def _dilate(nest: Definition, attrs: Attributes) -> None:
    """Fill, then write each element to its place."""
    (data,), (out,) = nest.inputs, nest.outputs
    strides, fill = ints(attrs, "strides"), element(attrs["dilation_value"], data.dtype)
    with nest.loops(*out.shape) as at:
        nest.store(out[at], fill)
    with nest.loops(*data.shape) as at:
        places = tuple(index * step for index, step in zip(at, strides, strict=True))
        nest.store(out[places], data[at])


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        "layout_transform": _layout_transform,
        "nn.batch_to_space_nd": _batch_to_space,
        "nn.depth_to_space": _depth_to_space,
        "nn.dilate": _dilate,
        "nn.mirror_pad": _mirror_pad,
        "nn.space_to_batch_nd": _space_to_batch,
        "nn.space_to_depth": _space_to_depth,
        "sliding_window": _sliding_window,
        "vision.yolo_reorg": _yolo_reorg,
    }
)
