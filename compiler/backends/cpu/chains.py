"""Chains of steps that are one operator written out, put together again.

``c = x - mean(x); c / sqrt(mean(c * c) + epsilon)  ->  layer_norm(x)``, along the last axis, where
networks are written with the latter before there was the former. c * c may be a power or from a
subtraction of its own, the quotient a product with rsqrt or with 1 / sqrt.
"""

from collections.abc import Iterable, Mapping
from typing import cast

import numpy as np

from ...ir.nodes import AttributeValue
from .graph import Graph, RegionStep, Step, Tensor, flatten

__all__ = ["put_together", "used_steps"]

_NORM: Mapping[str, AttributeValue] = {"axis": -1, "center": False, "scale": False}


def put_together(graph: Graph, steps: Iterable[Step | RegionStep]) -> tuple[Step | RegionStep, ...]:
    """Return `steps` with such chains as one step, and without what only they used."""
    steps = tuple(steps)
    made = {
        step.result: step
        for step in steps
        if isinstance(step, Step) and isinstance(step.result, Tensor)
    }
    found = [(_norm(step, made) or step) if isinstance(step, Step) else step for step in steps]
    return used_steps(graph, found) if found != list(steps) else steps


def _norm(step: Step, made: Mapping[Tensor, Step]) -> Step | None:
    """Return the step that is one norm instead of the end of a chain, if it is one."""
    if step.name not in ("divide", "multiply") or len(step.operands) != 2:
        return None
    sides = cast(tuple[Tensor, Tensor], step.operands)
    for centred, scale in (sides, sides[::-1]) if step.name == "multiply" else (sides,):
        variance = _inverse(scale, made) if step.name == "multiply" else _arg("sqrt", scale, made)
        data = _centred(centred, made)
        if variance is None or data is None or data.shape != centred.shape:
            continue
        epsilon = _variance_of(variance, data, made)
        if epsilon is not None:
            length = (data.shape[-1],)
            ones = Tensor(length, data.dtype, constant=np.ones(length, data.dtype))
            attrs = {**_NORM, "epsilon": epsilon}
            return Step("nn.layer_norm", attrs, (data, ones, ones), step.result, step.span)
    return None


def _arg(name: str, tensor: Tensor, made: Mapping[Tensor, Step]) -> Tensor | None:
    """Return the operand of the step of one operand that made `tensor`, if it is called `name`."""
    step = made.get(tensor)
    return cast(Tensor, step.operands[0]) if step is not None and step.name == name else None


def _inverse(tensor: Tensor, made: Mapping[Tensor, Step]) -> Tensor | None:
    """Return v of rsqrt(v), or of 1 / sqrt(v)."""
    step = made.get(tensor)
    if step is not None and step.name == "divide" and _number(step.operands[0]) == 1.0:
        return _arg("sqrt", cast(Tensor, step.operands[1]), made)
    return _arg("rsqrt", tensor, made)


def _centred(tensor: Tensor, made: Mapping[Tensor, Step]) -> Tensor | None:
    """Return x of x - mean(x), the mean along the last axis."""
    step = made.get(tensor)
    if step is None or step.name != "subtract":
        return None
    data, mean = cast(tuple[Tensor, Tensor], step.operands)
    return data if _mean_of(mean, made) is data else None


def _mean_of(tensor: Tensor, made: Mapping[Tensor, Step]) -> Tensor | None:
    """Return x of mean(x) along the last axis, which is kept."""
    step = made.get(tensor)
    data = _arg("mean", tensor, made)
    if step is None or data is None or not data.dtype.startswith("float"):
        return None
    last = len(data.shape) - 1
    axes = step.attrs["axis"]
    along = isinstance(axes, tuple) and axes in ((last,), (-1,)) and not step.attrs["exclude"]
    return data if along and step.attrs["keepdims"] else None


def _variance_of(tensor: Tensor, data: Tensor, made: Mapping[Tensor, Step]) -> float | None:
    """Return epsilon of mean((data - mean(data))**2) + epsilon."""
    step = made.get(tensor)
    if step is None or step.name != "add":
        return None
    for variance, epsilon in (step.operands, step.operands[::-1]):
        number = _number(epsilon)
        square = None if number is None else _mean_of(cast(Tensor, variance), made)
        if square is not None and _squared(square, made) is data:
            return number
    return None


def _squared(tensor: Tensor, made: Mapping[Tensor, Step]) -> Tensor | None:
    """Return x of (x - mean(x))**2."""
    step = made.get(tensor)
    if step is None:
        return None
    first, second = cast(tuple[Tensor, Tensor], (*step.operands, None)[:2])
    is_product = step.name == "multiply" and first is second
    is_power = step.name == "power" and _number(second) == 2.0
    return _centred(first, made) if is_product or is_power else None


def _number(value: object) -> float | None:
    """Return the value of a known scalar."""
    if not isinstance(value, Tensor) or value.constant is None or value.constant.size != 1:
        return None
    return float(value.constant.item())


def used_steps(graph: Graph, steps: Iterable[Step | RegionStep]) -> tuple[Step | RegionStep, ...]:
    """Return the steps whose results something uses."""
    needed: set[Tensor] = set()

    def need(tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            seen: Tensor | None = tensor
            while seen is not None:
                needed.add(seen)
                seen = seen.base

    need(graph.outputs)
    left: list[Step | RegionStep] = []
    for step in reversed(tuple(steps)):
        if isinstance(step, Step) and not needed.intersection(flatten(step.result)):
            continue
        need(tensor for value in step.operands for tensor in flatten(value))
        left.append(step)
    return tuple(reversed(left))
