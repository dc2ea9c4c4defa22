"""Operators that move or choose elements, by axes."""

from collections.abc import Mapping
from types import MappingProxyType

from ...ops.operator import Attributes
from ...ops.shapes import axes_in
from ..expressions import Expr
from ..functions import both, cast, clamp, equal, inside, maximum, minimum, select, size_of
from .axes import (
    Define,
    axis_of,
    element,
    fixed,
    flat_index,
    guarded,
    ints,
    replaced,
    unfolded,
    whole,
)
from .definition import Definition

__all__ = ["ROWS"]


def _reverse(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    axis = axis_of(attrs, len(data.shape))
    with nest.loops(*out.shape) as at:
        mirrored = size_of(data.shape[axis]) - 1 - at[axis]
        nest.store(out[at], data[replaced(at, axis, mirrored)])


def _tile(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs[:1], nest.outputs
    with nest.loops(*out.shape) as at:
        last = at[len(at) - len(data.shape) :]
        places = [index % size_of(size) for index, size in zip(last, data.shape, strict=True)]
        nest.store(out[at], data[tuple(places)])


def _repeat(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    count = whole(attrs, "repeats")
    with nest.loops(*out.shape) as at:
        if attrs["axis"] is None:
            places = unfolded(at[0] // count, data.shape)
        else:
            axis = axis_of(attrs, len(data.shape))
            places = replaced(at, axis, at[axis] // count)
        nest.store(out[at], data[places])


def _reverse_sequence(nest: Definition, attrs: Attributes) -> None:
    (data, lengths), (out,) = nest.inputs, nest.outputs
    rank = len(data.shape)
    sequence, batch = (axis_of(attrs, rank, f"{name}_axis") for name in ("seq", "batch"))
    with nest.loops(*out.shape) as at:
        length = clamp(cast(lengths[at[batch]], "int64"), 0, size_of(data.shape[sequence]))
        index = at[sequence]
        place = select(index < length, maximum(length - 1 - index, 0), index)
        nest.store(out[at], data[replaced(at, sequence, place)])


def _meshgrid(nest: Definition, attrs: Attributes) -> None:
    swapped = attrs["indexing"] == "xy" and len(nest.inputs) > 1
    for number, (data, out) in enumerate(zip(nest.inputs, nest.outputs, strict=True)):
        axis = 1 - number if swapped and number < 2 else number
        with nest.loops(*out.shape) as at:
            nest.store(out[at], data[at[axis]] if data.shape else data[()])


def _slice_like(nest: Definition, attrs: Attributes) -> None:
    data, (out,) = nest.inputs[0], nest.outputs
    known = all(isinstance(size, int) for size in (*out.shape, *data.shape))
    with nest.loops(*out.shape) as at:
        nest.store(out[at], data[at] if known else inside(data, at))


def _fifo_buffer(nest: Definition, attrs: Attributes) -> None:
    (data, buffer), (out,) = nest.inputs, nest.outputs
    axis = axis_of(attrs, len(buffer.shape))
    new, size = size_of(data.shape[axis]), size_of(buffer.shape[axis])
    with nest.loops(*out.shape) as at:
        place = at[axis] + new
        old = inside(buffer, replaced(at, axis, place))
        fresh = inside(data, replaced(at, axis, place - size))
        nest.store(out[at], select(place < size, old, fresh))


def _trilu(nest: Definition, attrs: Attributes) -> None:
    (data, k), (out,) = nest.inputs, nest.outputs
    offset = cast(k[()], "int64")
    with nest.loops(*out.shape) as at:
        distance = at[-1] - at[-2]
        kept = distance >= offset if attrs["upper"] else distance <= offset
        nest.store(out[at], select(kept, data[at], element(0, data.dtype)))


def _sequence_mask(nest: Definition, attrs: Attributes) -> None:
    (data, valid), (out,) = nest.inputs, nest.outputs
    axis, fill = whole(attrs, "axis"), element(attrs["mask_value"], data.dtype)
    with nest.loops(*out.shape) as at:
        kept = at[axis] < cast(valid[at[1 - axis]], "int64")
        nest.store(out[at], select(kept, data[at], fill))


def _matrix_set_diag(nest: Definition, attrs: Attributes) -> None:
    (data, diagonal), (out,) = nest.inputs, nest.outputs
    first, last = whole(attrs, "k1"), whole(attrs, "k2")
    rows, columns = map(size_of, data.shape[-2:])
    longest = size_of(diagonal.shape[-1])
    with nest.loops(*out.shape) as at:
        k = at[-1] - at[-2]
        length = minimum(rows + minimum(k, 0), columns - maximum(k, 0))
        right = longest - length
        above = right if attrs["super_diag_right_align"] else right * 0
        below = right if attrs["sub_diag_right_align"] else right * 0
        step = minimum(at[-1], at[-2]) + select(k >= 0, above, below)
        line = () if first == last else (-k + last,)
        new = inside(diagonal, (*at[:-2], *line, step))
        kept = both(k >= first, k <= last)
        nest.store(out[at], select(kept, new, data[at]))


def _strided_set(nest: Definition, attrs: Attributes) -> None:
    """Ends mean what Python's slices mean; the shape of v says how many elements are set."""
    (data, v, begin, end, strides), (out,) = nest.inputs, nest.outputs
    with nest.loops(*out.shape) as at:
        nest.store(out[at], data[at])
    count, given = min(fixed(begin.shape[0]), fixed(end.shape[0])), fixed(strides.shape[0])
    with nest.loops(*v.shape) as at:
        places = list(at)
        for axis in range(count):
            size = size_of(data.shape[axis])
            step = cast(strides[axis], "int64") if axis < given else element(1, "int64")
            start = cast(begin[axis], "int64")
            start = select(start < 0, start + size, start)
            forward = clamp(start, 0, size)
            backward = clamp(start, -1, size - 1)
            places[axis] = select(step > 0, forward, backward) + at[axis] * step
        fits, held = guarded(places, data.shape)
        with nest.when(fits):
            nest.store(out[held], v[at])


def _strided_slice(nest: Definition, attrs: Attributes) -> None:
    """Slices whose steps are negative, or whatever the plain kernel does not take."""
    (data,), (out,) = nest.inputs, nest.outputs
    rank = len(data.shape)
    axes = axes_in(ints(attrs, "axes"), rank) if attrs["axes"] else range(len(ints(attrs, "begin")))
    steps = ints(attrs, "strides") or (1,)
    steps = steps * len(axes) if len(steps) == 1 else steps
    with nest.loops(*out.shape) as at:
        places: list[Expr] = list(at)
        for axis, first, step in zip(axes, ints(attrs, "begin"), steps, strict=True):
            size = fixed(data.shape[axis])
            step = 1 if attrs["slice_mode"] == "size" else step
            start, _, _ = slice(first, None, step).indices(size)
            places[axis] = at[axis] * step + start
        nest.store(out[at], data[tuple(places)])


def _unravel_index(nest: Definition, attrs: Attributes) -> None:
    (data, shape), (out,) = nest.inputs, nest.outputs
    rank = fixed(shape.shape[0])
    with nest.loops(*data.shape) as at:
        sizes = [cast(shape[axis], "int64") for axis in range(rank)]
        total: Expr = element(1, "int64")
        for size in sizes:
            total = total * size
        given = cast(data[at], "int64")
        place = nest.local("int64", select(given < 0, given + total, given))
        for axis in reversed(range(rank)):
            nest.store(out[(axis, *at)], cast(place % sizes[axis], out.dtype))
            nest.store(place, place // sizes[axis])


def _one_hot(nest: Definition, attrs: Attributes) -> None:
    (indices, on, off), (out,) = nest.inputs[:3], nest.outputs
    axis = axis_of(attrs, len(indices.shape) + 1)
    with nest.loops(*out.shape) as at:
        place = cast(indices[(*at[:axis], *at[axis + 1 :])], "int64")
        value = select(equal(place, at[axis]), on[()], off[()])
        nest.store(out[at], cast(value, out.dtype))


def _sparse_to_dense(nest: Definition, attrs: Attributes) -> None:
    (indices, values, default), (out,) = nest.inputs[:3], nest.outputs
    with nest.loops(*out.shape) as at:
        nest.store(out[at], default[()])
    count = indices.shape[0] if indices.shape else 1
    with nest.loop(count) as number:
        if len(indices.shape) == 2:
            parts = [indices[number, axis] for axis in range(len(out.shape))]
        else:
            parts = [indices[number] if indices.shape else indices[()]]
        fits, held = guarded([cast(part, "int64") for part in parts], out.shape)
        with nest.when(fits):
            nest.store(out[held], values[number] if values.shape else values[()])


def _invert_permutation(nest: Definition, attrs: Attributes) -> None:
    """What is no permutation writes nothing outside."""
    (data,), (out,) = nest.inputs, nest.outputs
    size = size_of(data.shape[0])
    with nest.loop(size) as index:
        place = clamp(cast(data[index], "int64"), 0, size - 1)
        nest.store(out[place], cast(index, out.dtype))


def _arange(nest: Definition, attrs: Attributes) -> None:
    (start, _, step), (out,) = nest.inputs, nest.outputs
    with nest.loops(*out.shape) as at:
        value = start[()] + cast(at[0], start.dtype) * step[()]
        nest.store(out[at], cast(value, out.dtype))


def _shape_of(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    for axis, size in enumerate(data.shape):
        nest.store(out[axis], cast(size_of(size), out.dtype))


def _ndarray_size(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    total: Expr = element(1, "int64")
    for size in data.shape:
        total = total * size_of(size)
    nest.store(out[()], cast(total, out.dtype))


def _reshaped(nest: Definition, attrs: Attributes) -> None:
    """The same elements, row by row: for shapes that an argument says."""
    data, (out,) = nest.inputs[0], nest.outputs
    with nest.loops(*data.shape) as at:
        nest.store(out[unfolded(flat_index(at, data.shape), out.shape)], data[at])


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        "arange": _arange,
        "dyn.reshape": _reshaped,
        "dyn.expand_dims": _reshaped,
        "dyn.squeeze": _reshaped,
        "dyn.tile": _tile,
        "dyn.one_hot": _one_hot,
        "dyn.sparse_to_dense": _sparse_to_dense,
        "invert_permutation": _invert_permutation,
        "matrix_set_diag": _matrix_set_diag,
        "meshgrid": _meshgrid,
        "ndarray_size": _ndarray_size,
        "nn.fifo_buffer": _fifo_buffer,
        "one_hot": _one_hot,
        "repeat": _repeat,
        "reverse": _reverse,
        "reverse_sequence": _reverse_sequence,
        "sequence_mask": _sequence_mask,
        "shape_of": _shape_of,
        "slice_like": _slice_like,
        "sparse_to_dense": _sparse_to_dense,
        "strided_set": _strided_set,
        "strided_slice": _strided_slice,
        "tile": _tile,
        "trilu": _trilu,
        "unravel_index": _unravel_index,
    }
)
