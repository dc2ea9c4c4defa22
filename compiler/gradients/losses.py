"""Gradients of losses."""

from typing import cast

import numpy as np

from ..ir.nodes import Constant, Expr
from ..ir.types import TensorType
from ..ops.registry import call
from .site import Gradient, Rule, Site, add, multiply, reshape, sum_over

__all__ = ["RULES"]


def _cross_entropy(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """-sum(targets * log(predictions)) / batch."""
    predictions, targets = site.args
    scale = multiply(grad, site.constant(-1 / site.shape()[0]))
    by_targets = multiply(scale, call("log", predictions))
    return multiply(scale, call("divide", targets, predictions)), by_targets


def _cross_entropy_with_logits(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """-sum(predictions * targets) / batch."""
    predictions, targets = site.args
    scale = multiply(grad, site.constant(-1 / site.shape()[0]))
    return multiply(scale, targets), multiply(scale, predictions)


def _nll_loss(site: Site, grad: Expr) -> tuple[Gradient, ...]:
    """-sum(hot * weights * predictions), over sum(hot * weights) for a mean.

    hot : 1 at the class that is right, all 0 where the target is to be ignored.
    """
    predictions, _, weights = site.args
    shape = site.shape()
    axis = 0 if len(shape) == 1 else 1
    line = tuple(size if place == axis else 1 for place, size in enumerate(shape))
    others = tuple(place for place in range(len(shape)) if place != axis)
    hot, wide = _hot(site, axis, line), reshape(weights, line)
    weighted = multiply(hot, wide)
    down: Expr = call("negative", grad)
    if site.attrs["reduction"] == "none":
        down = reshape(down, tuple(1 if n == axis else size for n, size in enumerate(shape)))
        by_weights = multiply(down, multiply(hot, predictions))
    elif site.attrs["reduction"] == "sum":
        by_weights = multiply(down, multiply(hot, predictions))
    else:
        down = call("divide", down, call("sum", weighted))
        by_weights = multiply(down, multiply(hot, add(predictions, site.output)))
    return multiply(down, weighted), None, sum_over(by_weights, others)


def _hot(site: Site, axis: int, line: tuple[int, ...]) -> Expr:
    """Return 1 at the right class of each prediction, 0 elsewhere and where it is ignored."""
    targets, kind = call("expand_dims", site.args[1], axis=axis), site.types[1]
    assert isinstance(kind, TensorType)
    classes = np.arange(line[axis]).astype(kind.dtype).reshape(line)
    ignored = np.asarray(cast(int, site.attrs["ignore_index"])).astype(kind.dtype)
    hit = call("equal", targets, Constant(classes))
    counted = call("logical_and", hit, call("not_equal", targets, Constant(ignored)))
    return call("cast", counted, dtype=site.tensor().dtype)


RULES: dict[str, Rule] = {
    "nn.cross_entropy": _cross_entropy,
    "nn.cross_entropy_with_logits": _cross_entropy_with_logits,
    "nn.nll_loss": _nll_loss,
}
