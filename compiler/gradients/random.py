"""Gradients of random numbers by the bounds, or the mean and scale, that they are drawn with.

The numbers of a key are a fixed sequence that is moved and stretched: the operator itself, asked
for the same key and the plain range, says which.
"""

from typing import cast

from ..ir.nodes import Call, Expr, Op, TupleGetItem
from ..ir.types import TensorType, TupleType
from ..ops.registry import call
from .site import Gradient, Rule, Site, multiply

__all__ = ["RULES"]


def _spread(site: Site, grads: tuple[Gradient, ...]) -> tuple[Gradient, ...]:
    grad = grads[1]
    if grad is None:
        return (None, None, None)
    assert isinstance(site.result, TupleType) and isinstance(site.result.fields[1], TensorType)
    first, second = site.constant(0, 1), site.constant(1, 1)
    plain = TupleGetItem(Call(Op(site.name), (site.args[0], first, second), site.attrs), 1)
    stretched = call("sum", multiply(cast(Expr, grad), plain))
    whole = call("sum", cast(Expr, grad))
    kept: Expr = whole
    if site.name == "random.uniform":
        kept = call("subtract", whole, stretched)
    if site.result.fields[1].dtype != site.tensor(1).dtype:
        dtype = site.tensor(1).dtype
        return None, call("cast", kept, dtype=dtype), call("cast", stretched, dtype=dtype)
    return None, kept, stretched


RULES: dict[str, Rule] = {
    "random.uniform": cast(Rule, _spread),
    "random.normal": cast(Rule, _spread),
}
