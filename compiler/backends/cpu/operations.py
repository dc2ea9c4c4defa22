"""LLVM instructions of the operations in a formula, for any number of lanes.

What they compute is defined by `compiler.ops` and `isa.arithmetic`; tests hold them to it.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from .builder import Builder, llvm_type
from .formula import Node

__all__ = ["OPERATIONS", "SCALAR_ONLY", "Site", "literal"]

SCALAR_ONLY = frozenset({"erf"})
"""Operations that are emitted for one lane only."""


def literal(value: float | bool, dtype: str) -> str:
    """Return `value` as an LLVM constant of one element."""
    if dtype == "bool":
        return "true" if value else "false"
    if not dtype.startswith("float"):
        return str(int(value))
    if dtype == "float16":
        return f"0xH{np.float16(value).view(np.uint16):04X}"
    exact = float(np.dtype(dtype).type(value))
    return f"0x{struct.unpack('<Q', struct.pack('<d', exact))[0]:016X}"


@dataclass(frozen=True, slots=True)
class Site:
    """Where an operation is emitted.

    Attributes
    ----------
    builder : Builder
    node : Node
    dtypes : tuple of str
        Of the operands.
    values : tuple of str
        Names of the operands.
    lanes : int
    """

    builder: Builder
    node: Node
    dtypes: tuple[str, ...]
    values: tuple[str, ...]
    lanes: int

    def type(self, dtype: str) -> str:
        """Return the LLVM type of `dtype` in all lanes."""
        return llvm_type(dtype, self.lanes)

    def number(self, value: float | bool, dtype: str) -> str:
        """Return a constant in all lanes."""
        text = literal(value, dtype)
        return text if self.lanes == 1 else f"splat ({llvm_type(dtype)} {text})"

    def binary(self, instruction: str, left: str, right: str, dtype: str) -> str:
        """Return instruction(left, right)."""
        return self.builder.value(f"{instruction} {self.type(dtype)} {left}, {right}")

    def convert(self, instruction: str, value: str, source: str, target: str) -> str:
        """Return `value` of type `source` converted to type `target`."""
        return self.builder.value(
            f"{instruction} {self.type(source)} {value} to {self.type(target)}"
        )

    def choose(self, condition: str, yes: str, no: str, dtype: str) -> str:
        """Return `yes` where `condition` holds, else `no`."""
        kind = self.type(dtype)
        return self.builder.value(
            f"select {self.type('bool')} {condition}, {kind} {yes}, {kind} {no}"
        )

    def intrinsic(self, name: str, dtype: str, *values: str, flag: str = "") -> str:
        """Return the result of an LLVM intrinsic of `values`, all of type `dtype`."""
        kind = self.type(dtype)
        suffix = _suffix(dtype, self.lanes)
        arguments = [(kind, value) for value in values]
        if flag:
            arguments.append(("i1", flag))
        return self.builder.call(kind, f"llvm.{name}.{suffix}", *arguments)


def _suffix(dtype: str, lanes: int) -> str:
    """Return how LLVM names a type in intrinsics."""
    bits = dtype.lstrip("uintfloa") if dtype != "bool" else "1"
    scalar = ("f" if dtype.startswith("float") else "i") + bits
    return scalar if lanes == 1 else f"v{lanes}{scalar}"


def _is_float(dtype: str) -> bool:
    return dtype.startswith("float")


def _is_signed(dtype: str) -> bool:
    return dtype.startswith("int")


def _intrinsic(name: str) -> Callable[[Site], str]:
    """Return the operation that is one floating-point intrinsic."""
    return lambda site: site.intrinsic(name, site.node.dtype, *site.values)


def _arithmetic(integer: str, floating: str, logical: str) -> Callable[[Site], str]:
    """Return the operation that is one instruction on integers, floats and bools."""

    def emit(site: Site) -> str:
        dtype = site.node.dtype
        name = logical if dtype == "bool" else floating if _is_float(dtype) else integer
        return site.binary(name, *site.values, dtype)

    return emit


def _extreme(site: Site, which: str, left: str, right: str, dtype: str) -> str:
    """Return the larger ("max") or smaller ("min"); not-a-number wins, as in numpy."""
    if dtype == "bool":
        return site.binary("or" if which == "max" else "and", left, right, dtype)
    if _is_float(dtype):
        return site.intrinsic(f"{which}imum", dtype, left, right)
    return site.intrinsic(f"{'s' if _is_signed(dtype) else 'u'}{which}", dtype, left, right)


def _maximum(site: Site) -> str:
    return _extreme(site, "max", *site.values, site.node.dtype)


def _minimum(site: Site) -> str:
    return _extreme(site, "min", *site.values, site.node.dtype)


def _clip(site: Site) -> str:
    """Clamp between the second and third operand."""
    dtype = site.node.dtype
    raised = _extreme(site, "max", site.values[0], site.values[1], dtype)
    return _extreme(site, "min", raised, site.values[2], dtype)


def _relu(site: Site) -> str:
    dtype = site.node.dtype
    return _extreme(site, "max", site.values[0], site.number(0, dtype), dtype)


def _leaky_relu(site: Site) -> str:
    dtype, (x,) = site.node.dtype, site.values
    slope = site.node.value
    assert isinstance(slope, float)
    positive = site.binary("fcmp ogt", x, site.number(0, dtype), dtype)
    return site.choose(
        positive, x, site.binary("fmul", x, site.number(slope, dtype), dtype), dtype
    )


def _divide(site: Site) -> str:
    """Divide; integers truncate, give 0 for a divisor of 0, and wrap."""
    dtype, (x, y) = site.node.dtype, site.values
    if _is_float(dtype):
        return site.binary("fdiv", x, y, dtype)
    zero, one = site.number(0, dtype), site.number(1, dtype)
    by_zero = site.binary("icmp eq", y, zero, dtype)
    if not _is_signed(dtype):
        quotient = site.binary("udiv", x, site.choose(by_zero, one, y, dtype), dtype)
        return site.choose(by_zero, zero, quotient, dtype)
    # The smallest number by -1 traps, so -1 negates instead.
    negates = site.binary("icmp eq", y, site.number(-1, dtype), dtype)
    special = site.binary("or", by_zero, negates, "bool")
    quotient = site.binary("sdiv", x, site.choose(special, one, y, dtype), dtype)
    negated = site.binary("sub", zero, x, dtype)
    return site.choose(by_zero, zero, site.choose(negates, negated, quotient, dtype), dtype)


def _negative(site: Site) -> str:
    dtype, (x,) = site.node.dtype, site.values
    if _is_float(dtype):
        return site.builder.value(f"fneg {site.type(dtype)} {x}")
    return site.binary("sub", site.number(0, dtype), x, dtype)


def _absolute(site: Site) -> str:
    dtype, (x,) = site.node.dtype, site.values
    if _is_float(dtype):
        return site.intrinsic("fabs", dtype, x)
    return site.intrinsic("abs", dtype, x, flag="false") if _is_signed(dtype) else x


def _sign(site: Site) -> str:
    dtype, (x,) = site.node.dtype, site.values
    zero, one = site.number(0, dtype), site.number(1, dtype)
    if not _is_float(dtype):
        greater = "icmp sgt" if _is_signed(dtype) else "icmp ugt"
        positive = site.choose(site.binary(greater, x, zero, dtype), one, zero, dtype)
        if not _is_signed(dtype):
            return positive
        below = site.binary("icmp slt", x, zero, dtype)
        return site.choose(below, site.number(-1, dtype), positive, dtype)
    # x itself is returned where it is neither: 0 or not a number.
    positive = site.choose(site.binary("fcmp ogt", x, zero, dtype), one, x, dtype)
    below = site.binary("fcmp olt", x, zero, dtype)
    return site.choose(below, site.number(-1, dtype), positive, dtype)


def _rsqrt(site: Site) -> str:
    dtype = site.node.dtype
    root = site.intrinsic("sqrt", dtype, *site.values)
    return site.binary("fdiv", site.number(1, dtype), root, dtype)


def _sigmoid(site: Site) -> str:
    dtype, (x,) = site.node.dtype, site.values
    power = site.intrinsic("exp", dtype, site.builder.value(f"fneg {site.type(dtype)} {x}"))
    one = site.number(1, dtype)
    return site.binary("fdiv", one, site.binary("fadd", one, power, dtype), dtype)


def _erf(site: Site) -> str:
    dtype, (x,) = site.node.dtype, site.values
    if dtype == "float16":
        wide = site.convert("fpext", x, dtype, "float32")
        return site.convert(
            "fptrunc", site.builder.call("float", "erff", ("float", wide)), "float32", dtype
        )
    name, kind = ("erff", "float") if dtype == "float32" else ("erf", "double")
    return site.builder.call(kind, name, (kind, x))


_COMPARISONS = {
    "equal": ("oeq", "eq", "eq"),
    "not_equal": ("une", "ne", "ne"),
    "less": ("olt", "slt", "ult"),
    "less_equal": ("ole", "sle", "ule"),
    "greater": ("ogt", "sgt", "ugt"),
    "greater_equal": ("oge", "sge", "uge"),
}


def _compare(site: Site) -> str:
    dtype = site.dtypes[0]
    floating, signed, unsigned = _COMPARISONS[site.node.operation]
    if _is_float(dtype):
        return site.binary(f"fcmp {floating}", *site.values, dtype)
    return site.binary(f"icmp {signed if _is_signed(dtype) else unsigned}", *site.values, dtype)


def _logical_not(site: Site) -> str:
    dtype = site.dtypes[0]
    test = "fcmp oeq" if _is_float(dtype) else "icmp eq"
    return site.binary(test, site.values[0], site.number(0, dtype), dtype)


def _where(site: Site) -> str:
    return site.choose(*site.values, site.node.dtype)


def _cast(site: Site) -> str:
    """Convert; floats to integers truncate and saturate, not-a-number gives 0."""
    source, target, (x,) = site.dtypes[0], site.node.dtype, site.values
    if source == target:
        return x
    if target == "bool":
        test = "fcmp une" if _is_float(source) else "icmp ne"
        return site.binary(test, x, site.number(0, source), source)
    if _is_float(source) and _is_float(target):
        wider = int(target[5:]) > int(source[5:])
        return site.convert("fpext" if wider else "fptrunc", x, source, target)
    if _is_float(source):
        name = "fptosi" if _is_signed(target) else "fptoui"
        suffix = f"{_suffix(target, site.lanes)}.{_suffix(source, site.lanes)}"
        return site.builder.call(
            site.type(target), f"llvm.{name}.sat.{suffix}", (site.type(source), x)
        )
    if _is_float(target):
        return site.convert("sitofp" if _is_signed(source) else "uitofp", x, source, target)
    return _resize(site, x, source, target)


def _resize(site: Site, x: str, source: str, target: str) -> str:
    """Return an integer with another number of bits."""
    have = 1 if source == "bool" else int(source.lstrip("uint"))
    want = int(target.lstrip("uint"))
    if have == want:
        return x
    name = "trunc" if want < have else "sext" if _is_signed(source) else "zext"
    return site.convert(name, x, source, target)


def _requantize_tflite(site: Site) -> str:
    """Scale int32 by multiplier * 2**(shift - 31): `isa.arithmetic.requantize`, TFLITE.

    The node's value says whether a shift may be positive. Multipliers are not negative, so the one
    product that saturates does not occur.
    """
    x, multiplier, shift = site.values
    if site.node.value:
        left = site.intrinsic("smax", "int32", shift, site.number(0, "int32"))
        x = site.binary("shl", x, left, "int32")
    wide = site.binary(
        "mul nsw",
        site.convert("sext", x, "int32", "int64"),
        site.convert("sext", multiplier, "int32", "int64"),
        "int64",
    )
    nudged = site.binary("add nsw", wide, site.number(1 << 30, "int64"), "int64")
    high = site.convert(
        "trunc", site.binary("ashr", nudged, site.number(31, "int64"), "int64"), "int64", "int32"
    )
    exponent = site.binary("sub", site.number(0, "int32"), shift, "int32")
    if site.node.value:
        exponent = site.intrinsic("smax", "int32", exponent, site.number(0, "int32"))
    return _rounding_divide(site, high, exponent)


def _rounding_divide(site: Site, x: str, exponent: str) -> str:
    """Return x / 2**exponent, half away from zero, for exponent in 0..31."""
    one = site.number(1, "int32")
    mask = site.binary("sub", site.binary("shl", one, exponent, "int32"), one, "int32")
    remainder = site.binary("and", x, mask, "int32")
    negative = site.binary("lshr", x, site.number(31, "int32"), "int32")
    half = site.binary("add", site.binary("lshr", mask, one, "int32"), negative, "int32")
    rounds = site.binary("icmp sgt", remainder, half, "int32")
    quotient = site.binary("ashr", x, exponent, "int32")
    return site.binary("add", quotient, site.convert("zext", rounds, "bool", "int32"), "int32")


def _requantize_upward(site: Site) -> str:
    """Scale int64 by multiplier * 2**(shift - 31): `isa.arithmetic.requantize`, UPWARD."""
    x, multiplier, shift = site.values
    wide_shift = site.convert("sext", shift, "int32", "int64")
    point = site.binary("sub", site.number(31, "int64"), wide_shift, "int64")
    one = site.number(1, "int64")
    half = site.binary("lshr", site.binary("shl", one, point, "int64"), one, "int64")
    product = site.binary("mul", x, site.convert("sext", multiplier, "int32", "int64"), "int64")
    shifted = site.binary("ashr", site.binary("add", product, half, "int64"), point, "int64")
    return site.convert("trunc", shifted, "int64", "int32")


def _saturate(site: Site) -> str:
    """Return x + zero point, clamped to the node's data type: `isa.arithmetic.saturate`.

    The limits move instead of x, whose sum might wrap.
    """
    target, source = site.node.dtype, site.dtypes[0]
    limits = np.iinfo(target)
    x, zero_point = site.values
    low = site.binary("sub", site.number(limits.min, source), zero_point, source)
    high = site.binary("sub", site.number(limits.max, source), zero_point, source)
    raised = site.intrinsic("smax", source, x, low)
    inside = site.intrinsic("smin", source, raised, high)
    total = site.binary("add", inside, zero_point, source)
    return _resize(site, total, source, target)


def _copy(site: Site) -> str:
    return site.values[0]


OPERATIONS: Mapping[str, Callable[[Site], str]] = MappingProxyType(
    {
        "abs": _absolute,
        "add": _arithmetic("add", "fadd", "or"),
        "cast": _cast,
        "ceil": _intrinsic("ceil"),
        "clip": _clip,
        "copy": _copy,
        "cos": _intrinsic("cos"),
        "divide": _divide,
        "erf": _erf,
        "exp": _intrinsic("exp"),
        "floor": _intrinsic("floor"),
        "log": _intrinsic("log"),
        "logical_not": _logical_not,
        "maximum": _maximum,
        "minimum": _minimum,
        "multiply": _arithmetic("mul", "fmul", "and"),
        "negative": _negative,
        "nn.leaky_relu": _leaky_relu,
        "nn.relu": _relu,
        "power": _intrinsic("pow"),
        "requantize_tflite": _requantize_tflite,
        "requantize_upward": _requantize_upward,
        "round": _intrinsic("round"),
        "rsqrt": _rsqrt,
        "saturate": _saturate,
        "shift_left": lambda site: site.binary("shl", *site.values, site.node.dtype),
        "sigmoid": _sigmoid,
        "sign": _sign,
        "sin": _intrinsic("sin"),
        "sqrt": _intrinsic("sqrt"),
        "subtract": _arithmetic("sub", "fsub", "xor"),
        "tanh": _intrinsic("tanh"),
        "trunc": _intrinsic("trunc"),
        "where": _where,
        **{name: _compare for name in _COMPARISONS},
    }
)
