"""Normalisation over axes, groups and neighbours, variance, and the slopes of nn.prelu.

Statistics are taken in float64 and rounded once.
"""

from collections.abc import Callable
from typing import cast

import numpy as np

from ..ir.types import Dim, FuncType, IncompleteType, TensorType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, Relation, from_tensors
from .reduction import REDUCE_ATTRIBUTES, reduced_axes, reduced_shape
from .shapes import axis_in, broadcast, require_equal, require_float, require_rank, same_dtype

__all__ = ["ROWS"]

Axes = Callable[[Attributes, int], tuple[int, ...]]
"""From attributes and rank to the axes over which a norm takes its statistics."""


def _scaled_relation(names: tuple[str, ...], check: Callable[..., None]) -> Relation:
    """Return the relation of data and vectors along ``axis``; the result is as data."""

    def relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
        data = types[0]
        if isinstance(data, IncompleteType):
            return None
        if not isinstance(data, TensorType):
            raise Mismatch(f"data must be a tensor, not {data}", "pass a tensor")
        require_float(data)
        axis = axis_in(cast(int, attrs["axis"]), len(data.shape))
        check(attrs, data, axis)
        vector = TensorType((data.shape[axis],), data.dtype)
        for name, given in zip(names, types[1:], strict=True):
            if isinstance(given, IncompleteType):
                continue
            if not isinstance(given, TensorType):
                raise Mismatch(f"{name} must be a tensor, not {given}", "pass a tensor")
            require_rank(name, given, 1)
            same_dtype(("data", name), data, given)
            require_equal(
                f"the length of {name}",
                given.shape[0],
                data.shape[axis],
                f"axis {axis} of data",
                "correct axis",
            )
        given_or_made = (given if isinstance(given, TensorType) else vector for given in types[1:])
        return FuncType((data, *given_or_made), data)

    return relation


def _no_check(attrs: Attributes, data: TensorType, axis: int) -> None:
    """Accept any axis."""


def _check_instance(attrs: Attributes, data: TensorType, axis: int) -> None:
    if len(data.shape) < 2 or axis == 0:
        raise Mismatch("data must have a batch first and axis name another", "correct axis")


def _check_group(attrs: Attributes, data: TensorType, axis: int) -> None:
    _check_instance(attrs, data, axis)
    groups, size = cast(int, attrs["num_groups"]), data.shape[axis]
    if groups < 1 or (isinstance(size, int) and size % groups):
        raise Mismatch(
            f"num_groups must divide the {size} elements of axis {axis}, not be {groups}",
            "correct num_groups",
        )


