"""Steps that move nothing: parts of tensors are read where they lie, and written where they go.

``split(x) -> (a, b)``: a and b name parts of x, where these lie together.
``concatenate(a, b) -> x``: a and b are computed into parts of x, where nothing else holds them.
"""

from collections import Counter
from collections.abc import Iterable
from math import prod
from typing import cast

import numpy as np

from ...ops import lookup
from .graph import Graph, RegionStep, Step, Tensor, flatten

__all__ = ["place"]

_PARTS = frozenset({"split", "strided_slice"})
_WHOLES = frozenset({"concatenate", "stack"})


def place(graph: Graph, steps: Iterable[Step | RegionStep]) -> tuple[Step | RegionStep, ...]:
    """Return `steps` without those whose results are parts, or whose operands could be."""
    steps = tuple(steps)
    left = [
        step
        for step in steps
        if isinstance(step, RegionStep) or step.name not in _PARTS or not _name_parts(step)
    ]
    made = _made_once(graph, left)
    return tuple(
        step
        for step in left
        if isinstance(step, RegionStep) or step.name not in _WHOLES or not _write_parts(step, made)
    )


def _name_parts(step: Step) -> bool:
    """Make the results of a step views of its operand, if each of them lies together."""
    data = step.operands[0]
    assert isinstance(data, Tensor)
    if data.constant is not None or not isinstance(prod(data.shape), int):
        return False
    numbers = np.arange(prod(data.shape)).reshape(data.shape)
    moved = lookup(step.name).meaning(step.attrs, numbers)
    parts = moved if isinstance(moved, tuple) else (moved,)
    flat = [np.asarray(part).ravel() for part in parts]
    if not all(part.size and (np.diff(part) == 1).all() for part in flat):
        return False
    for target, part in zip(flatten(step.result), flat, strict=True):
        target.base, target.offset = data, int(part[0])
    return True


def _made_once(graph: Graph, steps: Iterable[Step | RegionStep]) -> set[Tensor]:
    """Return the tensors that a step computes and one step at most puts into another tensor."""
    held: Counter[Tensor] = Counter(tensor.root for tensor in graph.outputs)
    made: set[Tensor] = set()
    for step in steps:
        if isinstance(step, RegionStep):
            continue
        made |= {tensor for tensor in flatten(step.result) if tensor.base is None}
        if step.name in _WHOLES:
            held.update(tensor.root for tensor in flatten(step.operands[0]))
    return {tensor for tensor in made if held[tensor] <= 1}


def _write_parts(step: Step, made: set[Tensor]) -> bool:
    """Make the operands of a step parts of its result, if they lie there together."""
    target = step.result
    assert isinstance(target, Tensor)
    parts = list(flatten(step.operands[0]))
    axis = cast(int, step.attrs["axis"]) % len(target.shape)
    roots = [part.root for part in parts]
    if prod(target.shape[:axis]) != 1 or target not in made:
        return False
    if not isinstance(prod(target.shape), int):
        return False
    if not all(
        root in made and prod(root.shape) == prod(part.shape)
        for root, part in zip(roots, parts, strict=True)
    ):
        return False
    start = 0
    for root in roots:
        root.base, root.offset, root.held = target, start, True
        made.discard(root)
        start += prod(root.shape)
    return True
