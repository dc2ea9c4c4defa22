"""LLVM instructions of remainders, rounded quotients, shifts, bits, and tests of numbers.

What they compute is defined by `compiler.ops.integer`; tests hold them to it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from .site import Site, is_float, is_signed

__all__ = ["INTEGERS"]


def _quotient(site: Site, x: str, y: str) -> tuple[str, str]:
    """Return the quotient of integers and what remains, truncated; both 0 for a divisor of 0.

    The smallest number by -1 traps on some machines: -1 is done without a division.
    """
    dtype, build = site.node.dtype, site.builder
    zero, one = site.number(0, dtype), site.number(1, dtype)
    by_zero = site.binary("icmp eq", y, zero, dtype)
    if not is_signed(dtype):
        safe = site.choose(by_zero, one, y, dtype)
        quotient, rest = (site.binary(name, x, safe, dtype) for name in ("udiv", "urem"))
    else:
        negates = site.binary("icmp eq", y, site.number(-1, dtype), dtype)
        special = build.value(f"or {site.type('bool')} {by_zero}, {negates}")
        safe = site.choose(special, one, y, dtype)
        whole, rest = (site.binary(name, x, safe, dtype) for name in ("sdiv", "srem"))
        quotient = site.choose(negates, site.binary("sub", zero, x, dtype), whole, dtype)
    return site.choose(by_zero, zero, quotient, dtype), rest


def _rounds_down(site: Site, y: str, rest: str) -> str:
    """Return where a truncated quotient lies above the exact one: signs differ, and a rest."""
    dtype = site.node.dtype
    zero = site.number(0, dtype)
    opposite = site.binary("icmp slt", site.binary("xor", rest, y, dtype), zero, dtype)
    remains = site.binary("icmp ne", rest, zero, dtype)
    return site.builder.value(f"and {site.type('bool')} {opposite}, {remains}")


def _floor_divide(site: Site) -> str:
    dtype, (x, y) = site.node.dtype, site.operands
    if is_float(dtype):
        return site.intrinsic("floor", dtype, site.binary("fdiv", x, y, dtype))
    quotient, rest = _quotient(site, x, y)
    if not is_signed(dtype):
        return quotient
    below = site.binary("sub", quotient, site.number(1, dtype), dtype)
    return site.choose(_rounds_down(site, y, rest), below, quotient, dtype)


def _trunc_divide(site: Site) -> str:
    dtype, (x, y) = site.node.dtype, site.operands
    if is_float(dtype):
        return site.intrinsic("trunc", dtype, site.binary("fdiv", x, y, dtype))
    return _quotient(site, x, y)[0]


def _trunc_mod(site: Site) -> str:
    dtype, (x, y) = site.node.dtype, site.operands
    if is_float(dtype):
        return site.binary("frem", x, y, dtype)
    return _quotient(site, x, y)[1]


def _floor_mod(site: Site) -> str:
    """The remainder has the sign of the divisor, that of 0.0 included."""
    dtype, (x, y) = site.node.dtype, site.operands
    if not is_float(dtype):
        _, rest = _quotient(site, x, y)
        if not is_signed(dtype):
            return rest
        return site.choose(
            _rounds_down(site, y, rest), site.binary("add", rest, y, dtype), rest, dtype
        )
    zero, build = site.number(0.0, dtype), site.builder
    rest = site.binary("frem", x, y, dtype)
    signs = [site.binary("fcmp olt", value, zero, dtype) for value in (rest, y)]
    differ = build.value(f"xor {site.type('bool')} {signs[0]}, {signs[1]}")
    moved = site.choose(differ, site.binary("fadd", rest, y, dtype), rest, dtype)
    nothing = site.binary("fcmp oeq", rest, zero, dtype)
    return site.choose(nothing, site.intrinsic("copysign", dtype, zero, y), moved, dtype)


def _shift(signed: str, unsigned: str) -> Callable[[Site], str]:
    """Return a shift by a count modulo the operand's bits."""

    def emit(site: Site) -> str:
        dtype, (x, count) = site.node.dtype, site.operands
        bits = int(dtype.lstrip("uint"))
        within = site.binary("and", count, site.number(bits - 1, dtype), dtype)
        return site.binary(signed if is_signed(dtype) else unsigned, x, within, dtype)

    return emit


def _bits(instruction: str) -> Callable[[Site], str]:
    return lambda site: site.binary(instruction, *site.operands, site.node.dtype)


def _invert(site: Site) -> str:
    dtype = site.node.dtype
    return site.binary(
        "xor", site.operand, site.number(True if dtype == "bool" else -1, dtype), dtype
    )


def _is_nan(site: Site) -> str:
    return site.binary("fcmp uno", site.operand, site.operand, site.dtypes[0])


def _beside_infinity(test: str) -> Callable[[Site], str]:
    """Return the comparison of a number's size with infinity."""

    def emit(site: Site) -> str:
        dtype = site.dtypes[0]
        size = site.intrinsic("fabs", dtype, site.operand)
        return site.binary(f"fcmp {test}", size, site.number(float("inf"), dtype), dtype)

    return emit


def _reinterpret(site: Site) -> str:
    source, target = site.dtypes[0], site.node.dtype
    if site.type(source) == site.type(target):
        return site.operand
    return site.convert("bitcast", site.operand, source, target)


INTEGERS: Mapping[str, Callable[[Site], str]] = MappingProxyType(
    {
        "bitwise_and": _bits("and"),
        "bitwise_not": _invert,
        "bitwise_or": _bits("or"),
        "bitwise_xor": _bits("xor"),
        "floor_divide": _floor_divide,
        "floor_mod": _floor_mod,
        "isfinite": _beside_infinity("olt"),
        "isinf": _beside_infinity("oeq"),
        "isnan": _is_nan,
        "left_shift": _shift("shl", "shl"),
        "logical_and": _bits("and"),
        "logical_or": _bits("or"),
        "logical_xor": _bits("xor"),
        "mod": _trunc_mod,
        "reinterpret": _reinterpret,
        "right_shift": _shift("ashr", "lshr"),
        "trunc_divide": _trunc_divide,
        "trunc_mod": _trunc_mod,
    }
)
"""From the name of an operation to the function that emits it."""
