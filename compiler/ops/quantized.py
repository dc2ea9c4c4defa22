"""Quantised tensors: what scales and zero points mean, and the operators that change them.

A quantised value q stands for (q - zero_point) * scale. This file is the one place where scales
become integer multipliers; interpreter and backends call the same functions.
"""

from typing import cast

import numpy as np
import numpy.typing as npt

from isa.arithmetic import Rounding, quantize_multiplier, requantize, saturate

from ..ir.types import FuncType, IncompleteType, TensorType, Type
from .elementwise import round_half_away
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Missing, Operator, from_tensors
from .shapes import axis_in, require_equal

__all__ = [
    "ADD_LEFT_SHIFT",
    "QUANTIZED",
    "ROUNDING",
    "ROWS",
    "add_parameters",
    "along_axis",
    "check_parameters",
    "requantize_parameters",
    "require_dtype",
    "rescale",
    "rounding_of",
    "saturate_to",
]

ROUNDING = Attribute("str", "UPWARD", choices=("UPWARD", "TFLITE", "TONEAREST"))
QUANTIZED = frozenset({"quantized"})

Multiplier = npt.NDArray[np.int32]
Shift = npt.NDArray[np.int8]

# TFLite's Add widens its operands by this many bits before it rescales them, so that what it
# rounds away is far below one unit. (kernels/add.cc, Prepare: data->left_shift)
ADD_LEFT_SHIFT = 20


def requantize_parameters(
    in_scale: npt.ArrayLike, out_scale: npt.ArrayLike
) -> tuple[Multiplier, Shift]:
    """Return the integer form of the ratio of two scales.

    Parameters
    ----------
    in_scale : float32 or float64, any shape
        Of a convolution float64(input scale) * float64(weight scale), not rounded to float32.
    out_scale : float32 or float64, broadcast

    Returns
    -------
    multiplier : int32, shift : int8
        As `isa.arithmetic.quantize_multiplier` gives them.
    """
    ratio = np.asarray(in_scale, np.float64) / np.asarray(out_scale, np.float64)
    return quantize_multiplier(ratio)


def add_parameters(
    lhs_scale: npt.ArrayLike, rhs_scale: npt.ArrayLike, out_scale: npt.ArrayLike
) -> tuple[Multiplier, Shift, Multiplier, Shift, Multiplier, Shift]:
    """Return multiplier and shift for both operands and the result of TFLite's int8 Add.

    The operands, widened by 20 bits, are brought to twice the larger scale; the sum from there
    to the output scale.

    Source
    ------
    TensorFlow Lite, kernels/add.cc, Prepare (int8), and
    tflite-micro, kernels/add_common.cc, CalculateOpDataAdd.
    """
    lhs, rhs = np.asarray(lhs_scale, np.float64), np.asarray(rhs_scale, np.float64)
    common = 2.0 * np.maximum(lhs, rhs)
    lhs_pair = requantize_parameters(lhs, common)
    rhs_pair = requantize_parameters(rhs, common)
    out = np.asarray(out_scale, np.float64) * 2.0**ADD_LEFT_SHIFT
    return (*lhs_pair, *rhs_pair, *requantize_parameters(common, out))


def rounding_of(attrs: Attributes) -> Rounding:
    """Return the rounding that a call asks for.

    Raises
    ------
    Missing
        TONEAREST, which no backend has.
    """
    if attrs["rounding"] == "TONEAREST":
        raise Missing('rounding "TONEAREST" is not supported', 'use "UPWARD" or "TFLITE"')
    return Rounding[str(attrs["rounding"])]


def along_axis(parameter: Array, rank: int, axis: int) -> Array:
    """Return a scalar as it is, a vector so that it broadcasts along `axis` of `rank` axes."""
    if parameter.ndim == 0:
        return parameter
    shape = [1] * rank
    shape[axis % rank] = -1
    return parameter.reshape(shape)


def saturate_to(x: Array, zero_point: npt.ArrayLike, dtype: str) -> Array:
    """Return x + zero_point, clamped to the range of the integer type `dtype`."""
    if dtype == "int8":
        return np.asarray(saturate(x, zero_point))
    limits = np.iinfo(dtype)
    total = np.asarray(x, np.int64) + np.asarray(zero_point, np.int64)
    return np.asarray(np.clip(total, limits.min, limits.max)).astype(dtype)


def rescale(
    x: Array, in_scale: Array, out_scale: Array, rounding: Rounding
) -> npt.NDArray[np.int32]:
    """Return int32 `x` of scale `in_scale` at `out_scale`, both already broadcast to it."""
    return requantize(x, *requantize_parameters(in_scale, out_scale), rounding)


def require_dtype(name: str, given: TensorType, dtypes: tuple[str, ...]) -> None:
    """Raise Mismatch unless the argument called `name` has one of `dtypes`."""
    if given.dtype not in dtypes:
        expected = dtypes[0] if len(dtypes) == 1 else f"one of {', '.join(dtypes)}"
        raise Mismatch(f"{name} must be {expected}, not {given.dtype}", "cast or quantise it")


