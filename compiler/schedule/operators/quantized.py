"""qnn.* of one operand: a table of all cases; and quantisation simulated in floating point."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ...ops import lookup
from ...ops.operator import Attributes
from ..expressions import Constant, Expr, Load
from ..functions import call, cast, clamp, equal, select
from .axes import Define, axis_of, widened
from .definition import Definition

__all__ = ["ROWS"]

_PARAMETERS = ("input_scale", "input_zero_point", "output_scale", "output_zero_point")
_UNARY = (
    *("abs", "erf", "exp", "hardswish", "leaky_relu", "log", "rsqrt", "sigmoid", "sqrt", "tanh"),
)


def _table(name: str) -> Define:
    """Return the definition of a function of 8 bits: its 256 values, made at compile time."""

    def define(nest: Definition, attrs: Attributes) -> None:
        data, (out,) = nest.inputs[0], nest.outputs
        given = [nest.known(number, what) for number, what in enumerate(_PARAMETERS, 1)]
        low = int(np.iinfo(data.dtype).min)
        cases = np.arange(low, low + 256).astype(data.dtype)
        with np.errstate(all="ignore"):
            values = nest.table(lookup(name).meaning(attrs, cases, *given), out.dtype)
        with nest.loops(*out.shape) as at:
            nest.store(out[at], values[clamp(cast(data[at], "int64") - low, 0, 255)])

    return define


def _along(nest: Definition, attrs: Attributes, at: tuple[Expr, ...], number: int) -> Load:
    """Return the parameter of an element: a scalar, or one of a vector along the axis."""
    buffer = nest.inputs[number]
    return buffer[at[axis_of(attrs, len(at))]] if buffer.shape else buffer[()]


# What the second argument of a simulation stands for, as `compiler.ops.quantized_unary` has it.
_LIMITS = ((1, "int8"), (2, "uint8"), (3, "int32"))


def _simulated_quantize(nest: Definition, attrs: Attributes) -> None:
    (data, code), (out,) = nest.inputs[:2], nest.outputs
    with nest.loops(*out.shape) as at:
        scale, point = (widened(_along(nest, attrs, at, number)) for number in (2, 3))
        whole = call("round", widened(data[at]) / scale) + cast(point, "float64")
        kind = cast(code[()], "int64")
        low: Expr = Constant(0.0, "float64")
        high: Expr = Constant(0.0, "float64")
        for number, dtype in _LIMITS:
            limits = np.iinfo(dtype)
            chosen = equal(kind, number)
            low = select(chosen, float(limits.min), low)
            high = select(chosen, float(limits.max), high)
        found = cast(clamp(whole, low, high), out.dtype)
        nest.store(out[at], select(equal(kind, 0), data[at], found))


def _simulated_dequantize(nest: Definition, attrs: Attributes) -> None:
    (data, code), (out,) = nest.inputs[:2], nest.outputs
    with nest.loops(*out.shape) as at:
        scale, point = (widened(_along(nest, attrs, at, number)) for number in (2, 3))
        real = (widened(data[at]) - cast(point, "float64")) * scale
        kind = cast(code[()], "int64")
        nest.store(out[at], select(equal(kind, 0), data[at], cast(real, out.dtype)))


ROWS: Mapping[str, Define] = MappingProxyType(
    {
        **{f"qnn.{name}": _table(f"qnn.{name}") for name in _UNARY},
        "qnn.simulated_dequantize": _simulated_dequantize,
        "qnn.simulated_quantize": _simulated_quantize,
    }
)
