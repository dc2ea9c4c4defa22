"""Gradients of sorting and of running sums and products."""

from typing import cast

import numpy as np

from ..ir.nodes import Call, Constant, Expr, Op, TupleGetItem
from ..ir.types import TupleType
from ..ops.registry import call
from .site import Gradient, Rule, Site, add, multiply, reshape

__all__ = ["RULES"]


def _sort(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Each element of the result goes back to where it came from, which argsort says."""
    if not site.is_float():
        return (None,)
    axis = site.attrs["axis"]
    places = call("argsort", site.args[0], axis=axis, is_ascend=site.attrs["is_ascend"])
    return (_put_back(site, grad, places),)


def _put_back(site: Site, grad: Expr, places: Expr) -> Expr:
    """Return zeros of the data's shape with `grad` at `places` along the attribute axis."""
    shape = site.shape()
    axis = cast(int, site.attrs["axis"]) % len(shape)
    whole = call("zeros", shape=shape, dtype=site.tensor().dtype)
    return call("scatter_elements", whole, places, grad, axis=axis, reduction="add")


def _topk(site: Site, grad: Expr | tuple[Gradient, ...]) -> tuple[Gradient, ...]:
    """The values go back as those of a sort; their places have no gradient."""
    of_values = grad[0] if isinstance(grad, tuple) else grad
    if not site.is_float() or of_values is None or site.attrs["ret_type"] == "indices":
        return (None,)
    places = Call(Op("topk"), site.args, {**site.attrs, "ret_type": "indices"})
    assert not isinstance(of_values, tuple)
    return (_put_back(site, of_values, places),)


def _unique(site: Site, grads: tuple[Gradient, ...]) -> tuple[Gradient, ...]:
    """A distinct element is the first of its equals, so that this one gets the gradient.

    Past the number of distinct elements the result is 0, whatever the data.
    """
    found = grads[0]
    if not site.is_float() or found is None:
        return (None,)
    assert isinstance(site.result, TupleType) and not isinstance(found, tuple)
    (size,), dtype = site.shape(), site.tensor().dtype
    fields = call("unique", site.args[0], sorted=site.attrs["sorted"])
    first, number = (TupleGetItem(fields, place) for place in (1, 3))
    counted = call("less", Constant(np.arange(size, dtype=np.int32)), number)
    part = call("where", counted, found, site.constant(0))
    whole = call("zeros", shape=(size,), dtype=dtype)
    return (call("scatter_elements", whole, first, part, axis=0, reduction="add"),)


def _cumsum(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """The gradient of a running sum is the running sum from the other end."""
    if not site.is_float():
        return (None,)
    exclusive = bool(site.attrs["exclusive"])
    axis = cast(int | None, site.attrs["axis"])
    place = 0 if axis is None else axis
    turned = call("reverse", grad, axis=place)
    summed = call("cumsum", turned, axis=place, exclusive=exclusive)
    back = call("reverse", summed, axis=place)
    return (reshape(back, site.shape()) if axis is None else back,)


def _cumprod(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """Add up, factor by factor, the products of the others.

    Nothing is divided, so that factors of zero are as good as others: factor k of n counts in the
    results k..n - 1 with the product of the factors before it times the running product after it.
    """
    if not site.is_float():
        return (None,)
    axis = cast(int | None, site.attrs["axis"])
    shape = site.result_shape
    place = 0 if axis is None else axis % len(shape)
    size = shape[place]
    if 0 in shape:
        return (call("zeros", shape=site.shape(), dtype=site.tensor().dtype),)
    data = reshape(site.args[0], shape)
    parts: Expr | None = None
    for factor in range(size):
        along = [-1 if number == place else 1 for number in range(len(shape))]
        own = (np.arange(size) == factor).reshape(along)
        one = call("where", Constant(own), site.constant(1), data)
        products = call("cumprod", one, axis=place, exclusive=site.attrs["exclusive"])
        first = factor + 1 if site.attrs["exclusive"] else factor
        holds = (np.arange(size) >= first).reshape(along)
        counted = call("where", Constant(holds), multiply(grad, products), site.constant(0))
        total = call("sum", counted, axis=(place,), keepdims=True)
        mine = call("where", Constant(own), total, site.constant(0))
        parts = mine if parts is None else add(parts, mine)
    assert parts is not None
    return (reshape(parts, site.shape()),)


RULES: dict[str, Rule] = {
    "sort": _sort,
    "topk": cast(Rule, _topk),
    "unique": cast(Rule, _unique),
    "cumsum": _cumsum,
    "cumprod": _cumprod,
}
