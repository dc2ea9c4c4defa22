"""nn.dense, nn.batch_matmul and nn.bias_add: matrices, and the bias that follows them."""

from typing import cast

import numpy as np

from ..ir.types import Dim, FuncType, IncompleteType, TensorType, Type
from .convolution import multiply_accumulate
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import axis_in, broadcast, require_equal, require_rank, same_dtype

__all__ = [
    "BATCH_MATMUL_ATTRIBUTES",
    "DENSE_ATTRIBUTES",
    "ROWS",
    "batch_matmul_type",
    "batch_products",
    "dense_type",
]

BATCH_MATMUL_ATTRIBUTES = {
    "out_dtype": Attribute("dtype", ""),
    "transpose_a": Attribute("bool", False),
    "transpose_b": Attribute("bool", False),
}

DENSE_ATTRIBUTES = {"units": Attribute("int"), "out_dtype": Attribute("dtype", "")}


def dense_type(data: Type, weight: Type, attrs: Attributes) -> tuple[TensorType, Type] | None:
    """Return the types of weight and result of ``data [..., k] x weight [units, k]``.

    Returns
    -------
    (weight, result), or None while `data` is unknown, or `weight` and ``units`` are.

    Raises
    ------
    Mismatch
        Data, weight and attributes contradict each other.
    """
    if isinstance(data, IncompleteType):
        return None
    if not isinstance(data, TensorType) or not data.shape:
        raise Mismatch(f"data must be a tensor of at least one axis, not {data}", "reshape it")
    units = attrs["units"]
    if isinstance(weight, IncompleteType):
        if not isinstance(units, int):
            return None
        weight = TensorType((units, data.shape[-1]), data.dtype)
    if not isinstance(weight, TensorType):
        raise Mismatch(f"weight must be a tensor, not {weight}", "pass a tensor")
    require_rank("weight", weight, 2)
    require_equal(
        "axis 1 of weight",
        weight.shape[1],
        data.shape[-1],
        "the last axis of data",
        "transpose the weight, or reshape data",
    )
    if isinstance(units, int):
        require_equal(
            "axis 0 of weight",
            weight.shape[0],
            units,
            "attribute units",
            "correct units or leave it out",
        )
    shape = (*data.shape[:-1], weight.shape[0])
    return weight, TensorType(shape, str(attrs["out_dtype"]) or data.dtype)


def _dense_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    data, weight = types
    found = dense_type(data, weight, attrs)
    if found is None:
        return None
    assert isinstance(data, TensorType)
    same_dtype(("data", "weight"), data, found[0])
    return FuncType((data, found[0]), found[1])


def _dense(attrs: Attributes, data: Array, weight: Array) -> Array:
    product = multiply_accumulate(data, weight.T)
    return product.astype(str(attrs["out_dtype"]) or data.dtype)


def _bias_add_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    data, bias = types
    if isinstance(data, IncompleteType):
        return None
    if not isinstance(data, TensorType):
        raise Mismatch(f"data must be a tensor, not {data}", "pass a tensor")
    axis = axis_in(cast(int, attrs["axis"]), len(data.shape))
    if isinstance(bias, IncompleteType):
        bias = TensorType((data.shape[axis],), data.dtype)
    if not isinstance(bias, TensorType):
        raise Mismatch(f"bias must be a tensor, not {bias}", "pass a tensor")
    require_rank("bias", bias, 1)
    require_equal(
        "the length of bias",
        bias.shape[0],
        data.shape[axis],
        f"axis {axis} of data",
        "correct axis or the bias",
    )
    same_dtype(("data", "bias"), data, bias)
    return FuncType((data, bias), data)


def _bias_add(attrs: Attributes, data: Array, bias: Array) -> Array:
    shape = [1] * data.ndim
    shape[cast(int, attrs["axis"])] = -1
    return np.asarray(np.add(data, bias.reshape(shape)))


