"""Operators that repeat, reverse, or slide over elements: each result element is one of data's."""

from typing import cast

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..ir.types import Dim, FuncType, TensorType, TupleType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, Value, from_tensors
from .shapes import axis_in, product, require_equal, require_integer, window_count
from .slicing import tensors_of
from .windows import ints

__all__ = ["ROWS", "tiled_shape"]


def tiled_shape(shape: tuple[Dim, ...], reps: tuple[int, ...]) -> tuple[Dim, ...]:
    """Return the shape of data repeated `reps` times along its axes, aligned at the last ones."""
    if any(count < 0 for count in reps):
        raise Mismatch(f"reps must be >= 0, not {list(reps)}", "correct reps")
    rank = max(len(shape), len(reps))
    sizes = (1,) * (rank - len(shape)) + shape
    counts = (1,) * (rank - len(reps)) + reps
    return tuple(size * count for size, count in zip(sizes, counts, strict=True))


def _tile_type(attrs: Attributes, data: TensorType) -> Type:
    return TensorType(tiled_shape(data.shape, ints(attrs, "reps")), data.dtype)


def _repeat_type(attrs: Attributes, data: TensorType) -> Type:
    count, axis = cast(int, attrs["repeats"]), cast(int | None, attrs["axis"])
    if count < 0:
        raise Mismatch(f"repeats must be >= 0, not {count}", "correct repeats")
    if axis is None:
        return TensorType((product(data.shape) * count,), data.dtype)
    place = axis_in(axis, len(data.shape))
    sizes = enumerate(data.shape)
    shape = tuple(size * count if number == place else size for number, size in sizes)
    return TensorType(shape, data.dtype)


def _reverse_type(attrs: Attributes, data: TensorType) -> Type:
    axis_in(cast(int, attrs["axis"]), len(data.shape))
    return data


def _sequence_axes(attrs: Attributes, rank: int) -> tuple[int, int]:
    """Return the axes of sequences and of the batch."""
    sequence = axis_in(cast(int, attrs["seq_axis"]), rank)
    batch = axis_in(cast(int, attrs["batch_axis"]), rank)
    if sequence == batch:
        raise Mismatch("seq_axis and batch_axis must differ", f"both are axis {batch}")
    return sequence, batch


def _reverse_sequence_type(attrs: Attributes, data: TensorType, lengths: TensorType) -> Type:
    _, batch = _sequence_axes(attrs, len(data.shape))
    require_integer(lengths, "seq_lengths")
    if len(lengths.shape) != 1:
        raise Mismatch(f"seq_lengths must have 1 axis, not {len(lengths.shape)}", "reshape it")
    require_equal(
        "the length of seq_lengths", lengths.shape[0], data.shape[batch], "batch_axis", "check it"
    )
    return data


def _reverse_sequence(attrs: Attributes, data: Array, lengths: Array) -> Array:
    sequence, batch = _sequence_axes(attrs, data.ndim)
    size = data.shape[sequence]
    if lengths.size and not 0 <= lengths.min() <= lengths.max() <= size:
        raise Mismatch(f"seq_lengths must be in 0..{size}, not {lengths.tolist()}", "clip them")
    places = np.arange(size)
    limits = lengths.astype(np.int64)[:, None]
    order = np.where(places < limits, limits - 1 - places, places)
    moved = np.moveaxis(data, (batch, sequence), (0, 1))
    rows = np.arange(len(limits))[:, None]
    return np.ascontiguousarray(np.moveaxis(moved[rows, order], (0, 1), (batch, sequence)))


