"""Gradients of vision.* that decode boxes, choose some of them and move them.

Which boxes are chosen, and where they are put, jumps and has no slope, as in a sort; the numbers of
those that are chosen are copies, or smooth functions, of the arguments.
"""

from typing import cast

import numpy as np

from ..ir.nodes import Call, Constant, Expr, Op, Tuple, TupleGetItem
from ..ops.registry import call
from .site import Gradient, Rule, Site, add, multiply, number, reshape, sum_over

__all__ = ["RULES"]


def _moved_back(site: Site, grad: Expr, asked: Expr) -> Expr:
    """Return the gradient of boxes that an operator copied.

    Parameters
    ----------
    grad : Tensor[(batch, boxes, entries)]
    asked : Tensor[(batch, boxes, entries + 1), float64]
        What the operator does with `_marked` boxes.
    """
    batch, boxes, entries = shape = site.shape()
    mark = call("strided_slice", asked, begin=(entries,), end=(entries + 1,), axes=(2,))
    # Unused rows are marked -1, and go to a row 0 that is dropped.
    source = call("cast", call("maximum", mark, number(0, "float64")), dtype="int64")
    whole = call("zeros", shape=(batch, boxes + 1, entries), dtype=site.tensor().dtype)
    spread = call("broadcast_to", source, shape=shape)
    summed = call("scatter_elements", whole, spread, grad, axis=1, reduction="add")
    return call("strided_slice", summed, begin=(1,), end=(boxes + 1,), axes=(1,))


def _marked(site: Site) -> Expr:
    """Return boxes with one entry more, the number of the row from 1 on.

    In float64, which holds all numbers of rows, and compares as the data type of the boxes does.
    """
    batch, boxes, _ = site.shape()
    numbers = np.broadcast_to(np.arange(1.0, boxes + 1)[:, None], (batch, boxes, 1)).copy()
    wide = call("cast", site.args[0], dtype="float64")
    return call("concatenate", Tuple((wide, Constant(numbers))), axis=2)


def _suppression(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """The boxes that are kept are copies; of return_indices=True the result is integers."""
    asked = Call(Op(site.name), (_marked(site), *site.args[1:]), site.attrs)
    return (_moved_back(site, grad, asked), *(None,) * 4)


def _valid_counts(site: Site, grads: tuple[Gradient, ...]) -> tuple[Gradient, ...]:
    """The boxes that are valid are copies; how many, and which, are integers."""
    asked = Call(Op(site.name), (_marked(site), site.args[1]), site.attrs)
    return _moved_back(site, cast(Expr, grads[1]), TupleGetItem(asked, 1)), None


def _transform_loc(site: Site, grads: tuple[Gradient, ...]) -> tuple[Gradient, ...]:
    """A row is class, score and box of an anchor; the class has no gradient."""
    batch, classes, count = site.shape()
    if classes < 2 or 0 in (batch, count):
        return (None, None, None)
    dtype = site.tensor().dtype
    scores = call("strided_slice", site.args[0], begin=(1,), end=(classes,), axes=(1,))
    best = call("argmax", scores, axis=(1,), keepdims=True)
    least = number(cast(float, site.attrs["threshold"]), dtype)
    kept = call("greater_equal", call("max", scores, axis=(1,)), least)
    # Kept rows follow each other: a row has the number of kept ones before it.
    before = call("cumsum", call("cast", kept, dtype="int64"), axis=1, exclusive=True)
    places = call("broadcast_to", reshape(before, (batch, count, 1)), shape=(batch, count, 6))
    found = call("gather", cast(Expr, grads[0]), places, axis=1)
    counted = call("expand_dims", call("cast", kept, dtype=dtype), axis=2)
    given = multiply(found, counted)
    of_score = reshape(_entry(given, 1), (batch, 1, count))
    whole = call("zeros", shape=(batch, classes - 1, count), dtype=dtype)
    by_score = call("scatter_elements", whole, best, of_score, axis=1, reduction="add")
    by_class = call("nn.pad", by_score, number(0, dtype), pad_width=((0, 0), (1, 0), (0, 0)))
    by_moves, by_anchor = _by_box(site, [_entry(given, 2 + place) for place in range(4)])
    return by_class, by_moves, by_anchor


def _entry(rows: Expr, place: int) -> Expr:
    """Return one entry of rows Tensor[(batch, count, entries)], Tensor[(batch, count)]."""
    own = call("strided_slice", rows, begin=(place,), end=(place + 1,), axes=(2,))
    return call("squeeze", own, axis=(2,))


def _by_box(site: Site, given: list[Expr]) -> tuple[Expr, Expr]:
    """Return the gradients of loc_pred and anchor by those of left, top, right and bottom.

    Along x a box is middle -+ size, with move * variance * width + anchor's middle, and
    exp(move * variance) * width / 2; the same along y.
    """
    batch, _, count = site.shape()
    dtype = site.tensor().dtype
    moves = reshape(site.args[1], (batch, count, 4))
    variances = cast(tuple[float, ...], site.attrs["variances"])
    half = number(0.5, dtype)
    by_moves: list[Expr] = [half] * 4
    by_anchor: list[Expr] = [half] * 4
    for place in range(2):
        of_middle, of_size = (number(variances[place + shift], dtype) for shift in (0, 2))
        start, end = (_entry(site.args[2], place + shift) for shift in (0, 2))
        width = call("subtract", end, start)
        moved = multiply(_entry(moves, place), of_middle)
        middle = add(multiply(moved, width), multiply(add(start, end), half))
        grown = multiply(call("exp", multiply(_entry(moves, 2 + place), of_size)), half)
        size = multiply(grown, width)
        low = _clipped(site, call("subtract", middle, size), given[place])
        high = _clipped(site, add(middle, size), given[place + 2])
        by_middle, by_size = add(low, high), call("subtract", high, low)
        by_moves[place] = multiply(multiply(by_middle, width), of_middle)
        by_moves[place + 2] = multiply(multiply(by_size, size), of_size)
        by_width = add(multiply(by_middle, moved), multiply(by_size, grown))
        own = multiply(by_middle, half)
        by_anchor[place] = sum_over(call("subtract", own, by_width), (0,))
        by_anchor[place + 2] = sum_over(add(own, by_width), (0,))
    of_moves = call("stack", Tuple(tuple(by_moves)), axis=2)
    of_anchor = call("stack", Tuple(tuple(by_anchor)), axis=1)
    return reshape(of_moves, (batch, count * 4)), reshape(of_anchor, (1, count, 4))


def _clipped(site: Site, edge: Expr, grad: Expr) -> Expr:
    """Return the gradient of an edge before it is brought into 0..1, if it is."""
    if not site.attrs["clip"]:
        return grad
    same = call("equal", call("clip", edge, a_min=0.0, a_max=1.0), edge)
    return call("where", same, grad, number(0, site.tensor().dtype))


RULES: dict[str, Rule] = {
    "vision.get_valid_counts": cast(Rule, _valid_counts),
    "vision.multibox_transform_loc": cast(Rule, _transform_loc),
    "vision.non_max_suppression": _suppression,
}
