"""Cheap approximations of exp, tanh, erf and softmax, and of multiplication by a fraction.

Source
------
fast_exp: exp(x) = 2**n * p(f), n + f = x / ln 2, p of degree 5 (Cephes, expf.c).
fast_tanh: the rational function of Eigen (Core/MathFunctionsImpl.h, ptanh_float).
fast_erf: the rational function of Abramowitz and Stegun, 7.1.26.
"""

from collections.abc import Callable
from typing import cast

import numpy as np

from isa.arithmetic import Rounding, requantize

from ..ir.types import TensorType, Type
from .operator import Array, Attribute, Attributes, Kind, Mismatch, Operator, from_tensors
from .shapes import axis_in, require_broadcast, require_float

__all__ = ["ERF", "EXP", "ROWS", "TANH_EVEN", "TANH_ODD"]

EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5)
TANH_ODD = (
    -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
    1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03,
)  # fmt: skip
TANH_EVEN = (
    1.19825839466702e-06,
    1.18534705686654e-04,
    2.26843463243900e-03,
    4.89352518554385e-03,
)
ERF = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)


def _float_type(attrs: Attributes, data: TensorType) -> Type:
    require_float(data)
    return data


def _fast_exp(x: Array) -> Array:
    # Beyond these, float32 overflows or becomes 0.
    wide = np.clip(x.astype(np.float64), -88.3762626647949, 88.3762626647950)
    whole = np.floor(wide * np.log2(np.e) + 0.5)
    rest = wide - whole * np.log(2.0)
    power = np.polyval(EXP, rest) * rest * rest + rest + 1.0
    return np.asarray(np.ldexp(power, whole.astype(np.int32)))


def _fast_tanh(x: Array) -> Array:
    # tanh of 9 is 1 in float32.
    wide = np.clip(x.astype(np.float64), -9.0, 9.0)
    square = wide * wide
    return np.asarray(wide * np.polyval(TANH_ODD, square) / np.polyval(TANH_EVEN, square))


def _fast_erf(x: Array) -> Array:
    wide = x.astype(np.float64)
    t = 1.0 / (1.0 + 0.3275911 * np.abs(wide))
    return np.copysign(1.0 - np.polyval(ERF, t) * t * np.exp(-wide * wide), wide)


def _lift(function: Callable[[Array], Array]) -> Callable[..., Array]:
    """Return the meaning that applies `function` and keeps the operand's data type."""

    def meaning(attrs: Attributes, data: Array) -> Array:
        return np.asarray(function(data)).astype(data.dtype)

    return meaning


def _fast_softmax_type(attrs: Attributes, data: TensorType) -> Type:
    require_float(data)
    axis_in(cast(int, attrs["axis"]), len(data.shape))
    return data


def _fast_softmax(attrs: Attributes, data: Array) -> Array:
    axis = cast(int, attrs["axis"])
    if not data.size:
        return data
    power = _fast_exp(data.astype(np.float64) - data.max(axis=axis, keepdims=True))
    return np.asarray(power / power.sum(axis=axis, keepdims=True)).astype(data.dtype)


def _int32_type(attrs: Attributes, data: TensorType) -> Type:
    if data.dtype != "int32":
        raise Mismatch(f"data must be int32, not {data.dtype}", 'cast it: cast(..., "int32")')
    return data


def _fixed_point_type(attrs: Attributes, data: TensorType) -> Type:
    multiplier, shift = cast(int, attrs["multiplier"]), cast(int, attrs["shift"])
    if not 0 <= multiplier < 2**31 or not -31 <= shift <= 30:
        raise Mismatch(
            f"multiplier must be in 0..2**31 - 1 and shift in -31..30, not {multiplier}, {shift}",
            "write the factor as multiplier / 2**31 * 2**shift",
        )
    return _int32_type(attrs, data)


def _fixed_point_multiply(attrs: Attributes, data: Array) -> Array:
    multiplier = np.asarray(attrs["multiplier"], np.int32)
    return requantize(data, multiplier, np.asarray(attrs["shift"], np.int8), Rounding.UPWARD)


def _per_axis_type(attrs: Attributes, data: TensorType, *vectors: TensorType) -> Type:
    _int32_type(attrs, data)
    axes = cast(tuple[int, ...], attrs["axes"])
    places = tuple(axis_in(axis, len(data.shape)) for axis in axes)
    for name, vector in zip(("fp_multiplier", "left_shift", "right_shift"), vectors, strict=True):
        expected = tuple(data.shape[place] for place in places)
        if vector.dtype != "int32" or len(vector.shape) > len(places):
            raise Mismatch(
                f"{name} must be int32 with at most {len(places)} axes, not {vector}",
                "give one value for each place along axes",
            )
        require_broadcast(vector.shape, expected, (name, "the axes of data"))
    return data


def _per_axis(
    attrs: Attributes, data: Array, multiplier: Array, left_shift: Array, right_shift: Array
) -> Array:
    axes = cast(tuple[int, ...], attrs["axes"])
    shape = [1] * data.ndim
    for axis in axes:
        shape[axis] = data.shape[axis]
    sizes = tuple(data.shape[axis] for axis in axes)
    m, left, right = (
        np.broadcast_to(vector, sizes).reshape(shape)
        for vector in (multiplier, left_shift, right_shift)
    )
    shift = np.zeros_like(left)
    shift = shift + left if attrs["is_lshift_required"] else shift
    shift = shift - right if attrs["is_rshift_required"] else shift
    if shift.size and not -31 <= shift.min() <= shift.max() <= 30:
        raise Mismatch("left_shift - right_shift must be in -31..30", "correct the shifts")
    return requantize(data, m, shift, Rounding.UPWARD)


_FAST: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("fast_exp", _fast_exp),
    ("fast_tanh", _fast_tanh),
    ("fast_erf", _fast_erf),
)

ROWS = (
    *(
        Operator(
            name,
            ("data",),
            from_tensors(_float_type),
            _lift(function),
            Kind.ELEMENTWISE,
            tags=frozenset({"unary"}),
        )
        for name, function in _FAST
    ),
    Operator(
        "nn.fast_softmax",
        ("data",),
        from_tensors(_fast_softmax_type),
        _fast_softmax,
        Kind.ANCHOR,
        {"axis": Attribute("int", -1)},
    ),
    Operator(
        "fixed_point_multiply",
        ("data",),
        from_tensors(_fixed_point_type),
        _fixed_point_multiply,
        Kind.ELEMENTWISE,
        {"multiplier": Attribute("int", required=True), "shift": Attribute("int", required=True)},
    ),
    Operator(
        "fixed_point_multiply_per_axis",
        ("data", "fp_multiplier", "left_shift", "right_shift"),
        from_tensors(_per_axis_type),
        _per_axis,
        Kind.BROADCAST,
        {
            "is_lshift_required": Attribute("bool", False),
            "is_rshift_required": Attribute("bool", False),
            "axes": Attribute("ints", required=True),
        },
    ),
)