def _matmul_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    a, b = types
    if isinstance(a, IncompleteType):
        return None
    if not isinstance(a, TensorType) or len(a.shape) < (2 if attrs["transpose_a"] else 1):
        raise Mismatch(f"tensor_a must be a tensor of at least two axes, not {a}", "expand_dims it")
    rows, inner = a.shape[:-1], a.shape[-1]
    if attrs["transpose_a"]:
        rows, inner = (*a.shape[:-2], a.shape[-1]), a.shape[-2]
    units = cast(int | None, attrs["units"])
    if isinstance(b, IncompleteType):
        if units is None:
            return None
        shape: tuple[Dim, ...] = (units, inner) if attrs["transpose_b"] else (inner, units)
        b = TensorType(shape, a.dtype)
    if not isinstance(b, TensorType):
        raise Mismatch(f"tensor_b must be a tensor, not {b}", "pass a tensor")
    dtype = same_dtype(("tensor_a", "tensor_b"), a, b)
    require_rank("tensor_b", b, 2)
    other, columns = b.shape[::-1] if attrs["transpose_b"] else b.shape
    require_equal(
        "the summed axis of tensor_b",
        other,
        inner,
        "that of tensor_a",
        "correct transpose_a or transpose_b",
    )
    if units is not None:
        require_equal("the columns of tensor_b", columns, units, "attribute units", "correct units")
    return FuncType((a, b), TensorType((*rows, columns), str(attrs["out_dtype"]) or dtype))


def _matmul(attrs: Attributes, a: Array, b: Array) -> Array:
    left = a.swapaxes(-1, -2) if attrs["transpose_a"] else a
    right = b.T if attrs["transpose_b"] else b
    return multiply_accumulate(left, right).astype(str(attrs["out_dtype"]) or a.dtype)


def batch_matmul_type(attrs: Attributes, x: TensorType, y: TensorType) -> TensorType:
    """Return the type of the products of two batches of matrices.

    Raises
    ------
    Mismatch
        They are no batches of matrices that fit.
    """
    require_rank("tensor_a", x, 3)
    require_rank("tensor_b", y, 3)
    dtype = same_dtype(("tensor_a", "tensor_b"), x, y)
    rows, inner = (x.shape[2], x.shape[1]) if attrs["transpose_a"] else x.shape[1:]
    columns, other = (y.shape[1], y.shape[2]) if attrs["transpose_b"] else y.shape[:0:-1]
    require_equal(
        "the summed axis of tensor_b",
        other,
        inner,
        "that of tensor_a",
        "correct transpose_a or transpose_b",
    )
    (batch,) = broadcast(x.shape[:1], y.shape[:1])
    return TensorType((batch, rows, columns), str(attrs["out_dtype"]) or dtype)


def batch_products(attrs: Attributes, x: Array, y: Array) -> Array:
    """Return the products of two batches of matrices: exact int64 for integers, else float64."""
    left = x.swapaxes(1, 2) if attrs["transpose_a"] else x
    right = y.swapaxes(1, 2) if attrs["transpose_b"] else y
    return multiply_accumulate(left, right)


def _batch_matmul(attrs: Attributes, x: Array, y: Array) -> Array:
    return batch_products(attrs, x, y).astype(str(attrs["out_dtype"]) or x.dtype)


ROWS = (
    Operator(
        "nn.dense", ("data", "weight"), _dense_relation, _dense, Kind.ANCHOR, DENSE_ATTRIBUTES
    ),
    Operator(
        "nn.batch_matmul",
        ("tensor_a", "tensor_b"),
        from_tensors(batch_matmul_type),
        _batch_matmul,
        Kind.ANCHOR,
        BATCH_MATMUL_ATTRIBUTES,
    ),
    Operator(
        "nn.matmul",
        ("tensor_a", "tensor_b"),
        _matmul_relation,
        _matmul,
        Kind.ANCHOR,
        {"units": Attribute("int"), **BATCH_MATMUL_ATTRIBUTES},
    ),
    Operator(
        "nn.bias_add",
        ("data", "bias"),
        _bias_add_relation,
        _bias_add,
        Kind.BROADCAST,
        {"axis": Attribute("int", 1)},
    ),
)
