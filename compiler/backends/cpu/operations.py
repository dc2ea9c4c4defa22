"""LLVM instructions of the operations in a formula, for any number of lanes.

What they compute is defined by `compiler.ops`; tests hold them to it.
"""

from collections.abc import Callable, Mapping
from math import frexp, log2
from types import MappingProxyType

from .fixed_point import (
    quantize_tflite,
    quantize_upward,
    requantize_tflite,
    requantize_upward,
    saturate,
)
from .functions import FUNCTIONS, emit_function
from .integer_operations import INTEGER_OPERATIONS
from .site import Site, is_float, is_signed, resize
from .truncation import truncated

__all__ = ["OPERATIONS"]


def _intrinsic(name: str) -> Callable[[Site], str]:
    """Return the operation that is one floating-point intrinsic."""
    return lambda site: site.intrinsic(name, site.node.dtype, *site.values)


def _arithmetic(integer: str, floating: str, logical: str) -> Callable[[Site], str]:
    """Return the operation that is one instruction on integers, floats and bools."""

    def emit(site: Site) -> str:
        dtype = site.node.dtype
        name = logical if dtype == "bool" else floating if is_float(dtype) else integer
        return site.binary(name, *site.operands, dtype)

    return emit


def _extreme(site: Site, which: str, left: str, right: str, dtype: str) -> str:
    """Return the larger ("max") or smaller ("min"); not-a-number wins, as in numpy."""
    if dtype == "bool":
        return site.binary("or" if which == "max" else "and", left, right, dtype)
    if is_float(dtype):
        return site.intrinsic(f"{which}imum", dtype, left, right)
    return site.intrinsic(f"{'s' if is_signed(dtype) else 'u'}{which}", dtype, left, right)


def _maximum(site: Site) -> str:
    return _extreme(site, "max", *site.operands, site.node.dtype)


def _larger(site: Site) -> str:
    """Return the larger of two floats in one instruction, the second if one is not a number."""
    dtype, (x, y) = site.node.dtype, site.operands
    return site.choose(site.binary("fcmp ogt", x, y, dtype), x, y, dtype)


def _minimum(site: Site) -> str:
    return _extreme(site, "min", *site.operands, site.node.dtype)


def _clip(site: Site) -> str:
    """Clamp between the second and third operand."""
    dtype = site.node.dtype
    raised = _extreme(site, "max", site.values[0], site.values[1], dtype)
    return _extreme(site, "min", raised, site.values[2], dtype)


def _relu(site: Site) -> str:
    dtype = site.node.dtype
    return _extreme(site, "max", site.values[0], site.number(0, dtype), dtype)


def _leaky_relu(site: Site) -> str:
    dtype, x = site.node.dtype, site.operand
    slope = site.node.value
    assert isinstance(slope, float)
    positive = site.binary("fcmp ogt", x, site.number(0, dtype), dtype)
    return site.choose(positive, x, site.binary("fmul", x, site.number(slope, dtype), dtype), dtype)


def _divide(site: Site) -> str:
    """Divide; integers truncate, give 0 for a divisor of 0, and wrap."""
    dtype, (x, y) = site.node.dtype, site.operands
    if is_float(dtype):
        return site.binary("fdiv", x, y, dtype)
    zero, one = site.number(0, dtype), site.number(1, dtype)
    by_zero = site.binary("icmp eq", y, zero, dtype)
    if not is_signed(dtype):
        quotient = site.binary("udiv", x, site.choose(by_zero, one, y, dtype), dtype)
        return site.choose(by_zero, zero, quotient, dtype)
    # The smallest number by -1 traps, so -1 negates instead.
    negates = site.binary("icmp eq", y, site.number(-1, dtype), dtype)
    special = site.binary("or", by_zero, negates, "bool")
    quotient = site.binary("sdiv", x, site.choose(special, one, y, dtype), dtype)
    negated = site.binary("sub", zero, x, dtype)
    return site.choose(by_zero, zero, site.choose(negates, negated, quotient, dtype), dtype)


def _divide_by(site: Site) -> str:
    """Divide float32 by a known number: the rounded product with its reciprocal in float64.

    A quotient of two numbers of 24 bits is at least 2**-49 of itself from any middle between two
    such numbers, the product less than 2**-51 from the quotient: both round to the same number.
    """
    divisor = site.node.value
    assert isinstance(divisor, float)
    if frexp(divisor)[0] in (0.5, -0.5) and abs(log2(abs(divisor))) < 126:
        return site.binary("fmul", site.operand, site.number(1 / divisor, "float32"), "float32")
    wide = site.convert("fpext", site.operand, "float32", "float64")
    product = site.binary("fmul", wide, site.number(1 / divisor, "float64"), "float64")
    return site.convert("fptrunc", product, "float64", "float32")


