"""Gradients of qnn.* whose result is real: dequantisation, by its scale and its real data.

Integers carry no gradient: what reaches a quantised tensor ends there, as it does at a cast.
"""

from typing import cast

from ..ir.nodes import Expr
from ..ops.registry import call
from .site import Gradient, Rule, Site, multiply, number, sum_over

__all__ = ["RULES"]


def _dequantize(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """(data - zero_point) * scale, of integers in float32."""
    wide, point = (call("cast", site.args[place], dtype="int64") for place in (0, 2))
    offset = call("subtract", wide, _along(site, point, 2))
    real = call("cast", offset, dtype="float32")
    return None, _by_scale(site, multiply(grad, real), 1), None


def _simulated_dequantize(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """(data - zero_point) * scale, or for the data type 0 data itself."""
    data, code, scale, point = site.args
    dtype = site.tensor().dtype
    leaves = call("equal", code, call("zeros_like", code))
    along, shift = (
        _along(site, call("cast", part, dtype=dtype), place)
        for place, part in ((2, scale), (3, point))
    )
    by_data = call("where", leaves, grad, multiply(grad, along))
    part = multiply(grad, call("subtract", data, shift))
    zero = number(0, dtype)
    return by_data, None, _by_scale(site, call("where", leaves, zero, part), 2), None


def _along(site: Site, parameter: Expr, place: int) -> Expr:
    """Return a parameter so that a vector runs along the attribute axis of data."""
    kind, data = site.tensor(place), site.tensor()
    after = len(data.shape) - 1 - cast(int, site.attrs["axis"]) % max(len(data.shape), 1)
    if not kind.shape or not after:
        return parameter
    return call("expand_dims", parameter, axis=1, num_newaxis=after)


def _by_scale(site: Site, grad: Expr, place: int) -> Expr:
    """Return a gradient of the data's shape, summed to the scale's shape, in its data type."""
    kind, rank = site.tensor(place), len(site.tensor().shape)
    axis = cast(int, site.attrs["axis"]) % max(rank, 1)
    others = [number for number in range(rank) if not kind.shape or number != axis]
    total = sum_over(grad, others)
    return total if kind.dtype == site.result_dtype else call("cast", total, dtype=kind.dtype)


RULES: dict[str, Rule] = {
    "qnn.dequantize": _dequantize,
    "qnn.simulated_dequantize": _simulated_dequantize,
}
