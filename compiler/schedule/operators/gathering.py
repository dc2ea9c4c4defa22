"""Operators that read or write elements at places that another tensor names.

A place that is out of range, which is an error of the program, is brought into range.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ...ir.dims import Dim
from ...ops.operator import Attributes
from ..expressions import Buffer, Expr, Load, apply
from ..functions import both, cast, clamp, limit, size_of
from .axes import Define, axis_of, element, fixed, guarded, held, replaced, text, unfolded, whole
from .definition import Definition

__all__ = ["ROWS"]


def _place(index: Load, size: Dim) -> Expr:
    """Return a place that may count from the end."""
    return limit(cast(index, "int64"), size)


def _gather(nest: Definition, attrs: Attributes) -> None:
    (data, indices), (out,) = nest.inputs, nest.outputs
    axis = axis_of(attrs, len(data.shape))
    with nest.loops(*out.shape) as at:
        places = replaced(at, axis, _place(indices[at], data.shape[axis]))
        nest.store(out[at], held(data, places))


def _gather_nd(nest: Definition, attrs: Attributes) -> None:
    (data, indices), (out,) = nest.inputs, nest.outputs
    batch, count = whole(attrs, "batch_dims"), len(indices.shape) - 1
    depth = fixed(indices.shape[0])
    with nest.loops(*out.shape) as at:
        named = [
            _place(indices[(axis, *at[:count])], data.shape[batch + axis]) for axis in range(depth)
        ]
        nest.store(out[at], held(data, (*at[:batch], *named, *at[count:])))


def _adv_index(nest: Definition, attrs: Attributes) -> None:
    (data, *indices), (out,) = nest.inputs, nest.outputs
    count = len(out.shape) - (len(data.shape) - len(indices))
    with nest.loops(*out.shape) as at:
        named = [
            _place(_broadcast(index, at[:count]), size)
            for index, size in zip(indices, data.shape, strict=False)
        ]
        nest.store(out[at], held(data, (*named, *at[count:])))


def _broadcast(buffer: Buffer, at: Sequence[Expr]) -> Load:
    """Return the element of a buffer that broadcasts to the axes of `at`."""
    last = at[len(at) - len(buffer.shape) :]
    zero = element(0, "int64")
    places = [zero if size == 1 else index for index, size in zip(last, buffer.shape, strict=True)]
    return buffer[tuple(places)]


def _take(nest: Definition, attrs: Attributes) -> None:
    (data, indices), (out,) = nest.inputs, nest.outputs
    wraps, rank = attrs["mode"] == "wrap", len(indices.shape)
    given = whole(attrs, "batch_dims")
    batch = given + rank if given < 0 else given
    if attrs["axis"] is None:
        axis, batch = 0, 0
        shape: tuple[Dim, ...] = (_elements(data.shape),)
    else:
        axis = axis_of(attrs, len(data.shape))
        shape = data.shape
    size = size_of(shape[axis])
    with nest.loops(*out.shape) as at:
        own = at[axis : axis + rank - batch]
        index = cast(indices[(*at[:batch], *own)], "int64")
        place = index % size if wraps else clamp(index, 0, size - 1)
        if attrs["axis"] is None:
            nest.store(out[at], held(data, unfolded(place, data.shape)))
        else:
            nest.store(out[at], held(data, (*at[:axis], place, *at[axis + rank - batch :])))


def _elements(shape: Sequence[Dim]) -> Dim:
    """Return the number of elements."""
    total: Dim = 1
    for size in shape:
        total = total * size
    return total


_JOINS = {"add": "add", "mul": "multiply", "min": "minimum", "max": "maximum"}


def _scatter_elements(nest: Definition, attrs: Attributes) -> None:
    (data, indices, updates), (out,) = nest.inputs, nest.outputs
    axis = axis_of(attrs, len(data.shape))
    how = text(attrs, "reduction")
    if how == "mean":
        _scatter_mean(nest, axis)
        return
    with nest.loops(*out.shape) as at:
        nest.store(out[at], data[at])
    with nest.loops(*indices.shape) as at:
        places = replaced(at, axis, _place(indices[at], data.shape[axis]))
        _join(nest, out[places], updates[at], how)


def _join(nest: Definition, place: Load, value: Expr, how: str) -> None:
    """Write a value, or what it makes with the one that is there."""
    nest.store(place, value if how == "update" else apply(_JOINS[how], place, value))


def _scatter_mean(nest: Definition, axis: int) -> None:
    """The mean of data's element and all updates, in float64; of integers truncated."""
    (data, indices, updates), (out,) = nest.inputs, nest.outputs
    total = nest.scratch("float64", *data.shape)
    count = nest.scratch("float64", *data.shape)
    with nest.loops(*out.shape) as at:
        nest.store(total[at], cast(data[at], "float64"))
        nest.store(count[at], 1.0)
    with nest.loops(*indices.shape) as at:
        places = replaced(at, axis, _place(indices[at], data.shape[axis]))
        nest.store(total[places], total[places] + cast(updates[at], "float64"))
        nest.store(count[places], count[places] + 1.0)
    with nest.loops(*out.shape) as at:
        nest.store(out[at], cast(total[at] / count[at], out.dtype))


def _scatter_nd(nest: Definition, attrs: Attributes) -> None:
    (data, indices, updates), (out,) = nest.inputs, nest.outputs
    depth, count = fixed(indices.shape[0]), len(indices.shape) - 1
    how = text(attrs, "mode")
    with nest.loops(*out.shape) as at:
        nest.store(out[at], data[at])
    with nest.loops(*updates.shape) as at:
        named = [_place(indices[(axis, *at[:count])], data.shape[axis]) for axis in range(depth)]
        _join(nest, out[(*named, *at[count:])], updates[at], how)


def _argwhere(nest: Definition, attrs: Attributes) -> None:
    """For a result whose size is known: places that do not fit are left out."""
    (condition,), (out,) = nest.inputs, nest.outputs
    found = nest.local("int64", 0)
    with nest.loops(*condition.shape) as at:
        value = condition[at]
        holds = value if value.dtype == "bool" else cast(value, "bool")
        fits, (row,) = guarded((found,), out.shape[:1])
        with nest.when(both(holds, fits)):
            for axis, index in enumerate(at):
                nest.store(out[row, axis], cast(index, out.dtype))
            nest.store(found, found + 1)


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        "adv_index": _adv_index,
        "argwhere": _argwhere,
        "gather": _gather,
        "gather_nd": _gather_nd,
        "scatter_elements": _scatter_elements,
        "scatter_nd": _scatter_nd,
        "take": _take,
    }
)