def check_parameters(
    names: tuple[str, str],
    types: tuple[Type, Type],
    channels: object = None,
) -> tuple[TensorType, TensorType] | None:
    """Return the checked types of a scale and a zero point, None while one is unknown.

    Parameters
    ----------
    names, types : of the scale, then of the zero point
    channels : Dim, optional
        Length of the axis along which they may be vectors; None if they must be scalars.

    Raises
    ------
    Mismatch
        Not a float scale and an int32 zero point, or of a wrong shape.
    """
    found: list[TensorType] = []
    for name, given, dtypes in zip(names, types, (("float32", "float64"), ("int32",)), strict=True):
        if isinstance(given, IncompleteType):
            return None
        if not isinstance(given, TensorType):
            raise Mismatch(f"{name} must be a tensor, not {given}", "pass a constant")
        require_dtype(name, given, dtypes)
        if channels is None and given.shape:
            raise Mismatch(f"{name} must be a scalar, not {given}", "it is one for the tensor")
        if len(given.shape) > 1:
            raise Mismatch(f"{name} must be a scalar or a vector, not {given}", "reshape it")
        if given.shape and isinstance(channels, int):
            require_equal(
                f"the length of {name}",
                given.shape[0],
                channels,
                "the size of its axis",
                "correct axis, or use a scalar",
            )
        found.append(given)
    return found[0], found[1]


def _quantize_type(
    attrs: Attributes, data: TensorType, scale: TensorType, zero_point: TensorType
) -> Type:
    require_dtype("data", data, ("float32",))
    channels = (
        data.shape[axis_in(cast(int, attrs["axis"]), len(data.shape))] if data.shape else None
    )
    check_parameters(("output_scale", "output_zero_point"), (scale, zero_point), channels)
    dtype = str(attrs["out_dtype"])
    require_dtype("the result", TensorType((), dtype or "bool"), _INTEGERS)
    return TensorType(data.shape, dtype)


def _quantize(attrs: Attributes, data: Array, scale: Array, zero_point: Array) -> Array:
    axis = cast(int, attrs["axis"])
    scaled = data / along_axis(scale, data.ndim, axis).astype(np.float32)
    point = along_axis(zero_point, data.ndim, axis).astype(np.float64)
    limits = np.iinfo(str(attrs["out_dtype"]))
    shifted = np.nan_to_num(round_half_away(scaled), nan=0.0, posinf=None, neginf=None) + point
    return np.clip(shifted, limits.min, limits.max).astype(str(attrs["out_dtype"]))


def _dequantize_type(
    attrs: Attributes, data: TensorType, scale: TensorType, zero_point: TensorType
) -> Type:
    require_dtype("data", data, _INTEGERS)
    channels = (
        data.shape[axis_in(cast(int, attrs["axis"]), len(data.shape))] if data.shape else None
    )
    check_parameters(("input_scale", "input_zero_point"), (scale, zero_point), channels)
    require_dtype("the result", TensorType((), str(attrs["out_dtype"]) or "bool"), ("float32",))
    return TensorType(data.shape, "float32")


def _dequantize(attrs: Attributes, data: Array, scale: Array, zero_point: Array) -> Array:
    axis = cast(int, attrs["axis"])
    offset = data.astype(np.int64) - along_axis(zero_point, data.ndim, axis)
    factor = along_axis(scale, data.ndim, axis).astype(np.float32)
    return np.asarray(offset.astype(np.float32) * factor, np.float32)


def _requantize_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    data = types[0]
    if isinstance(data, IncompleteType):
        return None
    if not isinstance(data, TensorType):
        raise Mismatch(f"data must be a tensor, not {data}", "pass a tensor")
    require_dtype("data", data, _INTEGERS)
    rounding_of(attrs)
    if attrs["compute_dtype"] not in ("None", "int64"):
        raise Missing(
            f'compute_dtype "{attrs["compute_dtype"]}" is not supported', 'use "int64": integers'
        )
    channels = (
        data.shape[axis_in(cast(int, attrs["axis"]), len(data.shape))] if data.shape else None
    )
    inputs = check_parameters(("input_scale", "input_zero_point"), (types[1], types[2]), channels)
    outputs = check_parameters(("output_scale", "output_zero_point"), (types[3], types[4]))
    dtype = str(attrs["out_dtype"]) or "int8"
    require_dtype("the result", TensorType((), dtype), _INTEGERS)
    if inputs is None or outputs is None:
        return None
    return FuncType(types, TensorType(data.shape, dtype))


def _requantize(
    attrs: Attributes,
    data: Array,
    in_scale: Array,
    in_zero_point: Array,
    out_scale: Array,
    out_zero_point: Array,
) -> Array:
    axis = cast(int, attrs["axis"])
    offset = data.astype(np.int64) - along_axis(in_zero_point, data.ndim, axis)
    scale = along_axis(in_scale, data.ndim, axis)
    result = rescale(offset, scale, out_scale, rounding_of(attrs))
    return saturate_to(result, out_zero_point, str(attrs["out_dtype"]) or "int8")


_INTEGERS = ("int8", "uint8", "int16", "uint16", "int32")

ROWS = (
    Operator(
        "qnn.quantize",
        ("data", "output_scale", "output_zero_point"),
        from_tensors(_quantize_type),
        _quantize,
        Kind.ELEMENTWISE,
        {"out_dtype": Attribute("dtype", "int8"), "axis": Attribute("int", -1)},
        QUANTIZED,
    ),
    Operator(
        "qnn.dequantize",
        ("data", "input_scale", "input_zero_point"),
        from_tensors(_dequantize_type),
        _dequantize,
        Kind.ELEMENTWISE,
        {"out_dtype": Attribute("dtype", "float32"), "axis": Attribute("int", -1)},
        QUANTIZED,
    ),
    Operator(
        "qnn.requantize",
        ("data", "input_scale", "input_zero_point", "output_scale", "output_zero_point"),
        _requantize_relation,
        _requantize,
        Kind.ELEMENTWISE,
        {
            "axis": Attribute("int", -1),
            "rounding": ROUNDING,
            "compute_dtype": Attribute(
                "str", "None", choices=("None", "int64", "float32", "float64")
            ),
            "out_dtype": Attribute("dtype", "int8"),
        },
        QUANTIZED,
    ),
)
