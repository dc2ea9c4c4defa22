"""Fixed-point arithmetic in LLVM instructions: requantise and saturate.

`isa.arithmetic` defines what these compute; tests compare them bit for bit.
"""

from dataclasses import replace

import numpy as np

from .site import Site, resize

__all__ = [
    "quantize_tflite",
    "quantize_upward",
    "requantize_tflite",
    "requantize_upward",
    "saturate",
]


def requantize_tflite(site: Site) -> str:
    """Scale int32 by multiplier * 2**(shift - 31): `isa.arithmetic.requantize`, TFLITE.

    The node's value says where all shifts lie: "left" (any), "none" (at most 0) or "right"
    (-19..-1). Multipliers are not negative, so the one product that saturates does not occur.
    """
    x, multiplier, shift = site.values
    where = site.node.value
    if where == "left":
        left = site.intrinsic("smax", "int32", shift, site.number(0, "int32"))
        x = site.binary("shl", x, left, "int32")
    high = _high_multiply(site, x, multiplier)
    exponent = site.binary("sub", site.number(0, "int32"), shift, "int32")
    if where == "right":
        return _rounding_divide_by_more(site, high, exponent)
    if where == "left":
        exponent = site.intrinsic("smax", "int32", exponent, site.number(0, "int32"))
    return _rounding_divide(site, high, exponent)


def _high_multiply(site: Site, x: str, multiplier: str) -> str:
    """Return (x * multiplier + 2**30) >> 31."""
    if site.lanes == 1:
        left, right = (site.convert("sext", one, "int32", "int64") for one in (x, multiplier))
        product = site.binary("mul nsw", left, right, "int64")
        nudged = site.binary("add nsw", product, site.number(1 << 30, "int64"), "int64")
        high = site.binary("ashr", nudged, site.number(31, "int64"), "int64")
        return site.convert("trunc", high, "int64", "int32")
    half = site.halved()
    products = zip(halves(site, x), halves(site, multiplier), strict=True)
    nudge = half.number(1 << 30, "int64")
    even, odd = (
        half.binary("add nsw", half.binary("mul nsw", *pair, "int64"), nudge, "int64")
        for pair in products
    )
    even = half.binary("lshr", even, half.number(31, "int64"), "int64")
    odd = half.binary("shl", odd, half.number(1, "int64"), "int64")
    return interleaved(site, even, odd)


def halves(site: Site, x: str) -> tuple[str, str]:
    """Return the even and the odd lanes of int32 `x` as int64.

    They stay in their places, so that this costs a shift: machines multiply the lower halves of
    64-bit lanes.
    """
    half = site.halved()
    wide = site.builder.value(f"bitcast {site.type('int32')} {x} to {half.type('int64')}")
    by = half.number(32, "int64")
    even = half.binary("ashr", half.binary("shl", wide, by, "int64"), by, "int64")
    return even, half.binary("ashr", wide, by, "int64")


def interleaved(site: Site, even: str, odd: str) -> str:
    """Return int32 lanes: the lower halves of int64 `even`, the upper ones of `odd`."""
    half, kind = site.halved(), site.type("int32")
    low, high = (
        site.builder.value(f"bitcast {half.type('int64')} {value} to {kind}")
        for value in (even, odd)
    )
    places = (lane + site.lanes * (lane % 2) for lane in range(site.lanes))
    mask = ", ".join(f"i32 {place}" for place in places)
    return site.builder.value(
        f"shufflevector {kind} {low}, {kind} {high}, <{site.lanes} x i32> <{mask}>"
    )


def _rounding_divide_by_more(site: Site, x: str, exponent: str) -> str:
    """Return x / 2**exponent, half away from zero, for exponent in 1..31 and |x| below 2**31 - 1.

    ``(x - (x < 0) + 2**(e - 1)) >> e  =  (((x - (x < 0)) >> (e - 1)) + 1) >> 1``, without overflow.
    """
    one = site.number(1, "int32")
    sign = site.binary("ashr", x, site.number(31, "int32"), "int32")
    moved = site.binary("add", x, sign, "int32")
    nearly = site.binary("ashr", moved, site.binary("sub", exponent, one, "int32"), "int32")
    return site.binary("ashr", site.binary("add", nearly, one, "int32"), one, "int32")


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


