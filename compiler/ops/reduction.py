"""Reductions over axes: sum, mean, logsumexp, max, min, prod, argmax, argmin, all, any.

Sums of integers wrap in the operand's data type; a mean of integers truncates towards zero.
"""

from collections.abc import Callable
from typing import cast

import numpy as np

from ..ir.types import Dim, TensorType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import axes_in, element_count, require_float

__all__ = ["REDUCE_ATTRIBUTES", "ROWS", "reduced_axes", "reduced_shape"]

REDUCE_ATTRIBUTES = {
    "axis": Attribute("ints"),
    "keepdims": Attribute("bool", False),
    "exclude": Attribute("bool", False),
}

ARG_REDUCE_ATTRIBUTES = {
    "axis": Attribute("ints"),
    "keepdims": Attribute("bool", False),
    "select_last_index": Attribute("bool", False),
    "exclude": Attribute("bool", False),
}


def reduced_axes(attrs: Attributes, rank: int) -> tuple[int, ...]:
    """Return the axes to reduce, sorted."""
    given = cast(tuple[int, ...] | None, attrs["axis"])
    axes = tuple(range(rank)) if given is None else axes_in(given, rank)
    if attrs["exclude"]:
        if given is None:
            raise Mismatch("exclude needs axis: nothing would be reduced", "name the axes to keep")
        axes = tuple(axis for axis in range(rank) if axis not in axes)
    return tuple(sorted(axes))


def reduced_shape(attrs: Attributes, data: TensorType) -> tuple[Dim, ...]:
    """Return the shape of the result."""
    axes = reduced_axes(attrs, len(data.shape))
    if attrs["keepdims"]:
        return tuple(1 if axis in axes else size for axis, size in enumerate(data.shape))
    return tuple(size for axis, size in enumerate(data.shape) if axis not in axes)


def _reduce_type(attrs: Attributes, data: TensorType) -> Type:
    return TensorType(reduced_shape(attrs, data), data.dtype)


def _nonempty_type(attrs: Attributes, data: TensorType) -> Type:
    reduced = tuple(data.shape[axis] for axis in reduced_axes(attrs, len(data.shape)))
    if element_count(reduced) == 0:
        raise Mismatch(f"data must not be empty along the reduced axes, but is {data}", "check it")
    return _reduce_type(attrs, data)


def _float_type(attrs: Attributes, data: TensorType) -> Type:
    require_float(data)
    return _nonempty_type(attrs, data)


def _bool_type(attrs: Attributes, data: TensorType) -> Type:
    if data.dtype != "bool":
        raise Mismatch(f"data must be bool, not {data.dtype}", "compare it with 0")
    return _reduce_type(attrs, data)


def _arg_type(attrs: Attributes, data: TensorType) -> Type:
    _nonempty_type(attrs, data)
    return TensorType(reduced_shape(attrs, data), "int32")


def _reducer(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return the meaning of a reduction made of a numpy function with axis and keepdims."""

    def meaning(attrs: Attributes, data: Array) -> Array:
        wide = data.astype(np.float64) if data.dtype.kind == "f" else data
        result = function(
            wide, axis=reduced_axes(attrs, data.ndim), keepdims=bool(attrs["keepdims"])
        )
        return np.asarray(result).astype(data.dtype)

    return meaning


def _mean(data: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    if data.dtype.kind == "f":
        return np.asarray(np.mean(data, axis=axis, keepdims=keepdims))
    total = np.sum(data, axis=axis, keepdims=keepdims, dtype=np.int64)
    count = int(np.prod([data.shape[number] for number in axis], dtype=np.int64))
    return np.asarray(np.sign(total) * (np.abs(total) // count))


def _logsumexp(data: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    largest = np.max(data, axis=axis, keepdims=True)
    finite = np.where(np.isfinite(largest), largest, 0.0)
    total = np.log(np.sum(np.exp(data - finite), axis=axis, keepdims=True)) + finite
    return np.asarray(total if keepdims else np.squeeze(total, axis))


def _arg(best: Callable[..., Array]) -> Callable[..., Array]:
    """Return the meaning of argmax or argmin: places are counted over the reduced axes."""

    def meaning(attrs: Attributes, data: Array) -> Array:
        axes = reduced_axes(attrs, data.ndim)
        kept = tuple(axis for axis in range(data.ndim) if axis not in axes)
        count = int(np.prod([data.shape[axis] for axis in axes], dtype=np.int64))
        rows = np.transpose(data, kept + axes).reshape(*(data.shape[axis] for axis in kept), count)
        if attrs["select_last_index"]:
            found = rows.shape[-1] - 1 - best(rows[..., ::-1], axis=-1)
        else:
            found = best(rows, axis=-1)
        shape = [1 if axis in axes else size for axis, size in enumerate(data.shape)]
        return np.asarray(found, np.int32).reshape(
            shape if attrs["keepdims"] else [data.shape[axis] for axis in kept]
        )

    return meaning


_SIMPLE: tuple[tuple[str, Callable[..., Type], Callable[..., Array]], ...] = (
    ("sum", _reduce_type, np.sum),
    ("prod", _reduce_type, np.prod),
    ("mean", _nonempty_type, _mean),
    ("logsumexp", _float_type, _logsumexp),
    ("max", _nonempty_type, np.max),
    ("min", _nonempty_type, np.min),
    ("all", _bool_type, np.all),
    ("any", _bool_type, np.any),
)

ROWS = (
    *(
        Operator(
            name,
            ("data",),
            from_tensors(result),
            _reducer(function),
            Kind.REDUCTION,
            REDUCE_ATTRIBUTES,
        )
        for name, result, function in _SIMPLE
    ),
    *(
        Operator(
            name,
            ("data",),
            from_tensors(_arg_type),
            _arg(best),
            Kind.REDUCTION,
            ARG_REDUCE_ATTRIBUTES,
        )
        for name, best in (("argmax", np.argmax), ("argmin", np.argmin))
    ),
)