def _negative(site: Site) -> str:
    dtype, x = site.node.dtype, site.operand
    if is_float(dtype):
        return site.builder.value(f"fneg {site.type(dtype)} {x}")
    return site.binary("sub", site.number(0, dtype), x, dtype)


def _absolute(site: Site) -> str:
    dtype, x = site.node.dtype, site.operand
    if is_float(dtype):
        return site.intrinsic("fabs", dtype, x)
    return site.intrinsic("abs", dtype, x, flag="false") if is_signed(dtype) else x


def _sign(site: Site) -> str:
    dtype, x = site.node.dtype, site.operand
    zero, one = site.number(0, dtype), site.number(1, dtype)
    if not is_float(dtype):
        greater = "icmp sgt" if is_signed(dtype) else "icmp ugt"
        positive = site.choose(site.binary(greater, x, zero, dtype), one, zero, dtype)
        if not is_signed(dtype):
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
    if is_float(dtype):
        return site.binary(f"fcmp {floating}", *site.operands, dtype)
    name = signed if is_signed(dtype) else unsigned
    return site.binary(f"icmp {name}", *site.operands, dtype)


def _logical_not(site: Site) -> str:
    dtype = site.dtypes[0]
    test = "fcmp oeq" if is_float(dtype) else "icmp eq"
    return site.binary(test, site.values[0], site.number(0, dtype), dtype)


def _where(site: Site) -> str:
    condition, yes, no = site.values
    return site.choose(condition, yes, no, site.node.dtype)


def _cast(site: Site) -> str:
    """Convert; floats to integers truncate and saturate, not-a-number gives 0."""
    source, target, x = site.dtypes[0], site.node.dtype, site.operand
    if source == target:
        return x
    if target == "bool":
        test = "fcmp une" if is_float(source) else "icmp ne"
        return site.binary(test, x, site.number(0, source), source)
    if is_float(source) and is_float(target):
        if (source, target) == ("float64", "float16"):
            x, source = _rounded_to_odd(site, x), "float32"
        wider = int(target[5:]) > int(source[5:])
        return site.convert("fpext" if wider else "fptrunc", x, source, target)
    if is_float(source):
        return truncated(site, x, source, target)
    if is_float(target):
        return site.convert("sitofp" if is_signed(source) else "uitofp", x, source, target)
    return resize(site, x, source, target)


def _rounded_to_odd(site: Site, x: str) -> str:
    """Return float64 `x` as float32 with its last bit set if it is not exact.

    Rounding that once more, to float16, gives what rounding x at once does; x86 has no
    instruction for the latter.

    Source
    ------
    S. Boldo, G. Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using
    rounding to odd", IEEE Transactions on Computers 57(4), 2008, theorem 1.
    """
    near = site.convert("fptrunc", x, "float64", "float32")
    back = site.convert("fpext", near, "float32", "float64")
    beyond = site.binary(
        "fcmp ogt",
        site.intrinsic("fabs", "float64", back),
        site.intrinsic("fabs", "float64", x),
        "float64",
    )
    inexact = site.binary("fcmp one", back, x, "float64")
    bits = site.convert("bitcast", near, "float32", "int32")
    truncated = site.binary("sub", bits, site.convert("zext", beyond, "bool", "int32"), "int32")
    odd = site.binary("or", truncated, site.convert("zext", inexact, "bool", "int32"), "int32")
    return site.convert("bitcast", odd, "int32", "float32")


def _move_sign(site: Site) -> str:
    """Take int8 for uint8 or the other way round, 128 more or less."""
    return site.binary("xor", site.operand, site.number(-128, "int8"), "int8")


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
        "divide": _divide,
        "divide_by": _divide_by,
        "floor": _intrinsic("floor"),
        "larger": _larger,
        "logical_not": _logical_not,
        "maximum": _maximum,
        "move_sign": _move_sign,
        "minimum": _minimum,
        "multiply": _arithmetic("mul", "fmul", "and"),
        "negative": _negative,
        "nn.leaky_relu": _leaky_relu,
        "nn.relu": _relu,
        "quantize_tflite": quantize_tflite,
        "quantize_upward": quantize_upward,
        "requantize_tflite": requantize_tflite,
        "requantize_upward": requantize_upward,
        "round": _intrinsic("round"),
        "rsqrt": _rsqrt,
        "saturate": saturate,
        "shift_left": lambda site: site.binary("shl", *site.operands, site.node.dtype),
        "sign": _sign,
        "sqrt": _intrinsic("sqrt"),
        "subtract": _arithmetic("sub", "fsub", "xor"),
        "trunc": _intrinsic("trunc"),
        "where": _where,
        **dict.fromkeys(_COMPARISONS, _compare),
        **dict.fromkeys(FUNCTIONS, emit_function),
        **INTEGER_OPERATIONS,
    }
)
