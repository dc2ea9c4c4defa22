"""qnn.conv2d, its transpose, qnn.dense and qnn.batch_matmul.

All are exact sums of (data - its zero point) * (weight - its zero point).
"""

from typing import cast

import numpy as np
import numpy.typing as npt

from isa.arithmetic import wrap_int32

from ..ir.types import FuncType, IncompleteType, TensorType, Type
from .convolution import CONV2D_ATTRIBUTES, convolution_type, convolve, multiply_accumulate
from .convolution_nd import TRANSPOSE2D_ATTRIBUTES, transpose_type, transposed
from .linear import (
    BATCH_MATMUL_ATTRIBUTES,
    DENSE_ATTRIBUTES,
    batch_matmul_type,
    batch_products,
    dense_type,
)
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Missing, Operator
from .quantized import QUANTIZED, along_axis, check_parameters, require_dtype

__all__ = ["ROWS", "without_zero_point"]

ARGUMENTS = (
    "data",
    "weight",
    "input_zero_point",
    "kernel_zero_point",
    "input_scale",
    "kernel_scale",
)


def without_zero_point(x: Array, zero_point: Array) -> npt.NDArray[np.integer]:
    """Return x - zero_point exactly: int16 if it fits, so that products are fast, else int64."""
    difference = np.asarray(x, np.int64) - zero_point
    limits = np.iinfo(np.int16)
    fits = not difference.size or (
        difference.min() >= limits.min and difference.max() <= limits.max
    )
    return difference.astype(np.int16) if fits else difference


def _check_operands(
    types: tuple[Type, ...], weight: Type, channels: object, attrs: Attributes
) -> bool:
    """Return whether data types, scales and zero points are known; raise if they are wrong."""
    if attrs["out_dtype"] != "int32":
        raise Missing(f'out_dtype "{attrs["out_dtype"]}" is not supported', 'use "int32"')
    data = types[0]
    assert isinstance(data, TensorType) and isinstance(weight, TensorType)
    require_dtype("data", data, ("int8", "uint8", "int16"))
    require_dtype("weight", weight, ("int8", "uint8", "int16"))
    inputs = check_parameters(("input_scale", "input_zero_point"), (types[4], types[2]))
    weights = check_parameters(
        ("kernel_scale", "kernel_zero_point"), (types[5], types[3]), channels
    )
    return inputs is not None and weights is not None


def _conv2d_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    if isinstance(types[1], IncompleteType):
        return None
    found = convolution_type(types[0], types[1], attrs)
    if found is None:
        return None
    weight, result = found
    assert isinstance(result, TensorType)
    channels = result.shape[str(attrs["data_layout"]).index("C")]
    if not _check_operands(types, weight, channels, attrs):
        return None
    return FuncType((types[0], weight, *types[2:]), result)


def _conv2d(
    attrs: Attributes,
    data: Array,
    weight: Array,
    zero_point: Array,
    weight_zero_point: Array,
    *scales: Array,
) -> Array:
    output_axis = str(attrs["kernel_layout"]).index("O")
    kernel = without_zero_point(weight, along_axis(weight_zero_point, 4, output_axis))
    # Padding stands for the real value 0, that is for the zero point: 0 once it is subtracted.
    return wrap_int32(convolve(without_zero_point(data, zero_point), kernel, attrs, fill=0))


def _dense_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    if isinstance(types[1], IncompleteType):
        return None
    found = dense_type(types[0], types[1], attrs)
    if found is None:
        return None
    weight, result = found
    if not _check_operands(types, weight, weight.shape[0], attrs):
        return None
    return FuncType((types[0], weight, *types[2:]), result)


def _dense(
    attrs: Attributes,
    data: Array,
    weight: Array,
    zero_point: Array,
    weight_zero_point: Array,
    *scales: Array,
) -> Array:
    kernel = without_zero_point(weight, along_axis(weight_zero_point, 2, 0))
    product = multiply_accumulate(without_zero_point(data, zero_point), kernel.T)
    return wrap_int32(cast(npt.NDArray[np.int64], product))


def _transpose_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    if isinstance(types[1], IncompleteType):
        return None
    found = transpose_type((types[0], types[1]), attrs, 2)
    if found is None:
        return None
    channels = found[1].shape[str(attrs["data_layout"]).index("C")]
    if not _check_operands(types, found[0], channels, attrs):
        return None
    return FuncType(types, found[1])


def _conv2d_transpose(
    attrs: Attributes,
    data: Array,
    weight: Array,
    zero_point: Array,
    weight_zero_point: Array,
    *scales: Array,
) -> Array:
    if weight_zero_point.ndim and cast(int, attrs["groups"]) > 1:
        raise Missing("a kernel_zero_point for each channel needs groups 1", "use a scalar")
    output_axis = str(attrs["kernel_layout"]).index("O")
    kernel = without_zero_point(weight, along_axis(weight_zero_point, 4, output_axis))
    total = transposed(attrs, without_zero_point(data, zero_point), kernel, 2)
    return wrap_int32(cast(npt.NDArray[np.int64], total))


def _batch_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    x, y = types[:2]
    if isinstance(x, IncompleteType) or isinstance(y, IncompleteType):
        return None
    if not isinstance(x, TensorType) or not isinstance(y, TensorType):
        raise Mismatch(f"x and y must be tensors, not {x} and {y}", "pass tensors")
    result = batch_matmul_type(attrs, x, y)
    return FuncType(types, result) if _check_operands(types, y, None, attrs) else None


def _batch_matmul(
    attrs: Attributes, x: Array, y: Array, x_point: Array, y_point: Array, *scales: Array
) -> Array:
    products = batch_products(attrs, without_zero_point(x, x_point), without_zero_point(y, y_point))
    return wrap_int32(cast(npt.NDArray[np.int64], products))


_INT32 = {"out_dtype": Attribute("dtype", "int32")}

ROWS = (
    Operator(
        "qnn.conv2d",
        ARGUMENTS,
        _conv2d_relation,
        _conv2d,
        Kind.ANCHOR,
        {**CONV2D_ATTRIBUTES, **_INT32},
        QUANTIZED,
    ),
    Operator(
        "qnn.dense",
        ARGUMENTS,
        _dense_relation,
        _dense,
        Kind.ANCHOR,
        {**DENSE_ATTRIBUTES, **_INT32},
        QUANTIZED,
    ),
    Operator(
        "qnn.conv2d_transpose",
        ARGUMENTS,
        _transpose_relation,
        _conv2d_transpose,
        Kind.ANCHOR,
        {**TRANSPOSE2D_ATTRIBUTES, **_INT32},
        QUANTIZED,
    ),
    Operator(
        "qnn.batch_matmul",
        ("x", "y", "x_zero_point", "y_zero_point", "x_scale", "y_scale"),
        _batch_relation,
        _batch_matmul,
        Kind.ANCHOR,
        {**BATCH_MATMUL_ATTRIBUTES, **_INT32},
        QUANTIZED,
    ),
)
