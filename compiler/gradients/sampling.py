"""Gradients of operators that read an image between its pixels.

A value is a sum over the four pixels around its place, with weights that are linear in y and x:
the image gets the weights, y and x the slopes of the weights times the pixels.
"""

from dataclasses import dataclass

from ..ir.nodes import Expr
from ..ops.registry import call
from .site import add, indices, multiply, number, reshape, sum_over

__all__ = ["Corner", "corners", "sampled", "written_back"]


@dataclass(frozen=True, slots=True)
class Corner:
    """One of the four pixels around each place of a batch of images.

    Attributes
    ----------
    places : Tensor[(n, places), int64]
        Row of the pixel in Tensor[(n * h * w, c)].
    weight, by_y, by_x : Tensor[(n, places)]
        How much of the pixel counts, and the slopes of that.
    """

    places: Expr
    weight: Expr
    by_y: Expr
    by_x: Expr


def corners(
    y: Expr, x: Expr, images: Expr, size: tuple[int, int], outside: bool, dtype: str
) -> tuple[Corner, ...]:
    """Return the pixels around places.

    Parameters
    ----------
    y, x : Tensor[(n, places)], in pixels
    images : Tensor[(n, 1), int64]
        Which image each line of places is of.
    size : (int, int)
        Height and width of the images.
    outside : bool
        Whether a pixel outside the image is 0; otherwise it is the nearest one inside.
    """
    height, width = size
    starts = multiply(images, indices(height * width))
    found: list[Corner] = []
    for row, of_y, slope_y, in_y in _line(y, height, dtype):
        for column, of_x, slope_x, in_x in _line(x, width, dtype):
            flat = add(starts, add(multiply(row, indices(width)), column))
            parts = [multiply(of_y, of_x), multiply(slope_y, of_x), multiply(of_y, slope_x)]
            if outside:
                inside = call("cast", call("logical_and", in_y, in_x), dtype=dtype)
                parts = [multiply(part, inside) for part in parts]
            found.append(Corner(flat, *parts))
    return tuple(found)


def _line(place: Expr, size: int, dtype: str) -> tuple[tuple[Expr, Expr, Expr, Expr], ...]:
    """Return both neighbours of places on a line: where, weight, slope of it, if inside."""
    low = call("floor", place)
    part = call("subtract", place, low)
    rest = call("subtract", number(1, dtype), part)
    up, down = number(1, dtype), number(-1, dtype)
    ends = ((low, rest, down), (add(low, up), part, up))
    found: list[tuple[Expr, Expr, Expr, Expr]] = []
    for whole, weight, slope in ends:
        fit = call("clip", whole, a_min=0.0, a_max=float(size - 1))
        inside = call("equal", fit, whole)
        found.append((call("cast", fit, dtype="int64"), weight, slope, inside))
    return tuple(found)


def sampled(rows: Expr, around: tuple[Corner, ...]) -> Expr:
    """Return the values at the places, Tensor[(n, places, c)], of rows Tensor[(n * h * w, c)]."""
    total: Expr | None = None
    for corner in around:
        pixels = call("take", rows, corner.places, axis=0)
        part = multiply(pixels, call("expand_dims", corner.weight, axis=2))
        total = part if total is None else add(total, part)
    assert total is not None, "a place has four pixels around it"
    return total


def written_back(
    rows: Expr, around: tuple[Corner, ...], grad: Expr, shape: tuple[int, int, int], dtype: str
) -> tuple[Expr, Expr, Expr]:
    """Return the gradients of rows, y and x.

    Parameters
    ----------
    grad : Tensor[(n, places, c)], of the values
    shape : (int, int, int)
        Rows, places of all images together, channels.
    """
    count, places, channels = shape
    total: Expr = call("zeros", shape=(count, channels), dtype=dtype)
    slopes: list[Expr] = []
    for corner in around:
        part = multiply(grad, call("expand_dims", corner.weight, axis=2))
        where = reshape(corner.places, (1, places))
        total = call("scatter_nd", total, where, reshape(part, (places, channels)), mode="add")
        pixels = call("take", rows, corner.places, axis=0)
        along = sum_over(multiply(pixels, grad), (2,))
        moved = [multiply(along, corner.by_y), multiply(along, corner.by_x)]
        slopes = [add(*pair) for pair in zip(slopes, moved, strict=True)] if slopes else moved
    by_y, by_x = slopes
    return total, by_y, by_x
