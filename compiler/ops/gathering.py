"""Operators that read or write elements at places that another tensor names."""

from typing import cast

import numpy as np
import numpy.typing as npt

from ..ir.types import FuncType, TensorType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import (
    axis_in,
    broadcast,
    known,
    require_equal,
    require_integer,
    require_rank,
    require_scalar,
)
from .slicing import tensors_of

__all__ = ["ROWS", "checked_places"]


def checked_places(indices: Array, size: int, name: str = "indices") -> npt.NDArray[np.int64]:
    """Return indices, which may count from the end, as 0..size - 1.

    Raises
    ------
    Mismatch
        One is out of range.
    """
    wide = indices.astype(np.int64)
    if wide.size and not -size <= wide.min() <= wide.max() < size:
        raise Mismatch(
            f"{name} must be in {-size}..{size - 1}, not {wide.min()}..{wide.max()}",
            "clip them, or check what they index",
        )
    return np.where(wide < 0, wide + size, wide)


def _gather_type(attrs: Attributes, data: TensorType, indices: TensorType) -> Type:
    require_integer(indices, "indices")
    require_rank("indices", indices, len(data.shape))
    axis = axis_in(cast(int, attrs["axis"]), len(data.shape))
    for number, (size, expected) in enumerate(zip(indices.shape, data.shape, strict=True)):
        if number != axis:
            require_equal(f"axis {number} of indices", size, expected, "as of data", "check axis")
    return TensorType(indices.shape, data.dtype)


def _gather(attrs: Attributes, data: Array, indices: Array) -> Array:
    axis = cast(int, attrs["axis"])
    places = checked_places(indices, data.shape[axis])
    return np.take_along_axis(data, places, axis)


def _gather_nd_type(attrs: Attributes, data: TensorType, indices: TensorType) -> Type:
    require_integer(indices, "indices")
    batch = cast(int, attrs["batch_dims"])
    if not indices.shape:
        raise Mismatch("indices must have at least one axis, not be a scalar", "expand_dims it")
    given = cast(int | None, attrs["index_rank"])
    depth = given if given is not None else known(indices.shape[0], "axis 0 of indices")
    require_equal("axis 0 of indices", indices.shape[0], depth, "attribute index_rank", "drop it")
    rank, places = len(data.shape), indices.shape[1:]
    if batch < 0 or batch > len(places) or depth + batch > rank:
        raise Mismatch(
            f"batch_dims must be in 0..{len(places)} and leave {depth} axes of data to index, "
            f"not be {batch}",
            f"data has {rank} axes",
        )
    for axis in range(batch):
        require_equal(
            f"axis {axis + 1} of indices", places[axis], data.shape[axis], "batch of data", "check"
        )
    return TensorType((*places, *data.shape[depth + batch :]), data.dtype)


def _nd_places(attrs: Attributes, shape: tuple[int, ...], indices: Array) -> tuple[Array, ...]:
    """Return numpy's index of the first axes of `shape`, batches first."""
    batch = cast(int, attrs.get("batch_dims", 0))
    places = indices.shape[1:]
    found: list[Array] = []
    for axis in range(batch):
        line = [1] * len(places)
        line[axis] = shape[axis]
        found.append(np.broadcast_to(np.arange(shape[axis]).reshape(line), places))
    for number, part in enumerate(indices):
        found.append(checked_places(part, shape[batch + number], f"indices[{number}]"))
    return tuple(found)


def _gather_nd(attrs: Attributes, data: Array, indices: Array) -> Array:
    places = _nd_places(attrs, data.shape, indices)
    if not places:
        return np.broadcast_to(data, indices.shape[1:] + data.shape).copy()
    return np.asarray(data[places])


_REDUCTIONS: dict[str, np.ufunc] = {
    "add": np.add,
    "mul": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
}


