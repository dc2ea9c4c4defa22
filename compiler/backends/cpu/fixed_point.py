"""Fixed-point arithmetic in LLVM instructions: requantise and saturate.

`isa.arithmetic` defines what these compute; tests compare them bit for bit.
"""

import numpy as np

from .site import Site, resize

__all__ = ["requantize_tflite", "requantize_upward", "saturate"]


def requantize_tflite(site: Site) -> str:
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


def requantize_upward(site: Site) -> str:
    """Scale int64 by multiplier * 2**(shift - 31): `isa.arithmetic.requantize`, UPWARD."""
    x, multiplier, shift = site.values
    wide_shift = site.convert("sext", shift, "int32", "int64")
    point = site.binary("sub", site.number(31, "int64"), wide_shift, "int64")
    one = site.number(1, "int64")
    half = site.binary("lshr", site.binary("shl", one, point, "int64"), one, "int64")
    product = site.binary("mul", x, site.convert("sext", multiplier, "int32", "int64"), "int64")
    shifted = site.binary("ashr", site.binary("add", product, half, "int64"), point, "int64")
    return site.convert("trunc", shifted, "int64", "int32")


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
