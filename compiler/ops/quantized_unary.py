"""qnn.* of one operand: functions by table, qnn.leaky_relu, and quantisation simulated in float.

A function takes a quantised value to the real one, is applied there, and brought back: at most 256
cases, so that a backend may make it a table.
"""

from collections.abc import Callable

import numpy as np

from isa.arithmetic import Rounding, quantize_multiplier, requantize, wrap_int32

from ..ir.types import FuncType, IncompleteType, TensorType, Type
from .elementwise import erf, round_half_away
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, Relation, from_tensors
from .quantized import (
    QUANTIZED,
    along_axis,
    check_parameters,
    require_dtype,
    rescale,
    saturate_to,
)
from .shapes import axis_in, require_integer, require_scalar

__all__ = ["ROWS"]

ARGUMENTS = ("data", "input_scale", "input_zero_point", "output_scale", "output_zero_point")
_NARROW = ("int8", "uint8")


def _relation(dtypes: tuple[str, ...]) -> Relation:
    """Return the relation of an operand of one of `dtypes` with scalar parameters."""

    def relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
        data = types[0]
        if isinstance(data, IncompleteType):
            return None
        if not isinstance(data, TensorType):
            raise Mismatch(f"data must be a tensor, not {data}", "pass a tensor")
        require_dtype("data", data, dtypes)
        inputs = check_parameters(("input_scale", "input_zero_point"), (types[1], types[2]))
        outputs = check_parameters(("output_scale", "output_zero_point"), (types[3], types[4]))
        return None if inputs is None or outputs is None else FuncType(types, data)

    return relation


def _table(function: Callable[[Array], Array]) -> Callable[..., Array]:
    """Return the meaning that applies `function` to the real values; no number becomes 0."""

    def meaning(
        attrs: Attributes,
        data: Array,
        in_scale: Array,
        in_zero_point: Array,
        out_scale: Array,
        out_zero_point: Array,
    ) -> Array:
        real = (data.astype(np.int64) - in_zero_point).astype(np.float32) * np.float32(in_scale)
        scaled = function(real.astype(np.float32)).astype(np.float32) / np.float32(out_scale)
        limit = float(2**40)  # Far outside of every data type, and exact.
        whole = round_half_away(np.nan_to_num(scaled, nan=0.0, posinf=limit, neginf=-limit))
        total = np.clip(whole, -limit, limit).astype(np.int64)
        return saturate_to(total, out_zero_point, str(data.dtype))

    return meaning


def _leaky_relu(
    attrs: Attributes,
    data: Array,
    in_scale: Array,
    in_zero_point: Array,
    out_scale: Array,
    out_zero_point: Array,
) -> Array:
    alpha = np.asarray(attrs["alpha"], np.float64)
    offset = data.astype(np.int64) - in_zero_point
    moved = rescale(offset, in_scale, out_scale, Rounding.UPWARD)
    whole = wrap_int32(moved.astype(np.int64) + out_zero_point)
    slope = requantize(whole, *quantize_multiplier(alpha), Rounding.UPWARD)
    rest = requantize(out_zero_point, *quantize_multiplier(1.0 - alpha), Rounding.UPWARD)
    total = np.where(data < in_zero_point, slope.astype(np.int64) + rest, whole)
    return saturate_to(total, 0, str(data.dtype))


def _alpha_relation(types: tuple[Type, ...], attrs: Attributes) -> FuncType | None:
    alpha = attrs["alpha"]
    assert isinstance(alpha, float)
    if not 0 <= alpha <= 1:
        raise Mismatch(f"alpha must be in 0..1, not {alpha}", "it is the slope of what is negative")
    return _relation(_NARROW)(types, attrs)


# What the argument `out_dtype` or `in_dtype` of a simulation stands for; 0 leaves data alone.
_CODES = {1: "int8", 2: "uint8", 3: "int32"}


def _simulated_type(
    attrs: Attributes, data: TensorType, code: TensorType, scale: TensorType, point: TensorType
) -> Type:
    require_dtype("data", data, ("float32",))
    require_scalar(code, "the data type")
    require_integer(code, "the data type")
    axis = attrs["axis"]
    assert isinstance(axis, int)
    channels = data.shape[axis_in(axis, len(data.shape))] if data.shape else None
    check_parameters(("the scale", "the zero point"), (scale, point), channels)
    return data


def _simulated(backwards: bool) -> Callable[..., Array]:
    """Return the meaning of a simulated quantisation, or (backwards) dequantisation."""

    def meaning(attrs: Attributes, data: Array, code: Array, scale: Array, point: Array) -> Array:
        if int(code) == 0:
            return data
        if int(code) not in _CODES:
            raise Mismatch(f"the data type must be 0..3, not {int(code)}", "int8 is 1, uint8 2")
        axis = attrs["axis"]
        assert isinstance(axis, int)
        s, z = (along_axis(p, data.ndim, axis).astype(np.float64) for p in (scale, point))
        if backwards:
            return np.asarray((data - z) * s).astype(data.dtype)
        limits = np.iinfo(_CODES[int(code)])
        whole = np.clip(round_half_away(data / s) + z, limits.min, limits.max)
        return whole.astype(data.dtype)

    return meaning


def _hardswish(x: Array) -> Array:
    return np.asarray(x * np.clip(x + 3, 0, 6) / 6)


_FUNCTIONS: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("sqrt", np.sqrt),
    ("rsqrt", lambda x: 1 / np.sqrt(x)),
    ("exp", np.exp),
    ("erf", erf),
    ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
    ("tanh", np.tanh),
    ("log", np.log),
    ("abs", np.abs),
    ("hardswish", _hardswish),
)

_AXIS = {"axis": Attribute("int", -1)}

ROWS = (
    *(
        Operator(
            f"qnn.{name}",
            ARGUMENTS,
            _relation(_NARROW),
            _table(function),
            Kind.ELEMENTWISE,
            tags=QUANTIZED,
        )
        for name, function in _FUNCTIONS
    ),
    Operator(
        "qnn.leaky_relu",
        ARGUMENTS,
        _alpha_relation,
        _leaky_relu,
        Kind.ELEMENTWISE,
        {"alpha": Attribute("float", 0.25)},
        QUANTIZED,
    ),
    Operator(
        "qnn.simulated_quantize",
        ("data", "out_dtype", "output_scale", "output_zero_point"),
        from_tensors(_simulated_type),
        _simulated(False),
        Kind.OPAQUE,
        _AXIS,
        QUANTIZED,
    ),
    Operator(
        "qnn.simulated_dequantize",
        ("data", "in_dtype", "input_scale", "input_zero_point"),
        from_tensors(_simulated_type),
        _simulated(True),
        Kind.OPAQUE,
        {"out_dtype": Attribute("str", "float32", choices=("float32",)), **_AXIS},
        QUANTIZED,
    ),
)
