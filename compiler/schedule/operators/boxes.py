"""vision.*: anchors, boxes and their suppression. What a result does not use is -1."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import cast as is_

import numpy as np

from ...ir.dims import Dim
from ...ops import lookup
from ...ops.operator import Attributes
from ..expressions import Buffer, Constant, Expr, Load
from ..functions import (
    both,
    call,
    cast,
    clamp,
    either,
    equal,
    maximum,
    minimum,
    negate,
    number,
    select,
    size_of,
)
from .axes import Define, element, fixed, guarded, whole, widened
from .definition import Definition
from .order import fill_order

__all__ = ["ROWS"]


def _fill(nest: Definition, buffer: Buffer, value: float = -1) -> None:
    with nest.loops(*buffer.shape) as at:
        nest.store(buffer[at], element(value, buffer.dtype))


def _multibox_prior(nest: Definition, attrs: Attributes) -> None:
    """The anchors follow from the size of the image alone."""
    (data,), (out,) = nest.inputs, nest.outputs
    image = np.zeros([fixed(size) for size in data.shape], data.dtype)
    anchors = nest.table(lookup("vision.multibox_prior").meaning(attrs, image), out.dtype)
    with nest.loops(*out.shape) as at:
        nest.store(out[at], anchors[at])


def _transform_loc(nest: Definition, attrs: Attributes) -> None:
    """Anchors whose best class is likely enough, moved, one after the other."""
    (scores, moves), (out, valid) = nest.inputs[:2], nest.outputs
    classes, count = scores.shape[1:]
    variances = is_(tuple[float, ...], attrs["variances"])
    _fill(nest, out)
    with nest.loop(out.shape[0]) as batch:
        total = nest.local("int64", 0)
        with nest.loop(count if fixed(classes) > 1 else 0) as place:
            best, label = (
                nest.local(scores.dtype, scores[batch, _row(1, classes), place]),
                nest.local("int64", 0),
            )
            with nest.loop(fixed(classes) - 1) as other:
                score = scores[batch, other + 1, place]
                nest.store(label, select(score > best, other, label))
                nest.store(best, maximum(best, score))
            least = number(is_(float, attrs["threshold"]), scores.dtype)
            with nest.when(best >= least):
                box = _moved(
                    nest, attrs, [moves[batch, place * 4 + n] for n in range(4)], place, variances
                )
                row = clamp(total, 0, size_of(count) - 1)
                values = [cast(label, "float64"), widened(best), *box]
                for number_, value in enumerate(values):
                    nest.store(out[batch, row, number_], cast(value, out.dtype))
                nest.store(total, total + 1)
        nest.store(valid[batch], cast(total, valid.dtype))


def _row(index: int, size: Dim) -> Expr:
    """Return an index, at most the last."""
    return Constant(min(index, fixed(size) - 1), "int64")


def _moved(
    nest: Definition, attrs: Attributes, move: Sequence[Load], place: Expr, scale: Sequence[float]
) -> list[Expr]:
    """Return left, top, right and bottom of an anchor that is moved."""
    anchor = nest.inputs[2]
    zero = Constant(0, "int64")
    ends = [widened(anchor[zero, place, side]) for side in range(4)]
    low: list[Expr] = []
    high: list[Expr] = []
    for axis in range(2):
        length = ends[axis + 2] - ends[axis]
        middle = (ends[axis] + ends[axis + 2]) / 2.0
        moved = widened(move[axis]) * scale[axis] * length + middle
        half = call("exp", widened(move[axis + 2]) * scale[axis + 2]) * length / 2.0
        low.append(nest.local("float64", moved - half))
        high.append(nest.local("float64", moved + half))
    box = [*low, *high]
    return [clamp(edge, 0.0, 1.0) for edge in box] if attrs["clip"] else box


def _valid_counts(nest: Definition, attrs: Attributes) -> None:
    (data, threshold), (counts, boxes, indices) = nest.inputs, nest.outputs
    batch, count, entries = data.shape
    _fill(nest, boxes)
    _fill(nest, indices)
    with nest.loop(batch) as image:
        total = nest.local("int64", 0)
        with nest.loop(count) as place:
            tests = [
                widened(data[image, place, whole(attrs, "score_index")]) > widened(threshold[()])
            ]
            if whole(attrs, "id_index") >= 0:
                tests.append(data[image, place, whole(attrs, "id_index")] >= 0.0)
            with nest.when(both(*tests)):
                row = clamp(total, 0, size_of(count) - 1)
                with nest.loop(entries) as entry:
                    nest.store(boxes[image, row, entry], data[image, place, entry])
                nest.store(indices[image, row], cast(place, indices.dtype))
                nest.store(total, total + 1)
        nest.store(counts[image], cast(total, counts.dtype))


def _overlap(one: Sequence[Expr], two: Sequence[Expr]) -> Expr:
    """Return intersection over union of two boxes, float64."""
    shared: Expr = number(1.0, "float64")
    areas: list[Expr] = [number(1.0, "float64")] * 2
    for axis in range(2):
        ends = [(box[axis], box[axis + 2]) for box in (one, two)]
        low = maximum(minimum(*ends[0]), minimum(*ends[1]))
        high = minimum(maximum(*ends[0]), maximum(*ends[1]))
        shared = shared * maximum(high - low, 0.0)
        areas = [area * call("abs", b - a) for area, (a, b) in zip(areas, ends, strict=True)]
    union = areas[0] + areas[1] - shared
    some = union > 0.0
    return select(some, shared / select(some, union, 1.0), 0.0)


def _non_max_suppression(nest: Definition, attrs: Attributes) -> None:
    data, valid_count = nest.inputs[:2]
    size = fixed(data.shape[1])
    for out in nest.outputs:
        _fill(nest, out, 0 if attrs["return_indices"] and out is nest.outputs[1] else -1)
    if not size:
        return
    with nest.loop(data.shape[0]) as image:
        given = cast(valid_count[image], "int64")
        count = nest.local("int64", clamp(select(given < 0, given + size, given), 0, size))
        places, alive = nest.scratch("int64", size), nest.scratch("bool", size)

        def score(place: Expr) -> Expr:
            return data[image, clamp(place, 0, size - 1), whole(attrs, "score_index")]

        fill_order(nest, count, places, score, up=False)
        top = whole(attrs, "top_k")
        some = nest.local("int64", minimum(count, top) if top > 0 else count)
        id_index = whole(attrs, "id_index")
        with nest.loop(some) as index:
            held = clamp(index, 0, size - 1)
            place = clamp(places[held], 0, size - 1)
            lives = data[image, place, id_index] >= 0.0 if id_index >= 0 else Constant(True, "bool")
            nest.store(alive[held], lives)
        _suppress(nest, attrs, (places, alive), image, some)


def _suppress(
    nest: Definition, attrs: Attributes, buffers: tuple[Buffer, Buffer], image: Expr, some: Load
) -> None:
    """Keep, from the best on, what no kept box overlaps, and write it."""
    data, _, _, limit, threshold = nest.inputs
    places, alive = buffers
    size, start = fixed(data.shape[1]), whole(attrs, "coord_start")
    id_index = whole(attrs, "id_index")
    most = cast(limit[()], "int64")
    total = nest.local("int64", 0)

    def box(place: Expr) -> list[Expr]:
        return [widened(data[image, place, start + side]) for side in range(4)]

    with nest.loop(some) as index:
        held = clamp(index, 0, size - 1)
        place = nest.local("int64", clamp(places[held], 0, size - 1))
        here = clamp(place, 0, size - 1)
        room = either(most < 0, total < most)
        with nest.when(both(alive[held], room)):
            _keep(nest, attrs, (image, held, here), total)
            nest.store(total, total + 1)
            with nest.loop(some) as other:
                second = clamp(other, 0, size - 1)
                there = clamp(places[second], 0, size - 1)
                hit = _overlap(box(here), box(there)) >= widened(threshold[()])
                if id_index >= 0 and not attrs["force_suppress"]:
                    same = equal(data[image, there, id_index], data[image, here, id_index])
                    hit = both(hit, same)
                nest.store(alive[second], both(alive[second], negate(hit)))
    if attrs["return_indices"]:
        counts = nest.outputs[1]
        nest.store(counts[image, 0], cast(total, counts.dtype))


def _keep(nest: Definition, attrs: Attributes, where: tuple[Expr, Expr, Expr], total: Load) -> None:
    """Write a box that is kept, or its index."""
    data, _, indices = nest.inputs[:3]
    image, index, place = where
    row = clamp(total, 0, fixed(data.shape[1]) - 1)
    if attrs["return_indices"]:
        out = nest.outputs[0]
        nest.store(out[image, row], cast(indices[image, place], out.dtype))
        return
    (out,) = nest.outputs
    target = row if attrs["invalid_to_bottom"] else index
    with nest.loop(data.shape[2]) as entry:
        nest.store(out[image, target, entry], data[image, place, entry])


def _all_class(nest: Definition, attrs: Attributes) -> None:
    """Rows of batch, class and box, best first in each class; then how many."""
    boxes, scores, limit, iou, least = nest.inputs
    out, found = nest.outputs
    batch, classes, count = scores.shape
    size = fixed(count)
    _fill(nest, out)
    rows = nest.local("int64", 0)
    most = cast(limit[()], "int64")
    with nest.loops(batch if size else 0, classes) as (image, label):
        places, alive = nest.scratch("int64", size), nest.scratch("bool", size)

        def score(place: Expr) -> Expr:
            return scores[image, label, clamp(place, 0, size - 1)]

        def box(place: Expr) -> list[Expr]:
            return [widened(boxes[image, place, side]) for side in range(4)]

        fill_order(nest, Constant(size, "int64"), places, score, up=False)
        with nest.loop(size) as index:
            likely = widened(score(places[index])) > widened(least[()])
            nest.store(alive[index], likely)
        total = nest.local("int64", 0)
        with nest.loop(size) as index:
            here = clamp(places[index], 0, size - 1)
            room = either(most < 0, total < most)
            with nest.when(both(alive[index], room)):
                _, (row,) = guarded((rows,), out.shape[:1])
                for column, value in enumerate((image, label, here)):
                    nest.store(out[row, column], value)
                nest.store(rows, rows + 1)
                nest.store(total, total + 1)
                with nest.loop(size) as other:
                    there = clamp(places[other], 0, size - 1)
                    hit = _overlap(box(here), box(there)) > widened(iou[()])
                    nest.store(alive[other], both(alive[other], negate(hit)))
    nest.store(found[0], rows)


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        "vision.all_class_non_max_suppression": _all_class,
        "vision.get_valid_counts": _valid_counts,
        "vision.multibox_prior": _multibox_prior,
        "vision.multibox_transform_loc": _transform_loc,
        "vision.non_max_suppression": _non_max_suppression,
    }
)