def _standardize(data: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """Return float64 `data` with mean 0 and variance 1 over `axes`."""
    mean = data.mean(axis=axes, keepdims=True)
    variance = ((data - mean) ** 2).mean(axis=axes, keepdims=True)
    return np.asarray((data - mean) / np.sqrt(variance + epsilon))


def _scale(attrs: Attributes, normal: Array, gamma: Array, beta: Array, dtype: object) -> Array:
    """Return gamma * normal + beta along ``axis``, as far as the call asks for them."""
    shape = [1] * normal.ndim
    shape[cast(int, attrs["axis"])] = -1
    if attrs["scale"]:
        normal = normal * gamma.astype(np.float64).reshape(shape)
    if attrs["center"]:
        normal = normal + beta.astype(np.float64).reshape(shape)
    return normal.astype(str(dtype))


def _norm(axes: Axes) -> Callable[..., Array]:
    """Return the meaning of a norm over `axes`."""

    def meaning(attrs: Attributes, data: Array, gamma: Array, beta: Array) -> Array:
        wide = data.astype(np.float64)
        normal = _standardize(wide, axes(attrs, data.ndim), cast(float, attrs["epsilon"]))
        return _scale(attrs, normal, gamma, beta, data.dtype)

    return meaning


def _layer_axes(attrs: Attributes, rank: int) -> tuple[int, ...]:
    return (cast(int, attrs["axis"]) % rank,)


def _instance_axes(attrs: Attributes, rank: int) -> tuple[int, ...]:
    channel = cast(int, attrs["axis"]) % rank
    return tuple(axis for axis in range(1, rank) if axis != channel)


def _group_norm(attrs: Attributes, data: Array, gamma: Array, beta: Array) -> Array:
    axis, groups = cast(int, attrs["axis"]) % data.ndim, cast(int, attrs["num_groups"])
    split = (*data.shape[:axis], groups, data.shape[axis] // groups, *data.shape[axis + 1 :])
    wide = data.astype(np.float64).reshape(split)
    axes = tuple(number for number in range(1, wide.ndim) if number != axis)
    normal = _standardize(wide, axes, cast(float, attrs["epsilon"])).reshape(data.shape)
    return _scale(attrs, normal, gamma, beta, data.dtype)


def _lrn_type(attrs: Attributes, data: TensorType) -> Type:
    require_float(data)
    axis_in(cast(int, attrs["axis"]), len(data.shape))
    size = cast(int, attrs["size"])
    if size < 1 or size % 2 == 0:
        raise Mismatch(f"size must be odd and >= 1, not {size}", "it counts both neighbours")
    return data


def _lrn(attrs: Attributes, data: Array) -> Array:
    axis, size = cast(int, attrs["axis"]) % data.ndim, cast(int, attrs["size"])
    wide = np.moveaxis(data.astype(np.float64), axis, 0)
    square = np.pad(wide**2, ((size // 2, size // 2), *((0, 0),) * (data.ndim - 1)))
    total = np.zeros_like(wide)
    for step in range(size):
        total += square[step : step + wide.shape[0]]
    base = cast(float, attrs["bias"]) + cast(float, attrs["alpha"]) / size * total
    result = wide / base ** cast(float, attrs["beta"])
    return np.moveaxis(result, 0, axis).astype(data.dtype)


def _prelu(attrs: Attributes, data: Array, alpha: Array) -> Array:
    shape = [1] * data.ndim
    shape[cast(int, attrs["axis"])] = -1
    return np.where(data > 0, data, data * alpha.reshape(shape))


def _variance_type(attrs: Attributes, data: TensorType, mean: TensorType) -> Type:
    require_float(data)
    same_dtype(("data", "mean"), data, mean)
    kept = reduced_shape({**attrs, "keepdims": True}, data)
    found: tuple[Dim, ...] = broadcast(mean.shape, kept)
    require_rank("mean", mean, len(kept))
    for axis, (size, want) in enumerate(zip(found, kept, strict=True)):
        require_equal(f"axis {axis} of mean", size, want, "mean(data, keepdims=True)", "keepdims")
    return TensorType(reduced_shape(attrs, data), data.dtype)


def _variance(attrs: Attributes, data: Array, mean: Array) -> Array:
    axes = reduced_axes(attrs, data.ndim)
    count = int(np.prod([data.shape[axis] for axis in axes], dtype=np.int64))
    square = (data.astype(np.float64) - mean) ** 2
    total = square.sum(axis=axes, keepdims=bool(attrs["keepdims"]))
    return np.asarray(total / (count - bool(attrs["unbiased"]))).astype(data.dtype)


def _attributes(axis: int) -> dict[str, Attribute]:
    return {
        "axis": Attribute("int", axis),
        "epsilon": Attribute("float", 1e-5),
        "center": Attribute("bool", True),
        "scale": Attribute("bool", True),
    }


_NORM = ("data", "gamma", "beta")

ROWS = (
    Operator(
        "nn.layer_norm",
        _NORM,
        _scaled_relation(_NORM[1:], _no_check),
        _norm(_layer_axes),
        Kind.ANCHOR,
        _attributes(-1),
    ),
    Operator(
        "nn.instance_norm",
        _NORM,
        _scaled_relation(_NORM[1:], _check_instance),
        _norm(_instance_axes),
        Kind.ANCHOR,
        _attributes(1),
    ),
    Operator(
        "nn.group_norm",
        _NORM,
        _scaled_relation(_NORM[1:], _check_group),
        _group_norm,
        Kind.ANCHOR,
        {"num_groups": Attribute("int", 0), **_attributes(1)},
    ),
    Operator(
        "nn.lrn",
        ("data",),
        from_tensors(_lrn_type),
        _lrn,
        Kind.OPAQUE,
        {
            "size": Attribute("int", 5),
            "axis": Attribute("int", 1),
            "bias": Attribute("float", 2.0),
            "alpha": Attribute("float", 0.0001),
            "beta": Attribute("float", 0.75),
        },
    ),
    Operator(
        "nn.prelu",
        ("data", "alpha"),
        _scaled_relation(("alpha",), _no_check),
        _prelu,
        Kind.BROADCAST,
        {"axis": Attribute("int", 1)},
    ),
    Operator(
        "variance",
        ("data", "mean"),
        from_tensors(_variance_type),
        _variance,
        Kind.REDUCTION,
        {**REDUCE_ATTRIBUTES, "unbiased": Attribute("bool", False)},
    ),
)