def requantize_upward(site: Site) -> str:
    """Scale int32 or int64 by multiplier * 2**(shift - 31): `isa.arithmetic.requantize`, UPWARD.

    The node's value says where all shifts lie, as for TFLITE.
    """
    return _scale_upward(site, 0)


def quantize_upward(site: Site) -> str:
    """Scale int32, add a zero point and saturate: shifts in -19..-1, half rounds up.

    ``((x * m + half) >> p) + z  =  (x * m + half + (z << p)) >> p``
    """
    zero_point = site.node.value
    assert isinstance(zero_point, int)
    scaled = replace(site, node=replace(site.node, dtype="int32", value="right"))
    return _clamped(site, _scale_upward(scaled, zero_point))


def quantize_tflite(site: Site) -> str:
    """Scale int32, add a zero point and saturate: shifts in -19..-1, rounded as TFLITE does."""
    zero_point = site.node.value
    assert isinstance(zero_point, int)
    scaled = replace(site, node=replace(site.node, dtype="int32", value="right"))
    moved = requantize_tflite(scaled)
    if zero_point:
        # What is scaled down by two or more has room for the zero point.
        moved = site.binary("add", moved, site.number(zero_point, "int32"), "int32")
    return _clamped(site, moved)


def _clamped(site: Site, x: str) -> str:
    """Return int32 `x` saturated to the data type of the node."""
    limits = np.iinfo(site.node.dtype)
    raised = site.intrinsic("smax", "int32", x, site.number(limits.min, "int32"))
    inside = site.intrinsic("smin", "int32", raised, site.number(limits.max, "int32"))
    return resize(site, inside, "int32", site.node.dtype)


def _scale_upward(site: Site, zero_point: int) -> str:
    """Return x * multiplier * 2**(shift - 31), rounded, plus the zero point."""
    x, multiplier, shift = site.values
    if site.dtypes[0] == "int64" or site.lanes == 1:
        wide = resize(site, x, site.dtypes[0], "int64")
        wide_shift = site.convert("sext", shift, "int32", "int64")
        factor = site.convert("sext", multiplier, "int32", "int64")
        shifted = _shifted_product(site, (wide, factor), wide_shift, 0, zero_point)
        return site.convert("trunc", shifted, "int64", "int32")
    half = site.halved()
    factors, shifts = halves(site, multiplier), halves(site, shift)
    even, odd = zip(halves(site, x), factors, strict=True)
    low = _shifted_product(half, even, shifts[0], 0, zero_point)
    if site.node.value == "right":
        high = _shifted_product(half, odd, shifts[1], 32, zero_point)
        return interleaved(site, low, high)
    high = _shifted_product(half, odd, shifts[1], 0, zero_point)
    return interleaved(site, low, half.binary("shl", high, half.number(32, "int64"), "int64"))


def _shifted_product(
    site: Site, factors: tuple[str, str], shift: str, less: int, zero_point: int
) -> str:
    """Return (x * multiplier + half + (zero point << p)) >> (p - less), p = 31 - shift, in int64.

    Below AVX-512 there is no arithmetic shift by a vector: there 2**62 is added before and taken
    off after a logical one. |x * multiplier| is below 2**62.
    """
    point = site.binary("sub", site.number(31, "int64"), shift, "int64")
    one = site.number(1, "int64")
    addend = site.binary("lshr", site.binary("shl", one, point, "int64"), one, "int64")
    if zero_point:
        moved = site.binary("shl", site.number(zero_point, "int64"), point, "int64")
        addend = site.binary("add", addend, moved, "int64")
    by = site.binary("sub", point, site.number(less, "int64"), "int64") if less else point
    product = site.binary("mul", *factors, "int64")
    if site.lanes in (1, 8):
        return site.binary("ashr", site.binary("add", product, addend, "int64"), by, "int64")
    large = site.number(1 << 62, "int64")
    addend = site.binary("add", addend, large, "int64")
    shifted = site.binary("lshr", site.binary("add", product, addend, "int64"), by, "int64")
    return site.binary("sub", shifted, site.binary("lshr", large, by, "int64"), "int64")


def saturate(site: Site) -> str:
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
    return resize(site, total, source, target)
