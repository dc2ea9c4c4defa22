"""Turns the division of an average into a multiplication that gives the same integers."""

import numpy as np
import numpy.typing as npt

from isa.arithmetic import Rounding, requantize

from ...ops.quantized import requantize_parameters
from .layers import Records

__all__ = ["average_records"]


def average_records(
    count: int,
    source: tuple[npt.NDArray[np.generic], int],
    out_scale: npt.NDArray[np.generic],
    rounding: Rounding,
) -> Records | None:
    """Return the record that makes an average of the sum of `count` int8 values.

    Parameters
    ----------
    count : int, values of a window
    source : scale and zero point of the values
    out_scale : scale of the result
    rounding : TFLITE divides the plain sum, half away from zero; UPWARD rescales the sum of the
        values less their zero point

    Returns
    -------
    None if no multiplier gives the quotient of every possible sum.
    """
    if rounding == Rounding.TFLITE:
        return _reciprocal(count)
    scale, zero_point = source
    ratio = np.asarray(out_scale, np.float64) * count
    multiplier, shift = requantize_parameters(scale, ratio)
    return _record(-count * zero_point, int(multiplier), int(shift))


def _record(bias: int, multiplier: int, shift: int) -> Records:
    return Records(
        np.full(1, bias, np.int32),
        np.full(1, multiplier, np.int32),
        np.full(1, shift, np.int8),
        Rounding.UPWARD,
    )


def _reciprocal(count: int) -> Records | None:
    """Return 1 / count, a little too large so that halves go away from zero; checked on all."""
    mantissa, exponent = np.frexp(1.0 / count)
    multiplier = min(int(mantissa * 2.0**31) + 1, 2**31 - 1)
    sums = np.arange(-128 * count, 127 * count + 1, dtype=np.int64)
    quotient = np.sign(sums) * ((2 * np.abs(sums) + count) // (2 * count))
    found = requantize(sums, multiplier, int(exponent), Rounding.UPWARD)
    return _record(0, multiplier, int(exponent)) if np.array_equal(found, quotient) else None
