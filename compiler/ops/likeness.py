"""Operators that take shape or data type from a second tensor, or make one like the first."""

from collections.abc import Callable
from typing import cast

import numpy as np

from ..ir.types import Dim, FuncType, IncompleteType, TensorType, Type
from .elementwise import cast as cast_array
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import (
    axis_in,
    product,
    require_broadcast,
    require_equal,
    require_integer,
    require_scalar,
    require_sizes,
)
from .windows import ints

__all__ = ["ROWS", "collapse"]


def _same(attrs: Attributes, data: TensorType) -> Type:
    return data


def _full_like_type(attrs: Attributes, data: TensorType, fill_value: TensorType) -> Type:
    require_scalar(fill_value, "fill_value")
    return data


def _full_like(attrs: Attributes, data: Array, fill_value: Array) -> Array:
    return np.full(data.shape, cast_array(fill_value, str(data.dtype)), data.dtype)


def _cast_like_type(attrs: Attributes, data: TensorType, dtype_like: TensorType) -> Type:
    return TensorType(data.shape, dtype_like.dtype)


def _range(attrs: Attributes, side: str, rank: int) -> tuple[int, int]:
    """Return the axes from ``side_begin`` to ``side_end`` of `rank` axes."""
    begin, end = cast(int, attrs[f"{side}_begin"]), cast(int | None, attrs[f"{side}_end"])
    first = begin + rank if begin < 0 else begin
    last = rank if end is None else end + rank if end < 0 else end
    if not 0 <= first <= last <= rank:
        raise Mismatch(
            f"{side}_begin and {side}_end must rise within 0..{rank}, not {begin} and {end}",
            "correct them",
        )
    return first, last


def _reshape_like_shape(
    attrs: Attributes, data: tuple[Dim, ...], like: tuple[Dim, ...]
) -> tuple[Dim, ...]:
    """Return `data` with its range of axes replaced by that of `like`."""
    first, last = _range(attrs, "lhs", len(data))
    begin, end = _range(attrs, "rhs", len(like))
    require_equal(
        f"the elements of axes {begin}..{end} of shape_like",
        product(like[begin:end]),
        product(data[first:last]),
        f"axes {first}..{last} of data",
        "the number of elements must stay",
    )
    return (*data[:first], *like[begin:end], *data[last:])


def _reshape_like_type(attrs: Attributes, data: TensorType, like: TensorType) -> Type:
    return TensorType(_reshape_like_shape(attrs, data.shape, like.shape), data.dtype)


def _reshape_like(attrs: Attributes, data: Array, like: Array) -> Array:
    shape = _reshape_like_shape(attrs, data.shape, like.shape)
    return data.reshape(cast(tuple[int, ...], shape))


def _broadcast_like_type(attrs: Attributes, data: TensorType, like: TensorType) -> Type:
    require_broadcast(data.shape, like.shape, ("data", "broadcast_type"))
    return TensorType(like.shape, data.dtype)


def _collapse_like_type(attrs: Attributes, data: TensorType, like: TensorType) -> Type:
    require_broadcast(like.shape, data.shape, ("collapse_type", "data"))
    return TensorType(like.shape, data.dtype)


def collapse(data: Array, shape: tuple[int, ...]) -> Array:
    """Return the sum of `data` over the axes along which `shape` broadcasts to it."""
    extra = data.ndim - len(shape)
    wide = data.astype(np.float64) if data.dtype.kind == "f" else data
    total = wide.sum(axis=tuple(range(extra)))
    axes = tuple(a for a, size in enumerate(shape) if size == 1 and total.shape[a] != 1)
    return np.asarray(total.sum(axis=axes, keepdims=True)).astype(data.dtype)


