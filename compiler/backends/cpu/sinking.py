"""Reshapes and transposes moved behind the element-wise steps that follow them.

``y = f(reshape(x), b)  ->  y = reshape(f(x, b))``: f then joins the kernel that computes x.
``y = f(transpose(x))  ->  y = transpose(f(x))``: f as well, and what is moved is often narrower.
"""

from collections.abc import Iterable, Mapping
from math import prod
from typing import cast

from ...ir.nodes import AttributeValue
from .graph import Graph, RegionStep, Step, Tensor, flatten
from .lowering import ELEMENTWISE

__all__ = ["sink"]

# Their attributes or operands say more about shapes than that they broadcast.
_SHAPED = frozenset({"broadcast_to", "full", "nn.batch_norm", "nn.prelu"})


def sink(graph: Graph, steps: Iterable[Step | RegionStep]) -> tuple[Step | RegionStep, ...]:
    """Return `steps` with reshapes and transposes as late as element-wise steps allow."""
    steps = tuple(steps)
    sinking = _Sinking(graph, steps)
    for step in steps:
        sinking.add(step)
    return tuple(step for step in sinking.steps if step is not None)


class _Sinking:
    """Writes the new steps.

    Attributes
    ----------
    steps : list of Step, RegionStep or None
        None where a transpose stood that has moved on.
    """

    def __init__(self, graph: Graph, steps: Iterable[Step | RegionStep]) -> None:
        self.steps: list[Step | RegionStep | None] = []
        self._uses: dict[Tensor, int] = {}
        self._producers: dict[Tensor, int] = {}
        for step in steps:
            for tensor in dict.fromkeys(t for value in step.operands for t in flatten(value)):
                self._count(tensor)
        for tensor in graph.outputs:
            self._count(tensor)

    def add(self, step: Step | RegionStep) -> None:
        """Append a step, or what it becomes."""
        if isinstance(step, Step) and step.name in ELEMENTWISE and step.name not in _SHAPED:
            step = self._before_transpose(step)
            step = self._before_reshape(step)
        self._append(step)

    def _append(self, step: Step | RegionStep) -> None:
        if isinstance(step, Step):
            for tensor in flatten(step.result):
                self._producers[tensor] = len(self.steps)
        self.steps.append(step)

    def _count(self, tensor: Tensor) -> None:
        """Count a use of a tensor and of all whose memory it shares."""
        seen: Tensor | None = tensor
        while seen is not None:
            self._uses[seen] = self._uses.get(seen, 0) + 1
            seen = seen.base

    def _before_transpose(self, step: Step) -> Step:
        """Return a step of one tensor and scalars as one of what a transpose gets."""
        data, *others = step.operands
        if not isinstance(data, Tensor) or not all(_is_scalar(other) for other in others):
            return step
        moved = data.viewed
        place = self._producers.get(moved)
        old = None if place is None else self.steps[place]
        if (
            place is None
            or not isinstance(old, Step)
            or old.name != "transpose"
            or self._uses[moved] != 1
        ):
            return step
        source = cast(Tensor, old.operands[0])
        result = cast(Tensor, step.result)
        self.steps[place] = None
        del self._producers[moved]
        early = Tensor(source.shape, result.dtype)
        late = Tensor(moved.shape, result.dtype)
        result.base = late
        self._uses[early], self._uses[late] = 1, self._uses[result]
        first = Step(step.name, step.attrs, (source, *others), early, step.span)
        self._append(self._before_reshape(first))
        return Step("transpose", old.attrs, (early,), late, old.span)

    def _before_reshape(self, step: Step) -> Step:
        """Return a step as one of what is reshaped before it."""
        result = step.result
        if step.name == "transpose" or not isinstance(result, Tensor):
            return step
        tensors = [tensor for tensor in step.operands if isinstance(tensor, Tensor)]
        for data in dict.fromkeys(tensors):
            base = data.viewed
            if (
                base.shape == result.shape
                or data.shape != result.shape
                or base not in self._producers
            ):
                continue
            operands = [_reshaped(tensor, result.shape, base.shape) for tensor in tensors]
            attrs = _attributes(step, tensors, base.shape)
            if attrs is None or any(operand is None for operand in operands):
                continue
            ready = tuple(
                base if old is data else cast(Tensor, new)
                for old, new in zip(tensors, operands, strict=True)
            )
            early = Tensor(base.shape, result.dtype)
            result.base = early
            self._uses[early] = self._uses[result]
            return Step(step.name, attrs, ready, early, step.span)
        return step


def _is_scalar(value: object) -> bool:
    """Return whether an operand is one element."""
    return isinstance(value, Tensor) and prod(value.shape) == 1


def _reshaped(tensor: Tensor, old: tuple[int, ...], new: tuple[int, ...]) -> Tensor | None:
    """Return an operand of a result of shape `old` as one of shape `new`, if it broadcasts to it.

    A whole one is reshaped; one that varies along the last axes only may stay if they are the same.
    """
    if prod(tensor.shape) == 1:
        shape: tuple[int, ...] = ()
    elif tensor.shape == old:
        shape = new
    else:
        last = tensor.shape
        while last and last[0] == 1:
            last = last[1:]
        if not last or len(last) > len(new) or old[-len(last) :] != new[-len(last) :]:
            return None
        shape = last
    if tensor.shape == shape:
        return tensor
    if tensor.viewed.shape == shape:
        return tensor.viewed
    if tensor.constant is not None:
        return Tensor(shape, tensor.dtype, constant=tensor.constant.reshape(shape))
    return Tensor(shape, tensor.dtype, base=tensor)


def _attributes(
    step: Step, tensors: list[Tensor], new: tuple[int, ...]
) -> Mapping[str, AttributeValue] | None:
    """Return the attributes for another shape of the same last axis; None if there are none."""
    axis = step.attrs.get("axis")
    if axis is None or all(_is_scalar(tensor) for tensor in tensors[1:]):
        return step.attrs
    result = cast(Tensor, step.result)
    is_last = cast(int, axis) % len(result.shape) == len(result.shape) - 1
    return {**step.attrs, "axis": len(new) - 1} if is_last else None
