"""Sorting, the largest elements, distinct elements, and places in sorted lines.

A sort is a merge sort of places, from runs of one element up: stable, in scratch memory of two
lines. Not-a-number is above all numbers, as in numpy.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ...ops.operator import Attributes
from ..expressions import Buffer, Expr, Load
from ..functions import both, cast, clamp, either, minimum, negate, select, size_of, unequal
from .axes import Define, axis_of, element, fixed
from .definition import Definition

__all__ = ["ROWS", "fill_order"]

Before = Callable[[Expr, Expr], Expr]
"""Whether the first of two values must stand before the second: false for equal ones."""


def _less(left: Expr, right: Expr) -> Expr:
    """Return whether one is smaller; not-a-number is larger than any number."""
    plain = left < right
    if not left.dtype.startswith("float"):
        return plain
    return either(plain, both(unequal(right, right), negate(unequal(left, left))))


def fill_order(
    nest: Definition, size: Expr, places: Buffer, key: Callable[[Expr], Expr], up: bool
) -> None:
    """Fill `places` with the numbers of a line's elements in order.

    Parameters
    ----------
    size : elements of the line, at most those of `places`
    key : from the number of an element to its value
    up : whether the smallest comes first
    """
    assert isinstance(places.shape[0], int)
    other = nest.scratch("int64", places.shape[0])
    before: Before = _less if up else lambda left, right: _less(right, left)
    last = places.shape[0] - 1
    with nest.loop(size) as index:
        nest.store(places[clamp(index, 0, last)], index)
    width = nest.local("int64", 1)
    with nest.loop_while(width < size):
        start = nest.local("int64", 0)
        with nest.loop_while(start < size):
            middle = nest.local("int64", minimum(start + width, size))
            end = nest.local("int64", minimum(start + width * 2, size))
            _merge(nest, (places, other), (start, middle, end), key, before)
            nest.store(start, end)
        with nest.loop(size) as index:
            here = clamp(index, 0, last)
            nest.store(places[here], other[here])
        nest.store(width, width * 2)


def _merge(
    nest: Definition,
    buffers: tuple[Buffer, Buffer],
    ends: tuple[Load, Load, Load],
    key: Callable[[Expr], Expr],
    before: Before,
) -> None:
    """Merge two runs of `places`, start..middle and middle..end, into the other buffer."""
    places, other = buffers
    start, middle, end = ends
    left, right = nest.local("int64", start), nest.local("int64", middle)
    last = size_of(places.shape[0]) - 1
    with nest.loop(end - start) as index:
        one, two = places[clamp(left, 0, last)], places[clamp(right, 0, last)]
        held = [nest.local("int64", clamp(place, 0, last)) for place in (one, two)]
        turns = before(key(clamp(held[1], 0, last)), key(clamp(held[0], 0, last)))
        second = both(right < end, either(left >= middle, turns))
        taken = nest.local("bool", second)
        nest.store(other[clamp(start + index, 0, last)], select(taken, held[1], held[0]))
        step = cast(taken, "int64")
        nest.store(right, right + step)
        nest.store(left, left + 1 - step)


def _sorted(
    nest: Definition, attrs: Attributes, values: Buffer | None, at_out: Buffer | None
) -> None:
    """Write the first elements of each line in order, their numbers, or both."""
    data = nest.inputs[0]
    axis = axis_of(attrs, len(data.shape))
    size = fixed(data.shape[axis])
    some = values or at_out
    assert some is not None
    count = some.shape[axis]
    others = [length for number, length in enumerate(data.shape) if number != axis]
    with nest.loops(*others) as rest:
        places = nest.scratch("int64", max(size, 1))

        def key(place: Expr) -> Expr:
            return data[(*rest[:axis], clamp(place, 0, size - 1), *rest[axis:])]

        if size:
            fill_order(nest, element(size, "int64"), places, key, bool(attrs["is_ascend"]))
        with nest.loop(count) as index:
            to = (*rest[:axis], index, *rest[axis:])
            if values is not None:
                nest.store(values[to], key(places[index]))
            if at_out is not None:
                nest.store(at_out[to], cast(places[index], at_out.dtype))


def _sort(nest: Definition, attrs: Attributes) -> None:
    _sorted(nest, attrs, nest.outputs[0], None)


def _argsort(nest: Definition, attrs: Attributes) -> None:
    _sorted(nest, attrs, None, nest.outputs[0])


def _topk(nest: Definition, attrs: Attributes) -> None:
    fields = {"values": (nest.outputs[0], None), "indices": (None, nest.outputs[0])}
    kind = str(attrs["ret_type"])
    found = fields[kind] if kind in fields else (nest.outputs[0], nest.outputs[1])
    _sorted(nest, attrs, *found)


def _searchsorted(nest: Definition, attrs: Attributes) -> None:
    """Halve the line until the place is found."""
    (line, values), (out,) = nest.inputs, nest.outputs
    size, right = size_of(line.shape[-1]), bool(attrs["right"])
    with nest.loops(*out.shape) as at:
        lead = at[:-1] if len(line.shape) > 1 else ()
        low, high = nest.local("int64", 0), nest.local("int64", size)
        with nest.loop_while(low < high):
            middle = nest.local("int64", (low + high) // 2)
            one = line[(*lead, clamp(middle, 0, size - 1))]
            value = values[at]
            goes_up = negate(_less(value, one)) if right else _less(one, value)
            up = nest.local("bool", goes_up)
            nest.store(low, select(up, middle + 1, low))
            nest.store(high, select(up, high, middle))
        nest.store(out[at], cast(low, out.dtype))


def _unique(nest: Definition, attrs: Attributes) -> None:
    """Sorted, equal elements follow each other; the first of them names them all."""
    (data,) = nest.inputs
    found, first, which, number, *counts = nest.outputs
    size = fixed(data.shape[0])
    total = nest.local("int64", 0)
    for part in (found, first, which, *counts):
        with nest.loop(part.shape[0]) as index:
            nest.store(part[index], element(0, part.dtype))
    if size:
        places, group = nest.scratch("int64", size), nest.scratch("int64", size)
        fill_order(
            nest, element(size, "int64"), places, lambda place: data[_held(place, size)], True
        )
        _groups(nest, places, group, total)
        if not attrs["sorted"]:
            _renumber(nest, places, group, total)
        _fill(nest, places, group)
    nest.store(number[0], cast(total, number.dtype))


def _held(place: Expr, size: int) -> Expr:
    return clamp(place, 0, size - 1)


def _groups(nest: Definition, places: Buffer, group: Buffer, total: Load) -> None:
    """Number the groups of equal elements in order, for each element in order.

    Of floats, not-a-number is one group.
    """
    data, size = nest.inputs[0], fixed(nest.inputs[0].shape[0])
    with nest.loop(size) as index:
        here = data[_held(places[index], size)]
        earlier = data[_held(places[_held(index - 1, size)], size)]
        differs = either(_less(here, earlier), _less(earlier, here))
        starts = either(index < 1, differs)
        nest.store(total, total + cast(starts, "int64"))
        nest.store(group[index], total - 1)


def _renumber(nest: Definition, places: Buffer, group: Buffer, total: Load) -> None:
    """Number the groups by where they are first."""
    size = fixed(nest.inputs[0].shape[0])
    new, of_place = nest.scratch("int64", size), nest.scratch("int64", size)
    with nest.loop(size) as index:
        nest.store(new[index], element(-1, "int64"))
        nest.store(of_place[_held(places[index], size)], group[index])
    following = nest.local("int64", 0)
    with nest.loop(size) as index:
        own = _held(of_place[index], size)
        fresh = nest.local("bool", new[own] < 0)
        nest.store(new[own], select(fresh, following, new[own]))
        nest.store(following, following + cast(fresh, "int64"))
    with nest.loop(size) as index:
        nest.store(group[index], new[_held(group[index], size)])


def _fill(nest: Definition, places: Buffer, group: Buffer) -> None:
    """Write the results, from the last element of each group to the first."""
    (data,) = nest.inputs
    found, first, which, _, *counts = nest.outputs
    size = fixed(data.shape[0])
    with nest.loop(size) as number:
        index = size - 1 - number
        place, own = _held(places[index], size), _held(group[index], size)
        nest.store(found[own], data[place])
        nest.store(first[own], cast(place, first.dtype))
        nest.store(which[place], cast(own, which.dtype))
        for part in counts:
            nest.store(part[own], part[own] + 1)


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        "argsort": _argsort,
        "dyn.topk": _topk,
        "searchsorted": _searchsorted,
        "sort": _sort,
        "topk": _topk,
        "unique": _unique,
    }
)
