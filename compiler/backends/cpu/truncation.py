"""Floats to integers: truncated, saturated, 0 for what is not a number, in whole vectors.

LLVM's own saturating conversion (llvm.fptosi.sat) does each lane by itself on x86.
"""

import numpy as np

from .site import Site, is_signed

__all__ = ["truncated"]


def truncated(site: Site, x: str, source: str, target: str) -> str:
    """Return float `x` of type `source` as integer type `target`."""
    if source == "float16":
        x, source = site.convert("fpext", x, "float16", "float32"), "float32"
    limits = np.iinfo(target)
    low, high = _inside(int(limits.min), source), _inside(int(limits.max), source)
    above_low = site.binary("fcmp ogt", x, site.number(low, source), source)
    bounded = site.choose(above_low, x, site.number(low, source), source)
    below_high = site.binary("fcmp olt", bounded, site.number(high, source), source)
    bounded = site.choose(below_high, bounded, site.number(high, source), source)
    # Every value of a narrow type is one of int32, into which processors convert.
    wide = "int32" if limits.bits < 32 else target
    instruction = "fptosi" if is_signed(wide) else "fptoui"
    result = site.convert(instruction, bounded, source, wide)
    if int(high) != limits.max:
        beyond = site.binary("fcmp ogt", x, site.number(high, source), source)
        result = site.choose(beyond, site.number(limits.max, wide), result, wide)
    missing = site.binary("fcmp uno", x, x, source)
    result = site.choose(missing, site.number(0, wide), result, wide)
    return result if wide == target else site.convert("trunc", result, wide, target)


def _inside(limit: int, dtype: str) -> float:
    """Return the float of type `dtype` nearest to `limit` that is not farther from 0."""
    kind = np.dtype(dtype).type
    near = kind(limit)
    if abs(int(near)) > abs(limit):
        near = np.nextafter(near, kind(0))
    return float(near)
