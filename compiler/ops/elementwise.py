"""Element-wise operators: arithmetic on each element, operands broadcast.

Integers wrap; integer division truncates and gives 0 for a divisor of 0; floating-point results
follow IEEE 754, without traps.
"""

import math
from collections.abc import Callable

import numpy as np

from ..ir.types import TensorType, Type
from .integer import trunc_divide
from .operator import Array, Attribute, Attributes, Kind, Meaning, Mismatch, Operator, from_tensors
from .shapes import broadcast, same_dtype

__all__ = ["ROWS", "cast", "clip", "erf", "round_half_away"]


def round_half_away(x: Array) -> Array:
    """Return the nearest integers of float64 or float32 `x`, half away from zero, as float64."""
    wide = np.asarray(x, np.float64)
    return np.copysign(np.floor(np.abs(wide) + 0.5), wide)


def cast(x: Array, dtype: str) -> Array:
    """Return `x` as `dtype`.

    Integers wrap. Floating point becomes an integer by truncation; what is out of range saturates
    and not-a-number becomes 0. Everything but 0 becomes True.
    """
    if dtype == "bool":
        return np.asarray(x != 0)
    if x.dtype.kind != "f" or np.dtype(dtype).kind == "f":
        return np.asarray(x).astype(dtype)
    limits = np.iinfo(dtype)
    wide = np.trunc(np.nan_to_num(np.asarray(x, np.float64), nan=0.0, posinf=None, neginf=None))
    # A float64 below the limit + 1, which is exact, is within the limit.
    high, low = wide >= float(limits.max) + (limits.bits < 54), wide < float(limits.min)
    inside = np.where(high | low, 0.0, wide).astype(dtype)
    return np.where(high, limits.max, np.where(low, limits.min, inside)).astype(dtype)


def clip(x: Array, a_min: float, a_max: float) -> Array:
    """Return `x` within a_min..a_max, both converted to the data type of `x` first."""
    low, high = (cast(np.asarray(bound), str(x.dtype)) for bound in (a_min, a_max))
    return np.asarray(np.minimum(np.maximum(x, low), high))


def _unary_type(floating: bool, tag: str = "") -> Callable[..., Type]:
    """Return the result type of a unary operator: the operand's, or bool."""

    def result(attrs: Attributes, data: TensorType) -> Type:
        if floating and not data.dtype.startswith("float"):
            raise Mismatch(
                f"data must be floating point, not {data.dtype}", 'cast it: cast(..., "float32")'
            )
        return TensorType(data.shape, "bool") if tag == "comparison" else data

    return result


def _cast_type(attrs: Attributes, data: TensorType) -> Type:
    return TensorType(data.shape, str(attrs["dtype"]))


def _clip_type(attrs: Attributes, data: TensorType) -> Type:
    a_min, a_max = attrs["a_min"], attrs["a_max"]
    assert isinstance(a_min, float) and isinstance(a_max, float)
    if not a_min <= a_max:
        raise Mismatch(f"a_min must be <= a_max, not {a_min} and {a_max}", "swap them")
    return data


def _binary_type(attrs: Attributes, lhs: TensorType, rhs: TensorType) -> Type:
    return TensorType(broadcast(lhs.shape, rhs.shape), same_dtype(("lhs", "rhs"), lhs, rhs))


def _number_type(attrs: Attributes, *operands: TensorType) -> Type:
    if operands[0].dtype == "bool":
        raise Mismatch("operands must be numbers, not bool", 'cast them, or use "logical_xor"')
    return operands[0] if len(operands) == 1 else _binary_type(attrs, *operands)


def _float_binary_type(attrs: Attributes, lhs: TensorType, rhs: TensorType) -> Type:
    if not lhs.dtype.startswith("float"):
        raise Mismatch(f"lhs must be floating point, not {lhs.dtype}", "cast both operands")
    return _binary_type(attrs, lhs, rhs)


def _compare_type(attrs: Attributes, lhs: TensorType, rhs: TensorType) -> Type:
    same_dtype(("lhs", "rhs"), lhs, rhs)
    return TensorType(broadcast(lhs.shape, rhs.shape), "bool")


def _where_type(attrs: Attributes, condition: TensorType, x: TensorType, y: TensorType) -> Type:
    if condition.dtype != "bool":
        raise Mismatch(f"condition must be bool, not {condition.dtype}", "compare it with 0")
    shape = broadcast(condition.shape, broadcast(x.shape, y.shape))
    return TensorType(shape, same_dtype(("x", "y"), x, y))


def _lift(function: Callable[..., object]) -> Meaning:
    """Return the meaning that applies a numpy function."""

    def meaning(attrs: Attributes, *operands: Array) -> Array:
        return np.asarray(function(*operands))

    return meaning


def _keep(function: Callable[..., Array]) -> Meaning:
    """Return the meaning that applies `function` and gives the operand's data type."""

    def meaning(attrs: Attributes, *operands: Array) -> Array:
        return np.asarray(function(*operands)).astype(operands[0].dtype)

    return meaning


def _divide(lhs: Array, rhs: Array) -> Array:
    return np.asarray(lhs / rhs) if lhs.dtype.kind == "f" else trunc_divide(lhs, rhs)


