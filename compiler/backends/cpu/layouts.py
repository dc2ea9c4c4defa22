"""How the tensors between steps lie in memory: with borders, and with int8 stored as uint8.

A convolution whose image has a border of zeros (or zero points) needs no code for its edges, and
no copy of the image with padding around it. An instruction that multiplies bytes wants unsigned
ones. Both are chosen here, where whoever writes a tensor and all who read it can do with it.
"""

from collections.abc import Iterable
from typing import cast

from ...ops.windows import ints
from .fusion import Group
from .graph import Graph, RegionStep, Step, Tensor, flatten
from .lowering.batch import is_packed
from .lowering.borders import border_value
from .machine import Machine

__all__ = ["plan_layouts"]

_CONVOLUTIONS = frozenset({"nn.conv2d", "qnn.conv2d"})
_DENSE = frozenset({"nn.dense", "qnn.dense"})
_POOLS = frozenset(
    {
        "nn.avg_pool2d",
        "nn.global_avg_pool2d",
        "nn.global_max_pool2d",
        "nn.max_pool2d",
        "qnn.avg_pool2d",
    }
)
_BATCHES = frozenset({"qnn.batch_matmul"})
_LINES = frozenset({"nn.layer_norm", "nn.log_softmax", "nn.softmax"})
# Bytes past the end that a contraction may read: it takes four at a time.
_SLACK = 4


def plan_layouts(graph: Graph, items: Iterable[Group | RegionStep], machine: Machine) -> None:
    """Choose border and storage of the tensors that the groups of `items` make."""
    items = tuple(items)
    readers = _Readers(graph, items)
    for item in items:
        if isinstance(item, Group) and _is_flexible(item):
            target = item.target
            if target.base is None and target not in readers.fixed:
                _store(target, readers.of(target), machine)
                _surround(target, readers.of(target), readers)


def _is_flexible(group: Group) -> bool:
    """Return whether a group can write any layout."""
    anchor = group.anchor
    return anchor is None or anchor.name in _CONVOLUTIONS | _DENSE | _POOLS | _BATCHES | _LINES


class _Readers:
    """Who reads what.

    Attributes
    ----------
    fixed : set of Tensor
        Those that must lie plainly, by root.
    viewed : set of Tensor
        Roots of which there are views.
    """

    def __init__(self, graph: Graph, items: Iterable[Group | RegionStep]) -> None:
        self.fixed = {tensor.root for tensor in graph.outputs}
        self.viewed = {tensor.root for tensor in graph.outputs if tensor.base is not None}
        self._anchors: dict[Tensor, list[Step]] = {}
        for item in items:
            if isinstance(item, RegionStep):
                self.fixed |= {tensor.root for tensor in item.operands}
                continue
            if item.anchor is not None:
                self._anchor(item.anchor)
            for step in item.steps:
                self._note_views(step)

    def of(self, tensor: Tensor) -> list[Step]:
        """Return the steps that read `tensor`, or a view of it, as an image or a matrix."""
        return self._anchors.get(tensor, [])

    def _anchor(self, step: Step) -> None:
        self._note_views(step)
        tensors = [tensor for value in step.operands for tensor in flatten(value)]
        if step.name in _CONVOLUTIONS | _DENSE | _POOLS | _BATCHES:
            self._anchors.setdefault(tensors[0].root, []).append(step)
            tensors = tensors[1:]
        self.fixed |= {tensor.root for tensor in tensors}

    def _note_views(self, step: Step) -> None:
        tensors = (tensor for value in step.operands for tensor in flatten(value))
        self.viewed |= {tensor.root for tensor in tensors if tensor.base is not None}


def _store(target: Tensor, readers: Iterable[Step], machine: Machine) -> None:
    """Store int8 as uint8 where an instruction wants that."""
    if target.dtype != "int8" or not machine.has_dot_product:
        return
    for step in readers:
        weight = step.operands[1] if step.name in _CONVOLUTIONS | _DENSE else None
        is_known = isinstance(weight, Tensor) and weight.constant is not None
        if is_known or (step.name in _BATCHES and is_packed(machine, step)):
            target.stored = "uint8"


def _surround(target: Tensor, readers: Iterable[Step], known: _Readers) -> None:
    """Give an image the border that its readers want, if they agree on what it holds."""
    target.slack = _SLACK
    if len(target.shape) != 4 or target in known.viewed:
        return
    wanted = [(padding, fill) for padding, fill in map(_padding, readers) if any(padding)]
    if wanted and len({fill for _, fill in wanted}) == 1:
        sides = zip(*(padding for padding, _ in wanted), strict=True)
        target.border = cast(tuple[int, int, int, int], tuple(max(side) for side in sides))
        target.fill = wanted[0][1]


def _padding(step: Step) -> tuple[tuple[int, ...], float]:
    """Return the padding that a step wants around its data, and what it holds."""
    layout = step.attrs.get("data_layout", step.attrs.get("layout"))
    none = (0, 0, 0, 0), 0.0
    if layout != "NHWC" or "padding" not in step.attrs:
        return none
    padding = ints(step.attrs, "padding")
    if step.name in _CONVOLUTIONS:
        return padding, border_value(step)
    return (padding, border_value(step)) if step.name == "nn.max_pool2d" else none
