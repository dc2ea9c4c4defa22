"""Operators that are others put together, and those that only name what exists already."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from ...ir.nodes import AttributeValue
from .graph import RegionStep, Step, Tensor
from .plainer import PLAINER

__all__ = ["expand"]


def expand(steps: tuple[Step | RegionStep, ...]) -> tuple[Step | RegionStep, ...]:
    """Return `steps` in terms of the operators that have lowerings."""
    found: list[Step | RegionStep] = []
    for step in steps:
        if isinstance(step, Step) and step.name in _EXPANSIONS:
            found.extend(_EXPANSIONS[step.name](step))
        else:
            found.append(step)
    return tuple(found)


def _batch_norm(step: Step) -> list[Step]:
    """``(y, mean, variance) = batch_norm(..)  ->  y = batch_norm(..)``, the rest as it came in."""
    assert isinstance(step.result, tuple)
    result, mean, variance = step.result
    for tensor, source in ((mean, step.operands[3]), (variance, step.operands[4])):
        assert isinstance(tensor, Tensor) and isinstance(source, Tensor)
        tensor.base = source
    return [Step(step.name, step.attrs, step.operands, result, step.span)]


def _dropout(step: Step) -> list[Step]:
    """``(y, mask) = dropout(x)  ->  y = x, mask = 1``: nothing is dropped in inference."""
    assert isinstance(step.result, tuple)
    result, mask = step.result
    assert isinstance(result, Tensor) and isinstance(mask, Tensor)
    assert isinstance(step.operands[0], Tensor)
    result.base = step.operands[0]
    mask.constant = np.ones(mask.shape, mask.dtype)
    return []


def _l2_normalize(step: Step) -> list[Step]:
    """``y = l2_normalize(x)  ->  y = x / sqrt(max(sum(x * x), eps))``."""
    data, result = step.operands[0], step.result
    assert isinstance(data, Tensor) and isinstance(result, Tensor)
    axes = step.attrs["axis"] or tuple(range(len(data.shape)))
    assert isinstance(axes, tuple)
    reduced = {axis % len(data.shape) for axis in axes if isinstance(axis, int)}
    shape = tuple(1 if axis in reduced else size for axis, size in enumerate(data.shape))
    square = Tensor(data.shape, data.dtype)
    total, bounded, root = (Tensor(shape, data.dtype) for _ in range(3))
    epsilon = Tensor((), data.dtype, constant=np.asarray(step.attrs["eps"], data.dtype))
    reduction: dict[str, AttributeValue] = {
        "axis": tuple(sorted(reduced)),
        "keepdims": True,
        "exclude": False,
    }
    return [
        Step("multiply", {}, (data, data), square, step.span),
        Step("sum", reduction, (square,), total, step.span),
        Step("maximum", {}, (total, epsilon), bounded, step.span),
        Step("sqrt", {}, (bounded,), root, step.span),
        Step("divide", {}, (data, root), result, step.span),
    ]


_EXPANSIONS: Mapping[str, Callable[[Step], list[Step]]] = MappingProxyType(
    {
        "nn.batch_norm": _batch_norm,
        "nn.dropout": _dropout,
        "nn.l2_normalize": _l2_normalize,
        **PLAINER,
    }
)