def _scatter(
    data: Array, places: tuple[Array, ...], updates: Array, reduction: str
) -> npt.NDArray[np.generic]:
    """Return `data` with `updates` put, or reduced in, at `places`; the last one put wins."""
    result = data.copy()
    if reduction == "update":
        result[places] = updates
    elif reduction == "mean":
        total, count = data.astype(np.float64), np.ones(data.shape, np.int64)
        np.add.at(total, places, updates.astype(np.float64))
        np.add.at(count, places, 1)
        mean = total / count
        result[...] = mean if data.dtype.kind == "f" else np.trunc(mean)
    else:
        _REDUCTIONS[reduction].at(result, places, updates)
    return result


def _scatter_elements_type(
    attrs: Attributes, data: TensorType, indices: TensorType, updates: TensorType
) -> Type:
    require_integer(indices, "indices")
    _require_number(data)
    axis = axis_in(cast(int, attrs["axis"]), len(data.shape))
    require_rank("indices", indices, len(data.shape))
    require_rank("updates", updates, len(data.shape))
    for number, (size, expected) in enumerate(zip(updates.shape, indices.shape, strict=True)):
        require_equal(f"axis {number} of updates", size, expected, "as of indices", "check it")
        limit = data.shape[number]
        both = isinstance(expected, int) and isinstance(limit, int) and number != axis
        if both and cast(int, expected) > cast(int, limit):
            raise Mismatch(
                f"axis {number} of indices must be at most {limit}, not {expected}", "cut it"
            )
    _same_element("updates", updates, data)
    return data


def _require_number(data: TensorType) -> None:
    """Raise Mismatch if data is bool."""
    if data.dtype == "bool":
        raise Mismatch("data must be numbers, not bool", 'cast it: cast(..., "int8")')


def _same_element(name: str, given: TensorType, data: TensorType) -> None:
    """Raise Mismatch unless the argument called `name` has data's data type."""
    if given.dtype != data.dtype:
        raise Mismatch(f"{name} must be {data.dtype}, as data is, not {given.dtype}", "cast it")


def _scatter_elements(attrs: Attributes, data: Array, indices: Array, updates: Array) -> Array:
    axis = cast(int, attrs["axis"]) % data.ndim
    places: list[Array] = list(np.indices(indices.shape, sparse=True))
    places[axis] = checked_places(indices, data.shape[axis])
    return _scatter(data, tuple(places), updates, str(attrs["reduction"]))


def _scatter_nd_type(
    attrs: Attributes, data: TensorType, indices: TensorType, updates: TensorType
) -> Type:
    require_integer(indices, "indices")
    _require_number(data)
    if not indices.shape:
        raise Mismatch("indices must have at least one axis, not be a scalar", "expand_dims it")
    depth = known(indices.shape[0], "axis 0 of indices")
    if depth > len(data.shape):
        raise Mismatch(
            f"axis 0 of indices must be at most {len(data.shape)} (the axes of data), not {depth}",
            "axis 0 of indices counts the axes that it names",
        )
    expected = (*indices.shape[1:], *data.shape[depth:])
    require_rank("updates", updates, len(expected))
    for axis, (size, want) in enumerate(zip(updates.shape, expected, strict=True)):
        require_equal(f"axis {axis} of updates", size, want, "indices and data", "reshape updates")
    _same_element("updates", updates, data)
    return data


def _scatter_nd(attrs: Attributes, data: Array, indices: Array, updates: Array) -> Array:
    places = _nd_places({}, data.shape, indices)
    return _scatter(data, places, updates, str(attrs["mode"]))


def _adv_index_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    tensors = tensors_of("inputs", types[0])
    if tensors is None:
        return None
    data, *indices = tensors
    if not 1 <= len(indices) <= len(data.shape):
        raise Mismatch(
            f"inputs must hold data and 1..{len(data.shape)} indices, not {len(indices)}",
            "write (data, index, ...), at most one index for each axis of data",
        )
    shape = indices[0].shape
    for number, index in enumerate(indices, 1):
        require_integer(index, f"field {number}")
        shape = broadcast(shape, index.shape)
    return FuncType(types, TensorType((*shape, *data.shape[len(indices) :]), data.dtype))


