"""Integer arithmetic of the machine, bit for bit: where rounding and saturation are defined.

The interpreter, the functional simulator and the compiler call these functions; the hardware and
the LLVM backend are tested against them. All functions are vectorised over numpy arrays and
broadcast; int32 results wrap modulo 2**32, as the hardware's registers do.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

__all__ = [
    "Rounding",
    "high_multiply",
    "quantize_multiplier",
    "requantize",
    "rounding_divide",
    "saturate",
    "wrap_int32",
]

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]


class Rounding(IntEnum):
    """How `requantize` rounds.

    Members
    -------
    TFLITE : two roundings: `high_multiply` (half rounds up), then `rounding_divide` (half rounds
        away from zero).
    UPWARD : one rounding of the exact 64-bit product: half rounds up.
    """

    TFLITE = 0
    UPWARD = 1


def wrap_int32(x: npt.ArrayLike) -> Int32:
    """Return `x` modulo 2**32 as int32."""
    return np.asarray(x, dtype=np.int64).astype(np.uint32).view(np.int32)


def high_multiply(x: npt.ArrayLike, multiplier: npt.ArrayLike) -> Int32:
    """Return the saturating rounding doubling high half of a product.

    That is round(x * multiplier / 2**31), where half rounds up.

    Parameters
    ----------
    x, multiplier : int32, any shapes that broadcast

    Returns
    -------
    int32; (-2**31) * (-2**31), the one product that does not fit, gives 2**31 - 1.

    Source
    ------
    gemmlowp, fixedpoint/fixedpoint.h, SaturatingRoundingDoublingHighMul. Its
    truncating division with a nudge of the product's sign equals the arithmetic shift used here
    for every pair of operands.
    """
    product = np.asarray(x, np.int64) * np.asarray(multiplier, np.int64)
    result: Int32 = np.minimum((product + (1 << 30)) >> 31, 2**31 - 1).astype(np.int32)
    return result


def rounding_divide(x: npt.ArrayLike, exponent: npt.ArrayLike) -> Int32:
    """Return round(x / 2**exponent), half rounds away from zero.

    Parameters
    ----------
    x : int32
    exponent : int, in 0..31

    Source
    ------
    gemmlowp, fixedpoint/fixedpoint.h, RoundingDivideByPOT.
    """
    x, exponent = np.asarray(x, np.int64), np.asarray(exponent, np.int64)
    half = (np.int64(1) << exponent) >> 1
    result: Int32 = ((x + half - ((x < 0) & (exponent > 0))) >> exponent).astype(np.int32)
    return result


def requantize(
    x: npt.ArrayLike, multiplier: npt.ArrayLike, shift: npt.ArrayLike, rounding: Rounding
) -> Int32:
    """Return x * multiplier * 2**(shift - 31), rounded to int32.

    Parameters
    ----------
    x : int32, any shape
    multiplier : int32, in 0..2**31 - 1, broadcast with x (Q31: 2**30 stands for one half)
    shift : int, in -31..31, broadcast with x; positive shifts left
    rounding : Rounding

    Returns
    -------
    int32, shape of the broadcast. TFLITE wraps x * 2**shift for a positive shift before it
    multiplies; UPWARD wraps its result.

    Source
    ------
    TFLITE: TensorFlow Lite, kernels/internal/common.cc, MultiplyByQuantizedMultiplier without
    TFLITE_SINGLE_ROUNDING. UPWARD: TVM, src/target/intrin_rule.cc, fixed_point_multiply (Relay's
    requantize rounding "UPWARD").
    """
    x, shift = np.asarray(x, np.int64), np.asarray(shift, np.int64)
    if rounding == Rounding.TFLITE:
        scaled = wrap_int32(x << np.maximum(shift, 0))
        return rounding_divide(high_multiply(scaled, multiplier), np.maximum(-shift, 0))
    point = 31 - shift
    half = (np.int64(1) << point) >> 1
    return wrap_int32((x * np.asarray(multiplier, np.int64) + half) >> point)


def saturate(
    x: npt.ArrayLike, zero_point: npt.ArrayLike = 0, low: int = -128, high: int = 127
) -> npt.NDArray[np.int8]:
    """Return clamp(x + zero_point, low, high) as int8; the sum does not wrap.

    Parameters
    ----------
    x : int32, any shape
    zero_point : int, in -128..127
    low, high : int, in -128..127
    """
    total = np.asarray(x, np.int64) + np.asarray(zero_point, np.int64)
    return np.clip(total, low, high).astype(np.int8)


def quantize_multiplier(scale: npt.ArrayLike) -> tuple[Int32, npt.NDArray[np.int8]]:
    """Return (multiplier, shift) so that scale is close to multiplier * 2**(shift - 31).

    Parameters
    ----------
    scale : float64 >= 0, any shape

    Returns
    -------
    multiplier : int32, 0 or in 2**30..2**31 - 1
    shift : int8, in -31..30. Smaller scales become zero, larger ones the largest that exists.

    Source
    ------
    TensorFlow Lite, kernels/internal/quantization_util.cc, QuantizeMultiplier.
    """
    mantissa, exponent = np.frexp(np.asarray(scale, np.float64))
    multiplier = np.floor(mantissa * 2.0**31 + 0.5).astype(np.int64)
    carry = multiplier == 2**31
    multiplier = np.where(carry, 2**30, multiplier)
    exponent = exponent + carry
    multiplier = np.where(exponent < -31, 0, np.where(exponent > 30, 2**31 - 1, multiplier))
    shift = np.where(exponent < -31, 0, np.minimum(exponent, 30))
    return multiplier.astype(np.int32), shift.astype(np.int8)
