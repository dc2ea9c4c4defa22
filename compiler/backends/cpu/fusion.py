"""Groups of steps that become one kernel: a heavy step and the element-wise ones that follow it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from .graph import Graph, RegionStep, Step, Tensor, flatten
from .lowering import ANCHORS, ELEMENTWISE, needs_nest

__all__ = ["Group", "fuse"]

# Longer chains would make functions that take long to compile and keep too much in registers.
_MOST_STEPS = 32


@dataclass(frozen=True, eq=False, slots=True)
class Group:
    """Steps that are computed together.

    Attributes
    ----------
    anchor : Step or None
        A step whose result is not element-wise, if there is one.
    steps : tuple of Step
        Element-wise ones, all of the shape of the result.
    """

    anchor: Step | None
    steps: tuple[Step, ...]

    @property
    def last(self) -> Step:
        """The step whose result is that of the group."""
        last = self.steps[-1] if self.steps else self.anchor
        assert last is not None
        return last

    @property
    def target_is_tensor(self) -> bool:
        """Whether it computes one tensor."""
        return isinstance(self.last.result, Tensor)

    @property
    def target(self) -> Tensor:
        """The tensor that it computes."""
        result = self.last.result
        assert isinstance(result, Tensor)
        return result


def fuse(graph: Graph, steps: Iterable[Step | RegionStep]) -> list[Group | RegionStep]:
    """Return `steps` in groups, in an order in which they can be done.

    ``x = conv(..); y = bias_add(x, b); z = x * erf(y)  ->  one group``, where nothing outside of it
    uses x and y.
    """
    steps = tuple(steps)
    uses = _count_uses(graph, steps)
    groups: dict[Tensor, Group] = {}
    order: list[Tensor | RegionStep | Group] = []
    for step in steps:
        if isinstance(step, RegionStep):
            order.append(step)
        elif step.name in ANCHORS and not needs_nest(step):
            group = Group(step, ())
            groups[group.target] = group
            order.append(group.target)
        elif step.name in ELEMENTWISE:
            assert isinstance(step.result, Tensor)
            groups[step.result] = _join(step, groups, uses)
            order.append(step.result)
        else:
            order.append(Group(step, ()))
    found: list[Group | RegionStep] = []
    for item in order:
        if not isinstance(item, Tensor):
            found.append(item)
        elif item in groups:
            found.append(groups[item])
    return found


def _join(step: Step, groups: dict[Tensor, Group], uses: dict[Tensor, int]) -> Group:
    """Return the group of an element-wise step; those it takes in leave `groups`.

    A group is taken in once all uses of its result are inside, the nearest first: of
    ``x * (1 + erf(x))`` first 1 + erf(x), then x.
    """
    assert isinstance(step.result, Tensor)
    anchor: Step | None = None
    joined: list[Step] = [step]
    inside = Counter(_operands(step))
    waiting = list(inside)
    while waiting:
        operand = waiting.pop(0)
        if operand not in groups:
            continue
        group = groups[operand]
        if (
            uses[operand] != inside[operand]
            or operand.shape != step.result.shape
            or (anchor is not None and group.anchor is not None)
            or len(joined) + len(group.steps) > _MOST_STEPS
        ):
            continue
        anchor = anchor or group.anchor
        joined = [*group.steps, *joined]
        del groups[operand]
        more = Counter(other for inner in group.steps for other in _operands(inner))
        inside += more
        waiting += more
    return Group(anchor, tuple(joined))


def _operands(step: Step) -> list[Tensor]:
    """Return the tensors that a step uses, each once: of x * x it needs one element, once."""
    return list(dict.fromkeys(tensor for value in step.operands for tensor in flatten(value)))


def _count_uses(graph: Graph, steps: Iterable[Step | RegionStep]) -> dict[Tensor, int]:
    """Return how often each tensor is used, views counting for what they show."""
    uses: dict[Tensor, int] = {}
    for step in steps:
        operands = step.operands if isinstance(step, RegionStep) else _operands(step)
        for tensor in dict.fromkeys(operands):
            uses[tensor] = uses.get(tensor, 0) + 1
            if tensor.base is not None:
                uses[tensor.root] = uses.get(tensor.root, 0) + 2
            if tensor.held:
                uses[tensor] += 2
    for tensor in graph.outputs:
        uses[tensor.root] = uses.get(tensor.root, 0) + 2
    return uses
