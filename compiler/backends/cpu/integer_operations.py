"""LLVM instructions of remainders, rounded quotients, shifts, bits, and tests of floats.

What they compute is defined by `compiler.ops.integer`; tests hold them to it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from .functions.remainder import float_remainder
from .site import Site, is_float, is_signed

__all__ = ["INTEGER_OPERATIONS"]


def _bits(name: str) -> Callable[[Site], str]:
    """Return the operation that is one instruction on bits."""
    return lambda site: site.binary(name, *site.operands, site.node.dtype)


def _bitwise_not(site: Site) -> str:
    dtype = site.node.dtype
    ones = site.number(True, dtype) if dtype == "bool" else site.number(-1, dtype)
    return site.binary("xor", site.operand, ones, dtype)


def _shift(left: bool) -> Callable[[Site], str]:
    """Return a shift by a count modulo the operand's bits."""

    def emit(site: Site) -> str:
        dtype, (x, count) = site.node.dtype, site.operands
        bits = int(dtype.lstrip("uint"))
        count = site.binary("and", count, site.number(bits - 1, dtype), dtype)
        name = "shl" if left else "ashr" if is_signed(dtype) else "lshr"
        return site.binary(name, x, count, dtype)

    return emit


def _parts(site: Site) -> tuple[str, str, str, str]:
    """Return quotient and remainder towards 0, both 0 where the divisor is, divisor, its test.

    The smallest number by -1 traps, so that a divisor of -1 negates instead.
    """
    dtype, (x, y) = site.node.dtype, site.operands
    zero, one = site.number(0, dtype), site.number(1, dtype)
    by_zero = site.binary("icmp eq", y, zero, dtype)
    special, sign = by_zero, "s" if is_signed(dtype) else "u"
    if is_signed(dtype):
        negates = site.binary("icmp eq", y, site.number(-1, dtype), dtype)
        special = site.binary("or", by_zero, negates, "bool")
    safe = site.choose(special, one, y, dtype)
    quotient = site.binary(f"{sign}div", x, safe, dtype)
    remainder = site.binary(f"{sign}rem", x, safe, dtype)
    if is_signed(dtype):
        negated = site.binary("sub", zero, x, dtype)
        quotient = site.choose(negates, negated, quotient, dtype)
    return site.choose(by_zero, zero, quotient, dtype), remainder, y, zero


def _trunc_divide(site: Site) -> str:
    dtype = site.node.dtype
    if is_float(dtype):
        return site.intrinsic("trunc", dtype, site.binary("fdiv", *site.operands, dtype))
    return _parts(site)[0]


def _trunc_mod(site: Site) -> str:
    dtype = site.node.dtype
    if is_float(dtype):
        return float_remainder(site, *site.operands, dtype)
    return _parts(site)[1]


def _rounds_down(site: Site, remainder: str, y: str, zero: str) -> str:
    """Return whether the quotient towards 0 is above the true one."""
    dtype = site.node.dtype
    inexact = site.binary("icmp ne", remainder, zero, dtype)
    signs = site.binary("xor", remainder, y, dtype)
    differ = site.binary("icmp slt", signs, zero, dtype)
    return site.binary("and", inexact, differ, "bool")


def _floor_divide(site: Site) -> str:
    dtype = site.node.dtype
    if is_float(dtype):
        return site.intrinsic("floor", dtype, site.binary("fdiv", *site.operands, dtype))
    quotient, remainder, y, zero = _parts(site)
    if not is_signed(dtype):
        return quotient
    down = _rounds_down(site, remainder, y, zero)
    below = site.binary("sub", quotient, site.number(1, dtype), dtype)
    return site.choose(down, below, quotient, dtype)


def _floor_mod(site: Site) -> str:
    """Return the remainder with the sign of the divisor; numpy's of floats."""
    dtype = site.node.dtype
    if is_float(dtype):
        return _float_mod(site)
    _, remainder, y, zero = _parts(site)
    if not is_signed(dtype):
        return remainder
    down = _rounds_down(site, remainder, y, zero)
    return site.choose(down, site.binary("add", remainder, y, dtype), remainder, dtype)


def _float_mod(site: Site) -> str:
    """Return what numpy.mod does: a remainder of 0 has the sign of the divisor."""
    dtype, (x, y) = site.node.dtype, site.operands
    zero = site.number(0, dtype)
    left = float_remainder(site, x, y, dtype)
    nonzero = site.binary("fcmp une", left, zero, dtype)
    negative = site.binary("fcmp olt", left, zero, dtype)
    differ = site.binary("xor", negative, site.binary("fcmp olt", y, zero, dtype), "bool")
    moved = site.binary("fadd", left, y, dtype)
    inside = site.choose(differ, moved, left, dtype)
    signed_zero = site.intrinsic("copysign", dtype, zero, y)
    result = site.choose(nonzero, inside, signed_zero, dtype)
    # By 0 the remainder is not a number, and stays it.
    return site.choose(site.binary("fcmp uno", left, left, dtype), left, result, dtype)


def _classify(test: str) -> Callable[[Site], str]:
    """Return a test of the absolute value against infinity, or of a number against itself."""

    def emit(site: Site) -> str:
        dtype, x = site.dtypes[0], site.operand
        if test == "uno":
            return site.binary("fcmp uno", x, x, dtype)
        infinite = site.number(float("inf"), dtype)
        return site.binary(f"fcmp {test}", site.intrinsic("fabs", dtype, x), infinite, dtype)

    return emit


def _reinterpret(site: Site) -> str:
    """Return the same bits as another data type."""
    source, target = site.dtypes[0], site.node.dtype
    if site.type(source) == site.type(target):
        return site.operand
    return site.convert("bitcast", site.operand, source, target)


INTEGER_OPERATIONS: Mapping[str, Callable[[Site], str]] = MappingProxyType(
    {
        "bitwise_and": _bits("and"),
        "bitwise_not": _bitwise_not,
        "bitwise_or": _bits("or"),
        "bitwise_xor": _bits("xor"),
        "floor_divide": _floor_divide,
        "floor_mod": _floor_mod,
        "isfinite": _classify("olt"),
        "isinf": _classify("oeq"),
        "isnan": _classify("uno"),
        "left_shift": _shift(True),
        "logical_and": _bits("and"),
        "logical_or": _bits("or"),
        "logical_xor": _bits("xor"),
        "mod": _trunc_mod,
        "reinterpret": _reinterpret,
        "right_shift": _shift(False),
        "trunc_divide": _trunc_divide,
        "trunc_mod": _trunc_mod,
    }
)