def _sigmoid(x: Array) -> Array:
    one = np.asarray(1, x.dtype)
    return np.asarray(one / (one + np.exp(-x)))


def erf(x: Array) -> Array:
    """Return the error function of `x`, float64."""
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(np.asarray(x, np.float64)), np.float64)


def _rsqrt(x: Array) -> Array:
    return np.asarray(np.asarray(1, x.dtype) / np.sqrt(x))


_FLOATING: tuple[tuple[str, Callable[..., Array]], ...] = (
    ("exp", np.exp),
    ("log", np.log),
    ("sqrt", np.sqrt),
    ("rsqrt", _rsqrt),
    ("tanh", np.tanh),
    ("sigmoid", _sigmoid),
    ("erf", erf),
    ("log2", np.log2),
    ("log10", np.log10),
    ("sin", np.sin),
    ("cos", np.cos),
    ("tan", np.tan),
    ("sinh", np.sinh),
    ("cosh", np.cosh),
    ("asin", np.arcsin),
    ("acos", np.arccos),
    ("atan", np.arctan),
    ("asinh", np.arcsinh),
    ("acosh", np.arccosh),
    ("atanh", np.arctanh),
    ("floor", np.floor),
    ("ceil", np.ceil),
    ("trunc", np.trunc),
    ("round", round_half_away),
)

_ANY_UNARY: tuple[tuple[str, Callable[..., Array]], ...] = (
    ("abs", np.abs),
    ("copy", np.array),
)

_BINARY: tuple[tuple[str, Callable[..., object]], ...] = (
    ("add", np.add),
    ("multiply", np.multiply),
    ("maximum", np.maximum),
    ("minimum", np.minimum),
)

_NUMBERS: tuple[tuple[str, Callable[..., object]], ...] = (
    ("subtract", np.subtract),
    ("divide", _divide),
)

_SIGNED: tuple[tuple[str, Callable[..., Array]], ...] = (
    ("negative", np.negative),
    ("sign", np.sign),
)

_COMPARE: tuple[tuple[str, Callable[..., object]], ...] = (
    ("equal", np.equal),
    ("not_equal", np.not_equal),
    ("less", np.less),
    ("less_equal", np.less_equal),
    ("greater", np.greater),
    ("greater_equal", np.greater_equal),
)

_OPERANDS = ("lhs", "rhs")
_UNARY, _PAIR = frozenset({"unary"}), frozenset({"binary"})

ROWS = (
    *(
        Operator(
            name,
            ("data",),
            from_tensors(_unary_type(True)),
            _keep(function),
            Kind.ELEMENTWISE,
            tags=_UNARY,
        )
        for name, function in _FLOATING
    ),
    *(
        Operator(
            name,
            ("data",),
            from_tensors(_unary_type(False)),
            _keep(function),
            Kind.ELEMENTWISE,
            tags=_UNARY,
        )
        for name, function in _ANY_UNARY
    ),
    *(
        Operator(
            name,
            ("data",),
            from_tensors(_number_type),
            _keep(function),
            Kind.ELEMENTWISE,
            tags=_UNARY,
        )
        for name, function in _SIGNED
    ),
    *(
        Operator(name, _OPERANDS, from_tensors(result), _lift(function), Kind.BROADCAST, tags=_PAIR)
        for table, result in ((_BINARY, _binary_type), (_NUMBERS, _number_type))
        for name, function in table
    ),
    Operator(
        "power",
        _OPERANDS,
        from_tensors(_float_binary_type),
        _lift(np.power),
        Kind.BROADCAST,
        tags=_PAIR,
    ),
    *(
        Operator(
            name,
            _OPERANDS,
            from_tensors(_compare_type),
            _lift(function),
            Kind.BROADCAST,
            tags=frozenset({"binary", "comparison"}),
        )
        for name, function in _COMPARE
    ),
    *(
        Operator(
            name,
            ("data",),
            from_tensors(_unary_type(True, "comparison")),
            _lift(function),
            Kind.ELEMENTWISE,
            tags=frozenset({"unary", "comparison"}),
        )
        for name, function in (
            ("isnan", np.isnan),
            ("isinf", np.isinf),
            ("isfinite", np.isfinite),
        )
    ),
    Operator(
        "logical_not",
        ("data",),
        from_tensors(_unary_type(False, "comparison")),
        _lift(np.logical_not),
        Kind.ELEMENTWISE,
        tags=frozenset({"unary", "comparison"}),
    ),
    Operator(
        "where",
        ("condition", "x", "y"),
        from_tensors(_where_type),
        _lift(np.where),
        Kind.BROADCAST,
    ),
    Operator(
        "clip",
        ("data",),
        from_tensors(_clip_type),
        lambda attrs, data: clip(data, attrs["a_min"], attrs["a_max"]),
        Kind.ELEMENTWISE,
        {"a_min": Attribute("float", required=True), "a_max": Attribute("float", required=True)},
    ),
    Operator(
        "cast",
        ("data",),
        from_tensors(_cast_type),
        lambda attrs, data: cast(data, attrs["dtype"]),
        Kind.ELEMENTWISE,
        {"dtype": Attribute("dtype", required=True)},
    ),
)