def _adv_index(attrs: Attributes, inputs: tuple[Array, ...]) -> Array:
    data, *indices = inputs
    places = (checked_places(index, size) for index, size in zip(indices, data.shape, strict=False))
    return np.asarray(data[tuple(places)])


def _unravel_type(attrs: Attributes, data: TensorType, shape: TensorType) -> Type:
    require_integer(data)
    require_integer(shape, "shape")
    require_rank("shape", shape, 1)
    return TensorType((shape.shape[0], *data.shape), data.dtype)


def _unravel(attrs: Attributes, data: Array, shape: Array) -> Array:
    sizes = tuple(int(size) for size in shape)
    places = checked_places(data, int(np.prod(sizes, dtype=np.int64)), "data")
    return np.stack(np.unravel_index(places, sizes)).astype(data.dtype)


def _one_hot_type(
    attrs: Attributes, indices: TensorType, on_value: TensorType, off_value: TensorType
) -> Type:
    require_integer(indices, "indices")
    require_scalar(on_value, "on_value")
    require_scalar(off_value, "off_value")
    _same_element("off_value", off_value, on_value)
    depth = cast(int, attrs["depth"])
    if depth < 1:
        raise Mismatch(f"depth must be >= 1, not {depth}", "give the number of classes")
    place = axis_in(cast(int, attrs["axis"]), len(indices.shape) + 1)
    shape = (*indices.shape[:place], depth, *indices.shape[place:])
    return TensorType(shape, str(attrs["dtype"]) or on_value.dtype)


def _one_hot(attrs: Attributes, indices: Array, on_value: Array, off_value: Array) -> Array:
    place = cast(int, attrs["axis"]) % (indices.ndim + 1)
    classes = np.arange(cast(int, attrs["depth"])).reshape(-1, *(1,) * (indices.ndim - place))
    hot = np.expand_dims(indices, place) == classes
    return np.where(hot, on_value, off_value).astype(str(attrs["dtype"]) or on_value.dtype)


ONE_HOT_ATTRIBUTES = {
    "depth": Attribute("int", 1),
    "axis": Attribute("int", -1),
    "dtype": Attribute("dtype", ""),
}

_UPDATED = ("data", "indices", "updates")
_MODES = ("update", "add", "mul", "min", "max")

ROWS = (
    Operator(
        "gather",
        ("data", "indices"),
        from_tensors(_gather_type),
        _gather,
        Kind.INJECTIVE,
        {"axis": Attribute("int", required=True)},
    ),
    Operator(
        "gather_nd",
        ("data", "indices"),
        from_tensors(_gather_nd_type),
        _gather_nd,
        Kind.INJECTIVE,
        {"batch_dims": Attribute("int", 0), "index_rank": Attribute("int")},
    ),
    Operator(
        "scatter_elements",
        _UPDATED,
        from_tensors(_scatter_elements_type),
        _scatter_elements,
        Kind.OPAQUE,
        {
            "axis": Attribute("int", 0),
            "reduction": Attribute("str", "update", choices=(*_MODES, "mean")),
        },
    ),
    Operator(
        "scatter_nd",
        _UPDATED,
        from_tensors(_scatter_nd_type),
        _scatter_nd,
        Kind.OPAQUE,
        {"mode": Attribute("str", "update", choices=_MODES)},
    ),
    Operator("adv_index", ("inputs",), _adv_index_relation, _adv_index, Kind.INJECTIVE),
    Operator(
        "unravel_index",
        ("data", "shape"),
        from_tensors(_unravel_type),
        _unravel,
        Kind.INJECTIVE,
    ),
    Operator(
        "one_hot",
        ("indices", "on_value", "off_value"),
        from_tensors(_one_hot_type),
        _one_hot,
        Kind.ANCHOR,
        ONE_HOT_ATTRIBUTES,
    ),
)
