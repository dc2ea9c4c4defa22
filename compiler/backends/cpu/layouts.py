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
from .lowering import needs_nest
from .lowering.batch import is_packed
from .lowering.borders import border_value
from .machine import Machine
from .products import find_product

__all__ = ["plan_layouts"]

_CONVOLUTIONS = frozenset({"conv2d_phases", "nn.conv2d", "qnn.conv2d"})
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
_IMAGES = _CONVOLUTIONS | _DENSE | _POOLS
_TRANSPOSE = "transpose"
# Bytes past the end that kernels may read, which take several at a time.
_SLACK = 16


def plan_layouts(graph: Graph, items: Iterable[Group | RegionStep], machine: Machine) -> None:
    """Choose border and storage of the tensors that the groups of `items` make."""
    items = tuple(items)
    readers = _Readers(graph, items)
    groups = [item for item in items if isinstance(item, Group)]
    free = [
        group
        for group in groups
        if group.target_is_tensor
        and group.target.base is None
        and group.target not in readers.fixed
    ]
    made = {group.target for group in free if _is_flexible(group)}
    for group in free:
        target = group.target
        if target in made:
            _store(target, readers.of(target), machine)
            _surround(target, readers.of(target), readers)
        elif group.anchor is not None and group.anchor.name == _TRANSPOSE:
            _surround(target, readers.of(target), readers)
            source = group.anchor.operands[0]
            assert isinstance(source, Tensor)
            if source in made and readers.of(source) == [group.anchor]:
                _store(target, readers.of(target), machine)
                source.stored = target.stored


def _is_flexible(group: Group) -> bool:
    """Return whether a group can write any layout."""
    anchor = group.anchor
    return anchor is None or anchor.name in _IMAGES | _BATCHES | _LINES


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
        if step.name in _IMAGES | _BATCHES | {_TRANSPOSE} and not needs_nest(step):
            self._anchors.setdefault(tensors[0].root, []).append(step)
            if step.name == _TRANSPOSE:
                # It moves elements as they are stored, but knows nothing of borders.
                self.viewed.add(tensors[0].root)
            tensors = tensors[1:]
        self.fixed |= {tensor.root for tensor in tensors}

    def _note_views(self, step: Step) -> None:
        tensors = (tensor for value in step.operands for tensor in flatten(value))
        self.viewed |= {tensor.root for tensor in tensors if tensor.base is not None}


def _store(target: Tensor, readers: Iterable[Step], machine: Machine) -> None:
    """Store bytes as the instructions that multiply them want them."""
    readers = tuple(readers)
    if target.dtype not in ("int8", "uint8") or any(step.name == _TRANSPOSE for step in readers):
        return
    for step in readers:
        weight = step.operands[1] if step.name in _CONVOLUTIONS | _DENSE else None
        is_known = isinstance(weight, Tensor) and weight.constant is not None
        if is_known:
            assert isinstance(weight, Tensor)
            stored = find_product(machine, target.dtype, weight.dtype).stored(target.dtype)
            target.stored = "" if stored == target.dtype else stored
        elif step.name in _BATCHES and is_packed(machine, step):
            target.stored = "uint8"


def _surround(target: Tensor, readers: Iterable[Step], known: _Readers) -> None:
    """Give an image the border that its readers want, if they agree on what it holds."""
    readers = tuple(readers)
    target.slack = _SLACK if any(step.name in _IMAGES for step in readers) else 0
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
