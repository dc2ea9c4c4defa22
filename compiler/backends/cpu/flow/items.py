"""Graphs that do the same with each item of a batch: one item's graph, and how many there are.

    [n, 8, 8, 3], [n, 10]  ->  n times  [1, 8, 8, 3], [1, 10]

Where convolutions and poolings have a first axis whose size is known only at run time, the graph of
one item has known sizes, and the kernels that these have. Each item is computed from first to last
before the next one, in the memory of one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from types import MappingProxyType
from typing import cast

from ....ir.dims import Dim, Size, Symbol
from ..graph import Graph, Step, Tensor, Value, flatten
from ..lowering import ELEMENTWISE
from ..sizes import symbols_of

__all__ = ["ITEMWISE", "Items", "find_items"]


@dataclass(frozen=True, eq=False, slots=True)
class Items:
    """A graph as a loop.

    Attributes
    ----------
    count : Size
    graph : Graph
        Of one item.
    is_item : tuple of bool
        Of each input, then of each output: the loop goes on to the next item of it; others are read
        as a whole by all.
    """

    count: Size
    graph: Graph
    is_item: tuple[bool, ...]


def find_items(graph: Graph) -> Items | None:
    """Return `graph` as a loop over items, if it is one and has steps that gain by it."""
    steps = [step for step in graph.steps if isinstance(step, Step)]
    if len(steps) < len(graph.steps):
        return None
    if not any(step.is_open and step.name in _WINDOWS for step in steps):
        return None
    for symbol in _first_symbols(graph):
        items = _Items(symbol)
        if all(map(items.add, steps)) and all(map(items.is_mapped, graph.outputs)):
            inputs, outputs = (tuple(map(items.of, ts)) for ts in (graph.inputs, graph.outputs))
            is_item = tuple(one in items.parts for one in (*graph.inputs, *graph.outputs))
            one = Graph(inputs, tuple(items.steps), outputs)
            return Items(Size((((symbol,), 1),)), one, is_item)
    return None


def _first_symbols(graph: Graph) -> Iterator[Symbol]:
    """Yield each symbol that the first size of an input is, or is a multiple of."""
    found: dict[Symbol, None] = {}
    for tensor in graph.inputs:
        if tensor.shape and isinstance(cast(Dim, tensor.shape[0]), Size):
            found.update(dict.fromkeys(symbols_of(tensor.shape[0])))
    yield from found


@dataclass(slots=True)
class _Items:
    """Steps of one item in the making.

    Attributes
    ----------
    symbol : Symbol
        How many items there are.
    parts : dict of Tensor to Tensor
        What each tensor with a part for each item is for one; None where it is none such.
    """

    symbol: Symbol
    steps: list[Step] = field(default_factory=list)
    parts: dict[Tensor, Tensor] = field(default_factory=dict)

    def of(self, tensor: Tensor) -> Tensor:
        """Return what a tensor is for one item: itself, if all items share it."""
        return self.parts.get(tensor, tensor)

    def is_mapped(self, tensor: Tensor) -> bool:
        """Return whether a tensor has a part for each item; it is remembered if so."""
        if tensor in self.parts:
            return True
        if tensor.constant is not None or not tensor.shape:
            return False
        base = tensor.base
        if base is not None and (tensor.offset or not self.is_mapped(base)):
            return False
        first = self._first(tensor.shape[0])
        if first is None or self._depends(tensor.shape[1:]):
            return False
        part = Tensor((first, *tensor.shape[1:]), tensor.dtype)
        part.base = None if base is None else self.parts[base]
        if part.base is not None and prod(part.base.shape) != prod(part.shape):
            return False
        self.parts[tensor] = part
        return True

    def add(self, step: Step) -> bool:
        """Add a step, if it does the same with each item."""
        operands = [tensor for value in step.operands for tensor in flatten(value)]
        results = list(flatten(step.result))
        mapped = [self.is_mapped(tensor) for tensor in operands]
        if any(
            self._depends(one.shape)
            for one, is_part in zip(operands, mapped, strict=True)
            if not is_part
        ):
            return False
        if not any(mapped) and (step.name in ELEMENTWISE or step.name == "transpose"):
            # Little work on what all items share, such as weights that come in: done for each.
            self.steps.append(step)
            return not any(self._depends(one.shape) for one in results)
        rule = ITEMWISE.get(step.name)
        if rule is None or self._depends(tuple(step.attrs.values())) or not rule(step, mapped):
            return False
        if not all(self.is_mapped(one) or step.name == "nn.batch_norm" for one in results):
            # Its mean and variance are those that came in.
            return False
        values = tuple(map(self._value, step.operands))
        self.steps.append(Step(step.name, step.attrs, values, self._value(step.result), step.span))
        return True

    def _value(self, value: Value) -> Value:
        """Return what a value is for one item."""
        return self.of(value) if isinstance(value, Tensor) else tuple(map(self._value, value))

    def _first(self, size: Dim) -> int | None:
        """Return how often the number of items is in a size, if it is a multiple."""
        if isinstance(size, Size) and len(size.terms) == 1:
            ((monomial, factor),) = size.terms
            if monomial == (self.symbol,) and factor > 0:
                return factor
        return None

    def _depends(self, value: object) -> bool:
        """Return whether a value depends on how many items there are."""
        return self.symbol in symbols_of(value)


Rule = Callable[[Step, list[bool]], bool]
"""Whether a step does the same with each item: gets which of its operands have items."""


def _shape(value: Value) -> tuple[int, ...]:
    assert isinstance(value, Tensor)
    return value.shape


def _axis_is_inside(step: Step, rank: int) -> bool:
    """Return whether the axis that a step goes along, if any, is not the first."""
    axis = step.attrs.get("axis", -1)
    if isinstance(axis, tuple):
        inside = all(cast(int, one) % rank != 0 for one in axis)
        return inside and len(axis) > 0
    return rank > 1 and isinstance(axis, int) and axis % rank != 0


def _elementwise(step: Step, mapped: list[bool]) -> bool:
    """Whoever shares an operand sees one line of it at most."""
    if not isinstance(step.result, Tensor) or "shape" in step.attrs:
        return False
    rank = len(step.result.shape)
    operands = [tensor for value in step.operands for tensor in flatten(value)]
    first = step.result.shape[0] if rank else 1
    for tensor, is_part in zip(operands, mapped, strict=True):
        missing = rank - len(tensor.shape)
        if is_part and (missing or tensor.shape[0] != first):
            return False
        if not is_part and not missing and tensor.shape[0] != 1:
            return False
    return any(mapped) and ("axis" not in step.attrs or _axis_is_inside(step, rank))


def _along(step: Step, mapped: list[bool]) -> bool:
    """The first operand has items; the step goes along other axes."""
    return _only_first(mapped) and _axis_is_inside(step, len(_shape(step.operands[0])))


def _only_first(mapped: list[bool]) -> bool:
    return mapped[0] and not any(mapped[1:])


def _window(step: Step, mapped: list[bool]) -> bool:
    """The first operand has items, and its first axis is that of the batch."""
    layout = str(step.attrs.get("data_layout", step.attrs.get("layout")))
    other = str(step.attrs.get("out_layout") or layout)
    return _only_first(mapped) and layout.startswith("N") and other == layout


def _dense(step: Step, mapped: list[bool]) -> bool:
    return _only_first(mapped) and len(_shape(step.operands[0])) > 1


def _batch_matmul(step: Step, mapped: list[bool]) -> bool:
    both = mapped[0] and mapped[1] and not any(mapped[2:])
    return both and _shape(step.operands[0])[0] == _shape(step.operands[1])[0]


def _transpose(step: Step, mapped: list[bool]) -> bool:
    axes = step.attrs["axes"]
    return mapped[0] and isinstance(axes, tuple) and axes[0] == 0


def _reduction(step: Step, mapped: list[bool]) -> bool:
    axes, rank = step.attrs["axis"], len(_shape(step.operands[0]))
    if not mapped[0] or not isinstance(axes, tuple) or not axes:
        return False
    return any(cast(int, one) % rank == 0 for one in axes) == bool(step.attrs["exclude"])


def _pad(step: Step, mapped: list[bool]) -> bool:
    widths = cast(tuple[tuple[int, int], ...], step.attrs["pad_width"])
    return _only_first(mapped) and tuple(widths[0]) == (0, 0)


def _concatenate(step: Step, mapped: list[bool]) -> bool:
    count = len(list(flatten(step.operands[0])))
    rank = len(next(flatten(step.operands[0])).shape)
    alike = len({tensor.shape[0] for tensor in flatten(step.operands[0])}) == 1
    return all(mapped[:count]) and alike and _axis_is_inside(step, rank)


_WINDOWS: Mapping[str, Rule] = MappingProxyType(
    dict.fromkeys(
        (
            *("nn.avg_pool1d", "nn.avg_pool2d", "nn.avg_pool3d", "nn.conv1d", "nn.conv2d"),
            *("nn.conv1d_transpose", "nn.conv2d_transpose", "nn.conv3d", "nn.conv3d_transpose"),
            *("nn.global_avg_pool2d", "nn.global_max_pool2d", "nn.max_pool1d", "nn.max_pool2d"),
            *("nn.max_pool3d", "qnn.avg_pool2d", "qnn.conv2d", "qnn.conv2d_transpose"),
        ),
        _window,
    )
)
"""Operators whose kernels need known sizes to be fast."""

ITEMWISE: Mapping[str, Rule] = MappingProxyType(
    {
        **dict.fromkeys(ELEMENTWISE, _elementwise),
        **_WINDOWS,
        **dict.fromkeys(
            (
                *("nn.layer_norm", "nn.log_softmax", "nn.lrn", "nn.softmax", "qnn.softmax"),
                *("nn.l2_normalize", "nn.batch_norm", "split"),
            ),
            _along,
        ),
        **dict.fromkeys(("all", "any", "max", "mean", "min", "prod", "sum"), _reduction),
        **dict.fromkeys(("image.resize2d", "nn.upsampling"), _window),
        "concatenate": _concatenate,
        "qnn.concatenate": _concatenate,
        "nn.batch_matmul": _batch_matmul,
        "nn.dense": _dense,
        "nn.pad": _pad,
        "qnn.batch_matmul": _batch_matmul,
        "qnn.dense": _dense,
        "transpose": _transpose,
    }
)
"""By name: operators that may do the same with each item of a batch, and when they do."""