def _collapse_to_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    if any(isinstance(given, IncompleteType) for given in types):
        return None
    data, shape = types
    if not isinstance(data, TensorType) or not isinstance(shape, TensorType):
        raise Mismatch("data and shape must be tensors", "pass tensors")
    require_integer(shape, "shape")
    require_sizes("shape", ints(attrs, "shape"))
    require_broadcast(ints(attrs, "shape"), data.shape, ("shape", "data"))
    return FuncType(types, TensorType(ints(attrs, "shape"), data.dtype))


def _slice_like_shape(
    attrs: Attributes, data: tuple[Dim, ...], like: tuple[Dim, ...]
) -> tuple[Dim, ...]:
    """Return `data` cut to the sizes of `like` along the axes."""
    given = cast(tuple[int, ...] | None, attrs["axes"])
    if not given and len(data) != len(like):
        raise Mismatch(
            f"data and shape_like must have as many axes, not {len(data)} and {len(like)}",
            "name the axes to slice",
        )
    shape = list(data)
    for axis in given or range(len(data)):
        place, other = axis_in(axis, len(data)), axis_in(axis, len(like))
        size, limit = data[place], like[other]
        if isinstance(size, int) and isinstance(limit, int) and limit > size:
            raise Mismatch(
                f"shape_like must be at most {size} along axis {axis}, not {limit}", "slice less"
            )
        shape[place] = limit
    return tuple(shape)


def _slice_like_type(attrs: Attributes, data: TensorType, like: TensorType) -> Type:
    return TensorType(_slice_like_shape(attrs, data.shape, like.shape), data.dtype)


def _slice_like(attrs: Attributes, data: Array, like: Array) -> Array:
    shape = cast(tuple[int, ...], _slice_like_shape(attrs, data.shape, like.shape))
    return np.ascontiguousarray(data[tuple(slice(size) for size in shape)])


_REFER_TO_SHAPE: tuple[tuple[str, str, Callable[..., Type], Callable[..., Array], Kind], ...] = (
    (
        "broadcast_to_like",
        "broadcast_type",
        _broadcast_like_type,
        lambda attrs, data, like: np.broadcast_to(data, like.shape).copy(),
        Kind.BROADCAST,
    ),
    (
        "collapse_sum_like",
        "collapse_type",
        _collapse_like_type,
        lambda attrs, data, like: collapse(data, like.shape),
        Kind.REDUCTION,
    ),
)

ROWS = (
    *(
        Operator(
            name,
            ("data",),
            from_tensors(_same),
            lambda attrs, data, value=value: np.full(data.shape, value, data.dtype),
            Kind.ELEMENTWISE,
        )
        for name, value in (("zeros_like", 0), ("ones_like", 1))
    ),
    Operator(
        "full_like",
        ("data", "fill_value"),
        from_tensors(_full_like_type),
        _full_like,
        Kind.ELEMENTWISE,
    ),
    Operator(
        "cast_like",
        ("data", "dtype_like"),
        from_tensors(_cast_like_type),
        lambda attrs, data, like: cast_array(data, str(like.dtype)),
        Kind.ELEMENTWISE,
    ),
    *(
        Operator(name, ("data", other), from_tensors(result), meaning, kind)
        for name, other, result, meaning, kind in _REFER_TO_SHAPE
    ),
    Operator(
        "collapse_sum_to",
        ("data", "shape"),
        _collapse_to_relation,
        lambda attrs, data, shape: collapse(data, ints(attrs, "shape")),
        Kind.REDUCTION,
        {"shape": Attribute("ints", required=True)},
    ),
    Operator(
        "reshape_like",
        ("data", "shape_like"),
        from_tensors(_reshape_like_type),
        _reshape_like,
        Kind.INJECTIVE,
        {
            "lhs_begin": Attribute("int", 0),
            "lhs_end": Attribute("int"),
            "rhs_begin": Attribute("int", 0),
            "rhs_end": Attribute("int"),
        },
    ),
    Operator(
        "slice_like",
        ("data", "shape_like"),
        from_tensors(_slice_like_type),
        _slice_like,
        Kind.INJECTIVE,
        {"axes": Attribute("ints")},
    ),
)
