"""Cheap approximations of functions, as `compiler.ops.fast_math` defines them, and fixed point."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from ...ops.fast_math import ERF, EXP, TANH_EVEN, TANH_ODD
from ...ops.operator import Attributes
from ..expressions import Expr
from ..functions import call, cast, clamp, number, select
from .axes import Define, axis_of, element, ints, widened
from .definition import Definition

__all__ = ["ROWS", "fast_exp"]


def _polynomial(factors: Sequence[float], x: Expr) -> Expr:
    """Return a polynomial of x, the factor of its highest power first."""
    total: Expr = number(factors[0], "float64")
    for factor in factors[1:]:
        total = total * x + factor
    return total


def fast_exp(x: Expr) -> Expr:
    """Return 2**n * p(f) of float64, n + f = x / ln 2."""
    held = clamp(x, -88.3762626647949, 88.3762626647950)
    exponent = call("floor", held * float(np.log2(np.e)) + 0.5)
    rest = held - exponent * float(np.log(2.0))
    power = _polynomial(EXP, rest) * rest * rest + rest + 1.0
    # 2**n by its bits: n is -128..127.
    bits = call("left_shift", cast(exponent, "int64") + 1023, element(52, "int64"))
    return power * call("reinterpret", bits, dtype="float64")


def _fast_tanh(x: Expr) -> Expr:
    held = clamp(x, -9.0, 9.0)
    square = held * held
    return held * _polynomial(TANH_ODD, square) / _polynomial(TANH_EVEN, square)


def _fast_erf(x: Expr) -> Expr:
    size = call("abs", x)
    t = 1.0 / (size * 0.3275911 + 1.0)
    found = 1.0 - _polynomial(ERF, t) * t * call("exp", -(x * x))
    return select(x < 0.0, -found, found)


def _lifted(function: Callable[[Expr], Expr]) -> Define:
    """Return the definition that applies a function of float64."""

    def define(nest: Definition, attrs: Attributes) -> None:
        (data,), (out,) = nest.inputs, nest.outputs
        with nest.loops(*out.shape) as at:
            nest.store(out[at], cast(function(widened(data[at])), out.dtype))

    return define


def _fixed_point_multiply(nest: Definition, attrs: Attributes) -> None:
    (data,), (out,) = nest.inputs, nest.outputs
    factor, shift = element(attrs["multiplier"], "int32"), element(attrs["shift"], "int32")
    with nest.loops(*out.shape) as at:
        wide = cast(data[at], "int64")
        nest.store(out[at], call("requantize_upward", wide, factor, shift, dtype="int32"))


def _per_axis(nest: Definition, attrs: Attributes) -> None:
    """Vectors broadcast to the named axes of data."""
    (data, factors, left, right), (out,) = nest.inputs, nest.outputs
    axes = [axis % len(data.shape) for axis in ints(attrs, "axes")]
    with nest.loops(*out.shape) as at:
        places = [at[axis] for axis in axes]

        def of(vector: int) -> Expr:
            buffer = (factors, left, right)[vector]
            last = places[len(places) - len(buffer.shape) :]
            zero = element(0, "int64")
            sizes = zip(last, buffer.shape, strict=True)
            return buffer[tuple(zero if size == 1 else place for place, size in sizes)]

        shift = element(0, "int32")
        shift = shift + of(1) if attrs["is_lshift_required"] else shift
        shift = shift - of(2) if attrs["is_rshift_required"] else shift
        wide, held = cast(data[at], "int64"), clamp(shift, -31, 30)
        nest.store(out[at], call("requantize_upward", wide, of(0), held, dtype="int32"))


def _prelu(nest: Definition, attrs: Attributes) -> None:
    (data, alpha), (out,) = nest.inputs, nest.outputs
    axis = axis_of(attrs, len(data.shape))
    with nest.loops(*out.shape) as at:
        x = data[at]
        nest.store(out[at], select(x > 0.0, x, x * alpha[at[axis]]))


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        "fast_erf": _lifted(_fast_erf),
        "fast_exp": _lifted(fast_exp),
        "fast_tanh": _lifted(_fast_tanh),
        "fixed_point_multiply": _fixed_point_multiply,
        "fixed_point_multiply_per_axis": _per_axis,
        "nn.prelu": _prelu,
    }
)