def _meshgrid_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    tensors = tensors_of("data", types[0])
    if tensors is None:
        return None
    for number, tensor in enumerate(tensors):
        if len(tensor.shape) > 1:
            raise Mismatch(f"field {number} must be a scalar or a vector, not {tensor}", "reshape")
        if tensor.dtype != tensors[0].dtype:
            raise Mismatch(
                f"all fields must be {tensors[0].dtype}, but field {number} is {tensor.dtype}",
                "cast it",
            )
    shape = [tensor.shape[0] if tensor.shape else 1 for tensor in tensors]
    if attrs["indexing"] == "xy" and len(shape) > 1:
        shape[:2] = shape[1::-1]
    grid = TensorType(tuple(shape), tensors[0].dtype)
    return FuncType(types, TupleType((grid,) * len(tensors)))


def _meshgrid(attrs: Attributes, data: tuple[Array, ...]) -> Value:
    return tuple(np.meshgrid(*data, indexing="xy" if attrs["indexing"] == "xy" else "ij"))


def _window_sizes(attrs: Attributes, shape: tuple[Dim, ...]) -> tuple[int, tuple[Dim, ...]]:
    """Return the first axis that windows slide over, and how many there are along each."""
    axis = axis_in(cast(int, attrs["axis"]), len(shape))
    window, strides = ints(attrs, "window_shape"), ints(attrs, "strides")
    if not len(window) == len(strides) == len(shape) - axis:
        raise Mismatch(
            f"window_shape {list(window)} and strides {list(strides)} must have one entry for "
            f"each of the last {len(shape) - axis} axes",
            "a window slides over axis and all that follow",
        )
    sizes = zip(shape[axis:], window, strides, strict=True)
    return axis, tuple(window_count(size, w, step, 1, 0) for size, w, step in sizes)


def _sliding_window_type(attrs: Attributes, data: TensorType) -> Type:
    axis, counts = _window_sizes(attrs, data.shape)
    shape = (*data.shape[:axis], *counts, *ints(attrs, "window_shape"))
    return TensorType(shape, data.dtype)


def _sliding_window(attrs: Attributes, data: Array) -> Array:
    axis, _ = _window_sizes(attrs, data.shape)
    axes = tuple(range(axis, data.ndim))
    windows = sliding_window_view(data, ints(attrs, "window_shape"), axes)
    steps = tuple(slice(None, None, step) for step in ints(attrs, "strides"))
    return np.ascontiguousarray(windows[(*(slice(None),) * axis, *steps)])


_DATA = ("data",)

ROWS = (
    Operator(
        "tile",
        _DATA,
        from_tensors(_tile_type),
        lambda attrs, data: np.tile(data, attrs["reps"]),
        Kind.BROADCAST,
        {"reps": Attribute("ints", required=True)},
    ),
    Operator(
        "repeat",
        _DATA,
        from_tensors(_repeat_type),
        lambda attrs, data: np.repeat(data, attrs["repeats"], attrs["axis"]),
        Kind.BROADCAST,
        {"repeats": Attribute("int", required=True), "axis": Attribute("int")},
    ),
    Operator(
        "reverse",
        _DATA,
        from_tensors(_reverse_type),
        lambda attrs, data: np.flip(data, attrs["axis"]).copy(),
        Kind.INJECTIVE,
        {"axis": Attribute("int", required=True)},
    ),
    Operator(
        "reverse_sequence",
        ("data", "seq_lengths"),
        from_tensors(_reverse_sequence_type),
        _reverse_sequence,
        Kind.INJECTIVE,
        {"seq_axis": Attribute("int", 1), "batch_axis": Attribute("int", 0)},
    ),
    Operator(
        "meshgrid",
        _DATA,
        _meshgrid_relation,
        _meshgrid,
        Kind.INJECTIVE,
        {"indexing": Attribute("str", "ij", choices=("ij", "xy"))},
    ),
    Operator(
        "sliding_window",
        _DATA,
        from_tensors(_sliding_window_type),
        _sliding_window,
        Kind.OPAQUE,
        {
            "axis": Attribute("int", required=True),
            "window_shape": Attribute("ints", required=True),
            "strides": Attribute("ints", required=True),
        },
    ),
)
