"""Order: sorting, the largest elements, distinct elements, places, and running sums.

Sorting is stable in both directions: of equal elements the first comes first.
"""

from collections.abc import Callable
from typing import Literal, cast

import numpy as np

from ..ir.types import Any, Dim, TensorType, TupleType, Type
from .elementwise import cast as cast_array
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, Value, from_tensors
from .shapes import axis_in, product, require_equal, require_rank, same_dtype

__all__ = ["ROWS", "TOPK_ATTRIBUTES", "topk", "topk_type"]

_INDEX = Attribute("dtype", "")


def _order(data: Array, axis: int, ascending: bool) -> Array:
    """Return the places of the elements in their order along `axis`."""
    if ascending:
        return np.argsort(data, axis=axis, kind="stable")
    backwards = np.argsort(np.flip(data, axis), axis=axis, kind="stable")
    return np.asarray(data.shape[axis] - 1 - np.flip(backwards, axis))


def _sort_type(attrs: Attributes, data: TensorType) -> Type:
    axis_in(cast(int, attrs["axis"]), len(data.shape))
    return data


def _sort(attrs: Attributes, data: Array) -> Array:
    axis = cast(int, attrs["axis"])
    return np.take_along_axis(data, _order(data, axis, bool(attrs["is_ascend"])), axis)


def _index_dtype(attrs: Attributes) -> str:
    """Return the data type of indices, int32 unless the call says another."""
    return str(attrs["dtype"]) or "int32"


def _argsort_type(attrs: Attributes, data: TensorType) -> Type:
    axis_in(cast(int, attrs["axis"]), len(data.shape))
    return TensorType(data.shape, _index_dtype(attrs))


def _argsort(attrs: Attributes, data: Array) -> Array:
    axis = cast(int, attrs["axis"])
    return _order(data, axis, bool(attrs["is_ascend"])).astype(_index_dtype(attrs))


def topk_type(attrs: Attributes, data: TensorType, count: Dim) -> Type:
    """Return the type of the `count` first elements in order; all if `count` is below 1."""
    axis = axis_in(cast(int, attrs["axis"]), len(data.shape))
    size = data.shape[axis]
    count = size if isinstance(count, int) and count < 1 else count
    if isinstance(count, int) and isinstance(size, int) and count > size:
        raise Mismatch(f"k must be at most {size}, not {count}", f"axis {axis} has {size} elements")
    shape = (*data.shape[:axis], count, *data.shape[axis + 1 :])
    values, places = TensorType(shape, data.dtype), TensorType(shape, _index_dtype(attrs))
    found: dict[str, Type] = {"values": values, "indices": places}
    return found.get(str(attrs["ret_type"]), TupleType((values, places)))


def topk(attrs: Attributes, data: Array, count: int) -> Value:
    """Return the `count` first elements in order, their places, or both."""
    axis = cast(int, attrs["axis"])
    count = data.shape[axis] if count < 1 else count
    order = np.take(_order(data, axis, bool(attrs["is_ascend"])), range(count), axis)
    values = np.take_along_axis(data, order, axis)
    places = order.astype(_index_dtype(attrs))
    found: dict[str, Value] = {"values": values, "indices": places}
    return found.get(str(attrs["ret_type"]), (values, places))


def _static_count(attrs: Attributes) -> int:
    """Return the attribute k; None stands for all."""
    return cast(int, attrs["k"] or 0)


def _searchsorted_type(attrs: Attributes, sequence: TensorType, values: TensorType) -> Type:
    same_dtype(("sorted_sequence", "values"), sequence, values)
    if len(sequence.shape) != 1:
        require_rank("values", values, len(sequence.shape))
        pairs = list(zip(values.shape, sequence.shape, strict=True))[:-1]
        for axis, (size, expected) in enumerate(pairs):
            require_equal(f"axis {axis} of values", size, expected, "sorted_sequence", "check it")
        if not pairs:
            raise Mismatch("sorted_sequence must have at least one axis, not be a scalar", "stack")
    return TensorType(values.shape, _index_dtype(attrs))


def _searchsorted(attrs: Attributes, sequence: Array, values: Array) -> Array:
    side: Literal["left", "right"] = "right" if attrs["right"] else "left"
    if sequence.ndim == 1:
        return np.asarray(np.searchsorted(sequence, values, side), _index_dtype(attrs))
    result = np.empty(values.shape, _index_dtype(attrs))
    for place in np.ndindex(sequence.shape[:-1]):
        result[place] = np.searchsorted(sequence[place], values[place], side)
    return result


