"""All gradient rules, by the name of the operator."""

from functools import cache
from types import MappingProxyType

from ..errors import Unsupported
from ..ir.span import Span
from . import (
    boxes,
    convolution,
    deformable,
    dynamic_resampling,
    elementwise,
    grids,
    linear,
    losses,
    order,
    placement,
    pooling,
    pooling_nd,
    quantized,
    random,
    rearrangement,
    reduction,
    regions,
    resampling,
)
from .refused import REASONS
from .site import Rule

__all__ = ["differentiable", "find_rule"]


@cache
def differentiable() -> MappingProxyType[str, Rule]:
    """Return every rule by the name of its operator, sorted."""
    tables = (
        *(convolution.RULES, deformable.RULES, elementwise.RULES, grids.RULES, linear.RULES),
        *(losses.RULES, order.RULES, placement.RULES, pooling.RULES, pooling_nd.RULES),
        *(boxes.RULES, dynamic_resampling.RULES, quantized.RULES),
        *(random.RULES, rearrangement.RULES, reduction.RULES, regions.RULES, resampling.RULES),
    )
    rules = {name: rule for table in tables for name, rule in table.items()}
    assert len(rules) == sum(map(len, tables)), "two rules are of one operator"
    return MappingProxyType(dict(sorted(rules.items())))


def find_rule(name: str, span: Span | None = None) -> Rule:
    """Return the gradient rule of the operator `name`.

    Raises
    ------
    Unsupported
        There is none.
    """
    found = differentiable().get(name)
    if name in REASONS:
        raise Unsupported(f"operator {name} has no gradient: {REASONS[name]}", span)
    if found is None:
        raise Unsupported(
            f"operator {name} has no gradient; write what it does in operators of "
            f"compiler/gradients",
            span,
        )
    return found
