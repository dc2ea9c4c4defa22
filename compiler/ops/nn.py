"""Operators of neural networks that are neither convolution, matrix product nor pooling."""

from typing import cast

import numpy as np

from ..ir.types import FuncType, IncompleteType, TensorType, TupleType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, Value, from_tensors
from .shapes import axes_in, axis_in, product, require_equal, require_float, require_rank
from .windows import ints

__all__ = ["ROWS"]


def _relu_type(attrs: Attributes, data: TensorType) -> Type:
    return data


def _relu(attrs: Attributes, data: Array) -> Array:
    return np.asarray(np.maximum(data, np.zeros((), data.dtype)))


def _leaky_relu_type(attrs: Attributes, data: TensorType) -> Type:
    require_float(data)
    return data


def _leaky_relu(attrs: Attributes, data: Array) -> Array:
    slope = np.asarray(attrs["alpha"], data.dtype)
    return np.where(data > 0, data, data * slope).astype(data.dtype)


def _softmax_type(attrs: Attributes, data: TensorType) -> Type:
    require_float(data)
    axis_in(cast(int, attrs["axis"]), len(data.shape))
    return data


def _softmax(attrs: Attributes, data: Array) -> Array:
    axis = cast(int, attrs["axis"])
    if not data.size:
        return data
    wide = data.astype(np.float64)
    power = np.exp(wide - wide.max(axis=axis, keepdims=True))
    return np.asarray(power / power.sum(axis=axis, keepdims=True)).astype(data.dtype)


def _log_softmax(attrs: Attributes, data: Array) -> Array:
    axis = cast(int, attrs["axis"])
    if not data.size:
        return data
    wide = data.astype(np.float64)
    shifted = wide - wide.max(axis=axis, keepdims=True)
    total = np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return np.asarray(shifted - total).astype(data.dtype)


def _pad_type(attrs: Attributes, data: TensorType, pad_value: TensorType) -> Type:
    widths = cast(tuple[tuple[int, int], ...], attrs["pad_width"])
    if len(widths) != len(data.shape):
        raise Mismatch(
            f"pad_width must have one pair an axis, {len(data.shape)} of them, not {len(widths)}",
            "write [0, 0] for an axis that stays",
        )
    if any(width < 0 for pair in widths for width in pair):
        raise Mismatch(f"pad_width must be >= 0, not {widths}", "use strided_slice to crop")
    if pad_value.shape or pad_value.dtype != data.dtype:
        raise Mismatch(
            f"pad_value must be a scalar of type {data.dtype}, not {pad_value}", "cast it"
        )
    sizes = zip(data.shape, widths, strict=True)
    shape = tuple(size + sum(pair) for size, pair in sizes)
    return TensorType(shape, data.dtype)


def _pad(attrs: Attributes, data: Array, pad_value: Array) -> Array:
    widths = cast(tuple[tuple[int, int], ...], attrs["pad_width"])
    if attrs["pad_mode"] == "constant":
        return np.pad(data, widths, constant_values=pad_value.item())
    return np.pad(data, widths, mode="edge" if attrs["pad_mode"] == "edge" else "reflect")


def _batch_flatten_type(attrs: Attributes, data: TensorType) -> Type:
    if not data.shape:
        raise Mismatch("data must have at least one axis, not be a scalar", "expand_dims it")
    return TensorType((data.shape[0], product(data.shape[1:])), data.dtype)


def _batch_flatten(attrs: Attributes, data: Array) -> Array:
    return data.reshape(data.shape[0], int(np.prod(data.shape[1:], dtype=np.int64)))


