"""qnn.avg_pool2d and qnn.softmax, in integers alone, so that every device gives the same bits."""

from typing import cast

import numpy as np
import numpy.typing as npt

from isa.arithmetic import Rounding, saturate

from ..ir.types import FuncType, IncompleteType, TensorType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Missing, Operator
from .pooling import AVG_POOL2D_ATTRIBUTES, pool_type, window_sums
from .quantized import (
    QUANTIZED,
    ROUNDING,
    check_parameters,
    require_dtype,
    rescale,
    rounding_of,
    saturate_to,
)
from .shapes import axis_in

__all__ = ["ROWS", "softmax_shift", "softmax_table"]

# Fraction bits of the exponentials: 2**23 keeps sums of up to 2**39 of them within int64 and is
# as fine as float32.
_TABLE_BITS = 23


def softmax_table(in_scale: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return exp(-d * in_scale) for d = 0..255 in units of 2**-23, half rounded up.

    Parameters
    ----------
    in_scale : float
        Scale of the softmax's operand; d is a distance from the largest element.

    Returns
    -------
    int64[256], each in 0..2**23
    """
    distance = np.arange(256, dtype=np.float64)
    power = np.exp(-distance * np.asarray(in_scale, np.float64))
    return np.floor(power * 2.0**_TABLE_BITS + 0.5).astype(np.int64)


def softmax_shift(out_scale: npt.ArrayLike) -> int:
    """Return k of an output scale 2**-k.

    Raises
    ------
    Missing
        Another output scale.
    """
    mantissa, exponent = np.frexp(np.asarray(out_scale, np.float64))
    shift = 1 - int(exponent)
    if float(mantissa) != 0.5 or not 0 <= shift <= 16:
        raise Missing(
            f"output_scale {float(np.asarray(out_scale))} is not supported",
            "it must be a power of two 2**-16..1, as TFLite's 1/256 is",
        )
    return shift


def _avg_pool2d_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    data = types[0]
    if isinstance(data, IncompleteType):
        return None
    if not isinstance(data, TensorType):
        raise Mismatch(f"data must be a tensor, not {data}", "pass a tensor")
    require_dtype("data", data, ("int8", "uint8", "int16"))
    if rounding_of(attrs) == Rounding.TFLITE and attrs["count_include_pad"]:
        raise Missing('count_include_pad with rounding "TFLITE" is not supported', 'use "UPWARD"')
    inputs = check_parameters(("input_scale", "input_zero_point"), (types[1], types[2]))
    outputs = check_parameters(("output_scale", "output_zero_point"), (types[3], types[4]))
    if inputs is None or outputs is None:
        return None
    return FuncType(types, pool_type(attrs, data))


def _avg_pool2d(
    attrs: Attributes,
    data: Array,
    in_scale: Array,
    in_zero_point: Array,
    out_scale: Array,
    out_zero_point: Array,
) -> Array:
    if rounding_of(attrs) == Rounding.TFLITE:
        if float(in_scale) != float(out_scale) or int(in_zero_point) != int(out_zero_point):
            raise Missing(
                'rounding "TFLITE" needs equal input and output scales and zero points, not '
                f"{float(in_scale)}, {int(in_zero_point)} and "
                f"{float(out_scale)}, {int(out_zero_point)}",
                'use "UPWARD", or requantise after the pool',
            )
        sums, counts = window_sums(attrs, data)
        magnitude = (2 * np.abs(sums) + counts) // (2 * counts)
        return saturate_to(np.sign(sums) * magnitude, 0, str(data.dtype))
    sums, counts = window_sums(attrs, data.astype(np.int64) - in_zero_point)
    scale = np.asarray(out_scale, np.float64) * counts
    result = rescale(sums, np.asarray(in_scale, np.float64), scale, Rounding.UPWARD)
    return saturate_to(result, out_zero_point, str(data.dtype))


def _softmax_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    data = types[0]
    if isinstance(data, IncompleteType):
        return None
    if not isinstance(data, TensorType):
        raise Mismatch(f"data must be a tensor, not {data}", "pass a tensor")
    require_dtype("data", data, ("int8",))
    axis_in(cast(int, attrs["axis"]), len(data.shape))
    inputs = check_parameters(("scale", "zero_point"), (types[1], types[2]))
    outputs = check_parameters(("output_scale", "output_zero_point"), (types[3], types[4]))
    return None if inputs is None or outputs is None else FuncType(types, data)


def _softmax(
    attrs: Attributes,
    data: Array,
    in_scale: Array,
    in_zero_point: Array,
    out_scale: Array,
    out_zero_point: Array,
) -> Array:
    axis = cast(int, attrs["axis"])
    wide = data.astype(np.int64)
    power = softmax_table(in_scale)[wide.max(axis=axis, keepdims=True) - wide]
    total = power.sum(axis=axis, keepdims=True)
    share = (power * 2 ** (softmax_shift(out_scale) + 1) + total) // (2 * total)
    return saturate(share, out_zero_point)


ROWS = (
    Operator(
        "qnn.avg_pool2d",
        ("data", "input_scale", "input_zero_point", "output_scale", "output_zero_point"),
        _avg_pool2d_relation,
        _avg_pool2d,
        Kind.ANCHOR,
        {**AVG_POOL2D_ATTRIBUTES, "rounding": ROUNDING},
        QUANTIZED,
    ),
    Operator(
        "qnn.softmax",
        ("data", "scale", "zero_point", "output_scale", "output_zero_point"),
        _softmax_relation,
        _softmax,
        Kind.ANCHOR,
        {"axis": Attribute("int", -1)},
        QUANTIZED,
    ),
)
