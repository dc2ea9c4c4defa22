"""qnn.add, qnn.subtract, qnn.mul and qnn.concatenate: operands of different scales."""

from collections.abc import Callable
from typing import cast

import numpy as np

from isa.arithmetic import Rounding, requantize, wrap_int32

from ..ir.types import FuncType, IncompleteType, TensorType, TupleType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator
from .quantized import (
    ADD_LEFT_SHIFT,
    QUANTIZED,
    ROUNDING,
    add_parameters,
    check_parameters,
    require_dtype,
    rescale,
    rounding_of,
    saturate_to,
)
from .shapes import broadcast, same_dtype
from .slicing import CONCATENATE_ATTRIBUTES, concatenated_type, tensors_of

__all__ = ["ROWS"]

BINARY_ARGUMENTS = (
    "lhs",
    "rhs",
    "lhs_scale",
    "lhs_zero_point",
    "rhs_scale",
    "rhs_zero_point",
    "output_scale",
    "output_zero_point",
)

BINARY_ATTRIBUTES = {
    "lhs_axis": Attribute("int", -1),
    "rhs_axis": Attribute("int", -1),
    "rounding": ROUNDING,
}

_NARROW = ("int8", "uint8", "int16")


def _binary_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    lhs, rhs = types[:2]
    if isinstance(lhs, IncompleteType) or isinstance(rhs, IncompleteType):
        return None
    if not isinstance(lhs, TensorType) or not isinstance(rhs, TensorType):
        raise Mismatch(f"lhs and rhs must be tensors, not {lhs} and {rhs}", "pass tensors")
    rounding_of(attrs)
    require_dtype("lhs", lhs, _NARROW)
    dtype = same_dtype(("lhs", "rhs"), lhs, rhs)
    for number, name in enumerate(("lhs", "rhs", "output"), 1):
        pair = types[2 * number], types[2 * number + 1]
        if check_parameters((f"{name}_scale", f"{name}_zero_point"), pair) is None:
            return None
    return FuncType(types, TensorType(broadcast(lhs.shape, rhs.shape), dtype))


def _sum(sign: int) -> Callable[..., Array]:
    """Return the meaning of addition (`sign` 1) or subtraction (`sign` -1).

    TFLITE is TFLite's reference kernel: operands widened by 20 bits, brought to twice the larger
    scale, added, brought to the output scale. UPWARD brings each operand to the output scale.
    """

    def meaning(
        attrs: Attributes,
        lhs: Array,
        rhs: Array,
        lhs_scale: Array,
        lhs_zero_point: Array,
        rhs_scale: Array,
        rhs_zero_point: Array,
        out_scale: Array,
        out_zero_point: Array,
    ) -> Array:
        a = lhs.astype(np.int64) - lhs_zero_point
        b = rhs.astype(np.int64) - rhs_zero_point
        if rounding_of(attrs) == Rounding.UPWARD:
            left = rescale(a, lhs_scale, out_scale, Rounding.UPWARD).astype(np.int64)
            right = rescale(b, rhs_scale, out_scale, Rounding.UPWARD).astype(np.int64)
            return saturate_to(left + sign * right, out_zero_point, str(lhs.dtype))
        parameters = add_parameters(lhs_scale, rhs_scale, out_scale)
        wide_a, wide_b = wrap_int32(a << ADD_LEFT_SHIFT), wrap_int32(b << ADD_LEFT_SHIFT)
        left = requantize(wide_a, *parameters[:2], Rounding.TFLITE).astype(np.int64)
        right = requantize(wide_b, *parameters[2:4], Rounding.TFLITE).astype(np.int64)
        total = requantize(wrap_int32(left + sign * right), *parameters[4:], Rounding.TFLITE)
        return saturate_to(total, out_zero_point, str(lhs.dtype))

    return meaning


def _mul(
    attrs: Attributes,
    lhs: Array,
    rhs: Array,
    lhs_scale: Array,
    lhs_zero_point: Array,
    rhs_scale: Array,
    rhs_zero_point: Array,
    out_scale: Array,
    out_zero_point: Array,
) -> Array:
    a = lhs.astype(np.int64) - lhs_zero_point
    b = rhs.astype(np.int64) - rhs_zero_point
    scale = np.asarray(lhs_scale, np.float64) * np.asarray(rhs_scale, np.float64)
    product = rescale(wrap_int32(a * b), scale, out_scale, rounding_of(attrs))
    return saturate_to(product, out_zero_point, str(lhs.dtype))


def _concatenate_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    tensors = tensors_of("data", types[0])
    scales, points = tensors_of("input_scales", types[1]), tensors_of("input_zero_points", types[2])
    rounding_of(attrs)
    outputs = check_parameters(("output_scale", "output_zero_point"), (types[3], types[4]))
    if tensors is None or scales is None or points is None or outputs is None:
        return None
    if not len(tensors) == len(scales) == len(points):
        raise Mismatch(
            f"data, input_scales and input_zero_points must be equally long, not {len(tensors)}, "
            f"{len(scales)} and {len(points)}",
            "give one scale and one zero point for each tensor",
        )
    require_dtype("data", tensors[0], _NARROW)
    for number, pair in enumerate(zip(scales, points, strict=True)):
        check_parameters((f"scale {number}", f"zero point {number}"), pair)
    assert isinstance(types[0], TupleType)
    return FuncType(types, concatenated_type(tensors, cast(int, attrs["axis"])))


def _concatenate(
    attrs: Attributes,
    data: tuple[Array, ...],
    scales: tuple[Array, ...],
    zero_points: tuple[Array, ...],
    out_scale: Array,
    out_zero_point: Array,
) -> Array:
    parts: list[Array] = []
    for part, scale, point in zip(data, scales, zero_points, strict=True):
        if float(scale) == float(out_scale) and int(point) == int(out_zero_point):
            parts.append(part)
            continue
        moved = rescale(part.astype(np.int64) - point, scale, out_scale, rounding_of(attrs))
        parts.append(saturate_to(moved, out_zero_point, str(part.dtype)))
    return np.concatenate(parts, axis=cast(int, attrs["axis"]))


ROWS = (
    *(
        Operator(
            name,
            BINARY_ARGUMENTS,
            _binary_relation,
            meaning,
            Kind.BROADCAST,
            BINARY_ATTRIBUTES,
            QUANTIZED,
        )
        for name, meaning in (
            ("qnn.add", _sum(1)),
            ("qnn.subtract", _sum(-1)),
            ("qnn.mul", _mul),
        )
    ),
    Operator(
        "qnn.concatenate",
        ("data", "input_scales", "input_zero_points", "output_scale", "output_zero_point"),
        _concatenate_relation,
        _concatenate,
        Kind.INJECTIVE,
        {**CONCATENATE_ATTRIBUTES, "rounding": ROUNDING},
        QUANTIZED,
    ),
)
