"""Gradients of reductions and of softmax."""

from math import prod
from typing import cast

from ..ir.nodes import Expr
from ..ops.registry import call
from ..ops.shapes import axes_in
from .site import Gradient, Rule, Site, multiply, reshape, sum_over

__all__ = ["RULES", "kept_shape", "reduced_axes"]


def reduced_axes(site: Site) -> tuple[int, ...]:
    """Return the axes that a reduction sums over."""
    rank = len(site.tensor().shape)
    given = cast(tuple[int, ...] | None, site.attrs["axis"])
    axes = tuple(range(rank)) if given is None else axes_in(given, rank)
    if site.attrs["exclude"]:
        axes = tuple(axis for axis in range(rank) if axis not in axes)
    return tuple(sorted(axes))


def kept_shape(site: Site) -> tuple[int, ...]:
    """Return the shape of the data with reduced axes of size 1."""
    axes = reduced_axes(site)
    return tuple(1 if axis in axes else size for axis, size in enumerate(site.shape()))


def _spread(site: Site, expr: Expr) -> Expr:
    """Return something of the result's shape at every element that it was made of."""
    return call("broadcast_to", reshape(expr, kept_shape(site)), shape=site.shape())


def _sum(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    return (_spread(site, grad) if site.is_float() else None,)


def _mean(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    if not site.is_float():
        return (None,)
    count = prod(site.shape()[axis] for axis in reduced_axes(site))
    return (_spread(site, multiply(grad, site.constant(1 / count))),)


def _extreme(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Share the gradient among the elements that are the largest (or smallest) ones."""
    if not site.is_float():
        return (None,)
    shape, axes, dtype = kept_shape(site), reduced_axes(site), site.tensor().dtype
    best = call("cast", call("equal", site.args[0], reshape(site.output, shape)), dtype=dtype)
    part = call("divide", reshape(grad, shape), sum_over(best, axes, keepdims=True))
    return (multiply(best, part),)


def _prod(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """A single factor of zero gets the product of the others, of two each gets zero."""
    if not site.is_float():
        return (None,)
    (x,), shape, axes, dtype = site.args, kept_shape(site), reduced_axes(site), site.tensor().dtype
    zero, one = site.constant(0), site.constant(1)
    is_zero = call("equal", x, zero)
    safe = call("where", is_zero, one, x)
    others = call("prod", safe, axis=axes, keepdims=True) if axes else safe
    count = sum_over(call("cast", is_zero, dtype=dtype), axes, keepdims=True)
    at_zero = call("where", call("equal", count, one), others, zero)
    elsewhere = call("divide", reshape(site.output, shape), safe)
    return (multiply(reshape(grad, shape), call("where", is_zero, at_zero, elsewhere)),)


def _variance(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """The second argument is the mean, of which the result does not depend to first order."""
    count = prod(site.shape()[axis] for axis in reduced_axes(site))
    divisor = count - 1 if site.attrs.get("unbiased", False) else count
    centred = call("subtract", site.args[0], site.args[1])
    scaled = multiply(reshape(grad, kept_shape(site)), site.constant(2 / divisor))
    by_data = multiply(scaled, centred)
    by_mean = call("negative", sum_over(by_data, reduced_axes(site), keepdims=True))
    return by_data, reshape(by_mean, site.shape(1))


def _softmax(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    weighted = multiply(grad, site.output)
    total = sum_over(weighted, (cast(int, site.attrs["axis"]),), keepdims=True)
    return (call("subtract", weighted, multiply(site.output, total)),)


def _log_softmax(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    total = sum_over(grad, (cast(int, site.attrs["axis"]),), keepdims=True)
    return (call("subtract", grad, multiply(call("exp", site.output), total)),)


def _l2_normalize(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """y = x / n with n = sqrt(max(sum x * x, eps)); below eps n is constant."""
    (x,), eps = site.args, site.constant(cast(float, site.attrs["eps"]))
    axes = cast(tuple[int, ...], site.attrs["axis"]) or tuple(range(len(site.shape())))
    square = sum_over(multiply(x, x), axes, keepdims=True)
    inverse = call("rsqrt", call("maximum", square, eps))
    large = call("cast", call("greater", square, eps), dtype=site.tensor().dtype)
    along = multiply(sum_over(multiply(grad, site.output), axes, keepdims=True), large)
    change = call("subtract", grad, multiply(site.output, along))
    return (multiply(change, inverse),)


def _logsumexp(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    shape = kept_shape(site)
    change = call("exp", call("subtract", site.args[0], reshape(site.output, shape)))
    return (multiply(reshape(grad, shape), change),)


RULES: dict[str, Rule] = {
    "sum": _sum,
    "mean": _mean,
    "max": _extreme,
    "min": _extreme,
    "prod": _prod,
    "variance": _variance,
    "logsumexp": _logsumexp,
    "nn.softmax": _softmax,
    "nn.fast_softmax": _softmax,
    "nn.log_softmax": _log_softmax,
    "nn.l2_normalize": _l2_normalize,
}