def _batch_norm_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    data = types[0]
    if isinstance(data, IncompleteType):
        return None
    if not isinstance(data, TensorType):
        raise Mismatch(f"data must be a tensor, not {data}", "pass a tensor")
    require_float(data)
    axis = axis_in(cast(int, attrs["axis"]), len(data.shape))
    vector = TensorType((data.shape[axis],), data.dtype)
    for name, given in zip(("gamma", "beta", "moving_mean", "moving_var"), types[1:], strict=True):
        if isinstance(given, TensorType):
            require_rank(name, given, 1)
            require_equal(
                f"the length of {name}",
                given.shape[0],
                data.shape[axis],
                f"axis {axis} of data",
                "correct axis",
            )
    result = TupleType((data, vector, vector))
    return FuncType((data, vector, vector, vector, vector), result)


def _batch_norm(
    attrs: Attributes, data: Array, gamma: Array, beta: Array, mean: Array, variance: Array
) -> Value:
    shape = [1] * data.ndim
    shape[cast(int, attrs["axis"])] = -1
    m, v, g, b = (x.astype(np.float64).reshape(shape) for x in (mean, variance, gamma, beta))
    normal = (data - m) / np.sqrt(v + cast(float, attrs["epsilon"]))
    if attrs["scale"]:
        normal = normal * g
    if attrs["center"]:
        normal = normal + b
    return np.asarray(normal).astype(data.dtype), mean, variance


def _dropout_type(attrs: Attributes, data: TensorType) -> Type:
    return TupleType((data, data))


def _dropout(attrs: Attributes, data: Array) -> Value:
    return data, np.ones_like(data)


def _l2_type(attrs: Attributes, data: TensorType) -> Type:
    require_float(data)
    axes_in(ints(attrs, "axis"), len(data.shape))
    return data


def _l2_normalize(attrs: Attributes, data: Array) -> Array:
    wide = data.astype(np.float64)
    square = np.asarray(np.sum(wide * wide, axis=ints(attrs, "axis") or None, keepdims=True))
    floor = np.asarray(attrs["eps"], np.float64)
    return np.asarray(wide / np.sqrt(np.maximum(square, floor))).astype(data.dtype)


_AXIS_LAST = {"axis": Attribute("int", -1)}

ROWS = (
    Operator("nn.relu", ("data",), from_tensors(_relu_type), _relu, Kind.ELEMENTWISE),
    Operator(
        "nn.leaky_relu",
        ("data",),
        from_tensors(_leaky_relu_type),
        _leaky_relu,
        Kind.ELEMENTWISE,
        {"alpha": Attribute("float", 0.25)},
    ),
    Operator(
        "nn.softmax", ("data",), from_tensors(_softmax_type), _softmax, Kind.ANCHOR, _AXIS_LAST
    ),
    Operator(
        "nn.log_softmax",
        ("data",),
        from_tensors(_softmax_type),
        _log_softmax,
        Kind.ANCHOR,
        _AXIS_LAST,
    ),
    Operator(
        "nn.pad",
        ("data", "pad_value"),
        from_tensors(_pad_type),
        _pad,
        Kind.INJECTIVE,
        {
            "pad_width": Attribute("pairs", required=True),
            "pad_mode": Attribute("str", "constant", choices=("constant", "edge", "reflect")),
        },
    ),
    Operator(
        "nn.batch_flatten",
        ("data",),
        from_tensors(_batch_flatten_type),
        _batch_flatten,
        Kind.INJECTIVE,
    ),
    Operator(
        "nn.batch_norm",
        ("data", "gamma", "beta", "moving_mean", "moving_var"),
        _batch_norm_relation,
        _batch_norm,
        Kind.ANCHOR,
        {
            "axis": Attribute("int", 1),
            "epsilon": Attribute("float", 1e-5),
            "center": Attribute("bool", True),
            "scale": Attribute("bool", True),
        },
    ),
    Operator(
        "nn.dropout",
        ("data",),
        from_tensors(_dropout_type),
        _dropout,
        Kind.OPAQUE,
        {"rate": Attribute("float", 0.5)},
    ),
    Operator(
        "nn.l2_normalize",
        ("data",),
        from_tensors(_l2_type),
        _l2_normalize,
        Kind.ANCHOR,
        {"eps": Attribute("float", required=True), "axis": Attribute("ints", ())},
    ),
)
