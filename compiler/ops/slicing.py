"""Operators that join tensors or take parts of them."""

from typing import cast

import numpy as np

from ..ir.types import Any, Dim, FuncType, IncompleteType, TensorType, TupleType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, Value, from_tensors
from .shapes import axis_in, require_equal, require_rank
from .windows import ints

__all__ = ["CONCATENATE_ATTRIBUTES", "ROWS", "concatenated_type", "sliced_size", "tensors_of"]

CONCATENATE_ATTRIBUTES = {"axis": Attribute("int", 0)}

# An end at or past this means the end of the axis, whatever its size.
_END = 2**31 - 1


def tensors_of(name: str, given: Type) -> tuple[TensorType, ...] | None:
    """Return the fields of a tuple of tensors, None while one is unknown."""
    if isinstance(given, IncompleteType):
        return None
    if not isinstance(given, TupleType) or not given.fields:
        raise Mismatch(
            f"{name} must be a tuple of at least one tensor, not {given}", "write (a, b)"
        )
    found: list[TensorType] = []
    for field in given.fields:
        if isinstance(field, IncompleteType):
            return None
        if not isinstance(field, TensorType):
            raise Mismatch(f"{name} must hold tensors, not {field}", "take nested tuples apart")
        found.append(field)
    return tuple(found)


def concatenated_type(tensors: tuple[TensorType, ...], axis: int) -> TensorType:
    """Return the type of tensors joined along `axis`."""
    first = tensors[0]
    place = axis_in(axis, len(first.shape))
    total: Dim = 0
    for number, tensor in enumerate(tensors):
        require_rank(f"field {number}", tensor, len(first.shape))
        if tensor.dtype != first.dtype:
            raise Mismatch(
                f"all fields must be {first.dtype}, but field {number} is {tensor.dtype}",
                "cast it",
            )
        for number_axis, (size, expected) in enumerate(zip(tensor.shape, first.shape, strict=True)):
            if number_axis != place:
                require_equal(
                    f"axis {number_axis} of field {number}",
                    size,
                    expected,
                    "as of field 0",
                    "tensors differ only along the joined axis",
                )
        total = total + tensor.shape[place]
    shape = (*first.shape[:place], total, *first.shape[place + 1 :])
    return TensorType(shape, first.dtype)


def _concatenate_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    tensors = tensors_of("data", types[0])
    if tensors is None:
        return None
    return FuncType(types, concatenated_type(tensors, cast(int, attrs["axis"])))


def _concatenate(attrs: Attributes, data: tuple[Array, ...]) -> Array:
    return np.concatenate(data, axis=cast(int, attrs["axis"]))


def _stack_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    tensors = tensors_of("data", types[0])
    if tensors is None:
        return None
    place = axis_in(cast(int, attrs["axis"]), len(tensors[0].shape) + 1)
    for number, tensor in enumerate(tensors):
        require_rank(f"field {number}", tensor, len(tensors[0].shape))
        sizes = zip(tensor.shape, tensors[0].shape, strict=True)
        differ = any(isinstance(a - b, int) and a != b for a, b in sizes)
        if differ or tensor.dtype != tensors[0].dtype:
            raise Mismatch(
                f"all fields must be {tensors[0]}, but field {number} is {tensor}", "reshape it"
            )
    shape = tensors[0].shape
    joined = (*shape[:place], len(tensors), *shape[place:])
    return FuncType(types, TensorType(joined, tensors[0].dtype))


def _stack(attrs: Attributes, data: tuple[Array, ...]) -> Array:
    return np.stack(data, axis=cast(int, attrs["axis"]))


def _slices(attrs: Attributes, shape: tuple[Dim, ...]) -> dict[int, slice]:
    """Return the slice of each axis that is sliced."""
    begin, end = ints(attrs, "begin"), ints(attrs, "end")
    axes = cast(tuple[int, ...] | None, attrs["axes"]) or tuple(range(len(begin)))
    steps = cast(tuple[int, ...] | None, attrs["strides"]) or (1,)
    steps = steps * len(begin) if len(steps) == 1 else steps
    if not len(begin) == len(end) == len(axes) == len(steps) or len(axes) > len(shape):
        raise Mismatch(
            f"begin {list(begin)}, end {list(end)}, strides {list(steps)} and axes {list(axes)} "
            f"must be equally long and fit {len(shape)} axes",
            "correct the attributes",
        )
    found: dict[int, slice] = {}
    for first, last, step, axis in zip(begin, end, steps, axes, strict=True):
        place = axis_in(axis, len(shape))
        if attrs["slice_mode"] == "size":
            last, step = (_END if last == -1 else first + last), 1
        if step == 0:
            raise Mismatch("strides must not be 0", "leave strides out for 1")
        found[place] = slice(first, last, step)
    return found


def sliced_size(size: Dim, cut: slice) -> Dim:
    """Return how many of `size` elements a slice takes, unknown if no expression says it."""
    if isinstance(size, int):
        return len(range(*cut.indices(size)))
    start, stop, step = cast(tuple[int, int, int], (cut.start, cut.stop, cut.step))
    whole = (start == 0 and stop >= _END) if step > 0 else (start == -1 and stop <= -_END)
    return (size + abs(step) - 1) // abs(step) if whole else Any()


def _strided_slice_type(attrs: Attributes, data: TensorType) -> Type:
    shape = list(data.shape)
    for axis, cut in _slices(attrs, data.shape).items():
        shape[axis] = sliced_size(shape[axis], cut)
    return TensorType(tuple(shape), data.dtype)


