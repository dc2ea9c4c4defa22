"""Arithmetic of quantised tensors as plain integer operators, bit for bit as `isa.arithmetic`."""

import numpy as np
import numpy.typing as npt

from isa.arithmetic import Rounding

from ..ir.nodes import Constant, Expr
from ..ops.quantized import requantize_parameters
from ..ops.registry import call

__all__ = ["int64", "number", "requantised", "rescaled", "saturated", "wrapped"]

Array = npt.NDArray[np.generic]


def number(value: npt.ArrayLike, dtype: str = "int64") -> Constant:
    """Return a constant."""
    return Constant(np.asarray(value, dtype))


def int64(x: Expr) -> Expr:
    """Return `x` as int64."""
    return call("cast", x, dtype="int64")


def wrapped(x: Expr) -> Expr:
    """Return int64 `x` modulo 2**32, as int64."""
    return int64(call("cast", x, dtype="int32"))


def rescaled(x: Expr, in_scale: Array, out_scale: Array, rounding: Rounding) -> Expr:
    """Return int64 `x` of scale `in_scale` at `out_scale`; `compiler.ops.quantized.rescale`.

    Parameters
    ----------
    in_scale, out_scale : floats, of a shape that broadcasts to `x`
    """
    return requantised(x, *requantize_parameters(in_scale, out_scale), rounding)


def requantised(x: Expr, multiplier: Array, shift: Array, rounding: Rounding) -> Expr:
    """Return int64 `x` times multiplier * 2**(shift - 31); `isa.arithmetic.requantize`."""
    factor, places = number(multiplier), np.asarray(shift, np.int64)
    if rounding == Rounding.UPWARD:
        point = 31 - places
        product = call("multiply", x, factor)
        rounded = call("add", product, number((np.int64(1) << point) >> 1))
        return wrapped(call("right_shift", rounded, number(point)))
    scaled = wrapped(call("left_shift", x, number(np.maximum(places, 0))))
    half_up = call("add", call("multiply", scaled, factor), number(1 << 30))
    high = call("minimum", call("right_shift", half_up, number(31)), number(2**31 - 1))
    return _divided(high, np.maximum(-places, 0))


def _divided(x: Expr, exponent: npt.NDArray[np.int64]) -> Expr:
    """Return `x` over 2**exponent; `isa.arithmetic.rounding_divide`."""
    if not exponent.any():
        return x
    half = (np.int64(1) << exponent) >> 1
    negative = int64(call("less", x, number(0)))
    nudge = call("multiply", negative, number(exponent > 0))
    moved = call("subtract", call("add", x, number(half)), nudge)
    return call("right_shift", moved, number(exponent))


def saturated(x: Expr, zero_point: npt.ArrayLike, dtype: str) -> Expr:
    """Return int64 `x` + `zero_point` in the range of `dtype`."""
    limits = np.iinfo(dtype)
    total = call("add", x, number(zero_point))
    low = call("maximum", total, number(limits.min))
    return call("cast", call("minimum", low, number(limits.max)), dtype=dtype)