def _unique_type(attrs: Attributes, data: TensorType) -> Type:
    require_rank("data", data, 1)
    indices = TensorType(data.shape, "int32")
    counts = (indices,) if attrs["return_counts"] else ()
    return TupleType((data, indices, indices, TensorType((1,), "int32"), *counts))


def _unique(attrs: Attributes, data: Array) -> Value:
    """Distinct elements, where each is first, which one each element is, how many, and counts.

    All but the number keep the length of data: what is past the number is 0.
    """
    found, first, which, counts = np.unique(
        data, return_index=True, return_inverse=True, return_counts=True
    )
    if not attrs["sorted"]:
        order = np.argsort(first, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        found, first, which, counts = found[order], first[order], rank[which], counts[order]
    rest = (0, data.size - found.size)
    indices = np.pad(first, rest).astype(np.int32)
    parts = (
        np.pad(found, rest),
        indices,
        which.reshape(data.shape).astype(np.int32),
        np.asarray([found.size], np.int32),
    )
    return (*parts, np.pad(counts, rest).astype(np.int32)) if attrs["return_counts"] else parts


def _argwhere_type(attrs: Attributes, condition: TensorType) -> Type:
    return TensorType((Any(), len(condition.shape)), "int32")


def _scan_type(attrs: Attributes, data: TensorType) -> Type:
    axis = cast(int | None, attrs["axis"])
    dtype = str(attrs["dtype"]) or ("int32" if data.dtype == "bool" else data.dtype)
    if axis is None:
        return TensorType((product(data.shape),), dtype)
    axis_in(axis, len(data.shape))
    return TensorType(data.shape, dtype)


def _scan(function: Callable[..., Array], neutral: int) -> Callable[..., Array]:
    """Return the meaning of a running sum or product."""

    def meaning(attrs: Attributes, data: Array) -> Array:
        dtype = str(attrs["dtype"]) or ("int32" if data.dtype == "bool" else str(data.dtype))
        axis = cast(int | None, attrs["axis"])
        line = cast_array(data.reshape(-1) if axis is None else data, dtype)
        place = 0 if axis is None else axis
        if attrs["exclusive"]:
            line = np.roll(line, 1, place)
            if line.size:
                np.moveaxis(line, place, 0)[0] = neutral
        return np.asarray(function(line, axis=place, dtype=dtype))

    return meaning


TOPK_ATTRIBUTES = {
    "axis": Attribute("int", -1),
    "ret_type": Attribute("str", "both", choices=("both", "values", "indices")),
    "is_ascend": Attribute("bool", False),
    "dtype": _INDEX,
}

_SORT_ATTRIBUTES = {
    "axis": Attribute("int", -1),
    "is_ascend": Attribute("bool", True),
    "dtype": _INDEX,
}

_DATA = ("data",)

ROWS = (
    Operator("sort", _DATA, from_tensors(_sort_type), _sort, Kind.OPAQUE, _SORT_ATTRIBUTES),
    Operator(
        "argsort", _DATA, from_tensors(_argsort_type), _argsort, Kind.OPAQUE, _SORT_ATTRIBUTES
    ),
    Operator(
        "topk",
        _DATA,
        from_tensors(lambda attrs, data: topk_type(attrs, data, _static_count(attrs))),
        lambda attrs, data: topk(attrs, data, _static_count(attrs)),
        Kind.OPAQUE,
        {"k": Attribute("int"), **TOPK_ATTRIBUTES},
    ),
    Operator(
        "searchsorted",
        ("sorted_sequence", "values"),
        from_tensors(_searchsorted_type),
        _searchsorted,
        Kind.OPAQUE,
        {"right": Attribute("bool", False), "dtype": Attribute("dtype", "int32")},
    ),
    Operator(
        "unique",
        _DATA,
        from_tensors(_unique_type),
        _unique,
        Kind.OPAQUE,
        {"sorted": Attribute("bool", True), "return_counts": Attribute("bool", False)},
    ),
    Operator(
        "argwhere",
        ("condition",),
        from_tensors(_argwhere_type),
        lambda attrs, condition: np.argwhere(condition).astype(np.int32),
        Kind.OPAQUE,
        result_shape=lambda attrs, condition: ((int(np.count_nonzero(condition)), condition.ndim),),
    ),
    *(
        Operator(
            name,
            _DATA,
            from_tensors(_scan_type),
            _scan(function, neutral),
            Kind.OPAQUE,
            {
                "axis": Attribute("int"),
                "dtype": Attribute("dtype", ""),
                "exclusive": Attribute("bool", False),
            },
        )
        for name, function, neutral in (("cumsum", np.cumsum, 0), ("cumprod", np.cumprod, 1))
    ),
)