def _strided_slice(attrs: Attributes, data: Array) -> Array:
    cuts = _slices(attrs, data.shape)
    whole = slice(None)
    return np.ascontiguousarray(data[tuple(cuts.get(axis, whole) for axis in range(data.ndim))])


def _take_type(attrs: Attributes, data: TensorType, indices: TensorType) -> Type:
    if "int" not in indices.dtype:
        raise Mismatch(f"indices must be integers, not {indices.dtype}", "cast them")
    batch = _batch_dims(attrs, data, indices)
    if attrs["axis"] is None:
        return TensorType(indices.shape, data.dtype)
    axis = axis_in(cast(int, attrs["axis"]), len(data.shape))
    if data.shape[axis] == 0:
        raise Mismatch(f"data must not be empty along axis {axis}", "check the shape")
    shape = (*data.shape[:axis], *indices.shape[batch:], *data.shape[axis + 1 :])
    return TensorType(shape, data.dtype)


def _batch_dims(attrs: Attributes, data: TensorType, indices: TensorType) -> int:
    """Return how many axes data and indices share."""
    given, axis = cast(int, attrs["batch_dims"]), cast(int | None, attrs["axis"])
    batch = given + len(indices.shape) if given < 0 else given
    limit = 0 if axis is None else min(axis_in(axis, len(data.shape)), len(indices.shape))
    if not 0 <= batch <= limit:
        raise Mismatch(
            f"batch_dims must be in 0..{limit}, not {given}", "batches come before axis in both"
        )
    for number in range(batch):
        size, want = indices.shape[number], data.shape[number]
        require_equal(f"axis {number} of indices", size, want, "a batch of data", "check it")
    return batch


def _take(attrs: Attributes, data: Array, indices: Array) -> Array:
    axis = cast(int | None, attrs["axis"])
    size = data.size if axis is None else data.shape[axis]
    places = indices.astype(np.int64)
    places = places % size if attrs["mode"] == "wrap" else np.clip(places, 0, size - 1)
    given = cast(int, attrs["batch_dims"])
    batch = given + indices.ndim if given < 0 else given
    if axis is None or not batch:
        return np.asarray(np.take(data, places, axis=axis))
    place = axis % data.ndim
    shape = (*data.shape[:place], *indices.shape[batch:], *data.shape[place + 1 :])
    result = np.empty(shape, data.dtype)
    for batch_place in np.ndindex(*data.shape[:batch]):
        result[batch_place] = np.take(data[batch_place], places[batch_place], axis=place - batch)
    return result


def _split_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    (data,) = types
    if isinstance(data, IncompleteType):
        return None
    if not isinstance(data, TensorType):
        raise Mismatch(f"data must be a tensor, not {data}", "pass a tensor")
    axis = axis_in(cast(int, attrs["axis"]), len(data.shape))
    size = data.shape[axis]
    edges: tuple[Dim, ...] = (0, *_split_places(attrs, size), size)
    parts = [last - first for first, last in zip(edges, edges[1:], strict=False)]
    if any(isinstance(part, int) and part < 0 for part in parts):
        places = ", ".join(map(str, edges[1:-1]))
        raise Mismatch(f"places [{places}] must rise within 0..{size}", "sort them")
    shapes = ((*data.shape[:axis], part, *data.shape[axis + 1 :]) for part in parts)
    return FuncType(types, TupleType(tuple(TensorType(shape, data.dtype) for shape in shapes)))


def _split_places(attrs: Attributes, size: Dim) -> tuple[Dim, ...]:
    """Return where a split cuts: an int is a number of equal sections, a list names places."""
    given = attrs["indices_or_sections"]
    if isinstance(given, tuple):
        return ints(attrs, "indices_or_sections")
    sections = cast(int, given)
    if sections < 1 or (isinstance(size, int) and size % sections):
        raise Mismatch(
            f"{size} elements do not split into {sections} equal sections", "name the places"
        )
    return tuple(size // sections * number for number in range(1, sections))


def _split(attrs: Attributes, data: Array) -> Value:
    axis = cast(int, attrs["axis"])
    places = cast(tuple[int, ...], _split_places(attrs, data.shape[axis]))
    return tuple(np.split(data, places, axis=axis))


_TUPLE = ("data",)

ROWS = (
    Operator(
        "concatenate",
        _TUPLE,
        _concatenate_relation,
        _concatenate,
        Kind.INJECTIVE,
        CONCATENATE_ATTRIBUTES,
    ),
    Operator(
        "stack", _TUPLE, _stack_relation, _stack, Kind.INJECTIVE, {"axis": Attribute("int", 0)}
    ),
    Operator(
        "split",
        ("data",),
        _split_relation,
        _split,
        Kind.INJECTIVE,
        {
            "indices_or_sections": Attribute("int_or_ints", required=True),
            "axis": Attribute("int", 0),
        },
    ),
    Operator(
        "strided_slice",
        ("data",),
        from_tensors(_strided_slice_type),
        _strided_slice,
        Kind.INJECTIVE,
        {
            "begin": Attribute("ints", required=True),
            "end": Attribute("ints", required=True),
            "strides": Attribute("ints"),
            "slice_mode": Attribute("str", "end", choices=("end", "size")),
            "axes": Attribute("ints"),
        },
    ),
    Operator(
        "take",
        ("data", "indices"),
        from_tensors(_take_type),
        _take,
        Kind.INJECTIVE,
        {
            "batch_dims": Attribute("int", 0),
            "axis": Attribute("int"),
            "mode": Attribute("str", "clip", choices=("clip", "wrap", "fast")),
        },
    ),
)
