"""Attention that is written out, as one step: its products, its softmax, what scales and masks.

``batch_matmul(softmax(f(batch_matmul(q, k))), v)  ->  attention(q, k, v, ..)``, in float32, where
f is element-wise and nothing else uses what is computed in between. Transposes of q, k and v, and
of the result, become strides.

The step's operands are the three, then what f reads; `inner` are the first product, f, softmax and
the last product. Its attributes:

outer : tuple of int
    Axes of independent problems: batch, heads.
query, key, value : tuple of int
    Elements by outer axis and those of the matrices [row, inner], [inner, key], [key, column].
order : tuple of int
    Axes of the result: outer ones, row, column.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

from ...ir.nodes import AttributeValue
from .chains import used_steps
from .formula import split_axes
from .graph import Graph, RegionStep, Step, Tensor, flatten
from .lowering import ELEMENTWISE

__all__ = ["join_attention"]

_PRODUCT = "nn.batch_matmul"
_DTYPE = "float32"

Shape = tuple[int, ...]


def join_attention(
    graph: Graph, steps: Iterable[Step | RegionStep]
) -> tuple[Step | RegionStep, ...]:
    """Return `steps` with each attention as one of them, and without what only that used."""
    steps = tuple(steps)
    links = _link(graph, steps)
    joined: dict[Step, Step] = {}
    moved: set[Step] = set()
    for step in steps:
        if isinstance(step, Step) and step.name == _PRODUCT:
            found = _attention(step, links)
            if found is not None:
                joined[step] = found
                moved |= {links.made[cast(Tensor, found.result)]} - {step}
    if not joined:
        return steps
    kept = (step for step in steps if step not in moved)
    return used_steps(graph, [joined.get(cast(Step, step), step) for step in kept])


@dataclass(frozen=True, eq=False, slots=True)
class _Links:
    """Who makes and who reads what.

    Attributes
    ----------
    made : Mapping of Tensor to Step
    read : Mapping of Tensor to list of Step
        By the tensor that owns the memory.
    uses : Counter of Tensor
        Steps that read its memory, and results of the program that are in it.
    """

    made: Mapping[Tensor, Step]
    read: Mapping[Tensor, Sequence[Step]]
    uses: Counter[Tensor]

    def maker(self, tensor: Tensor) -> Step | None:
        """Return the step that made all of a tensor, if there is one."""
        return self.made.get(tensor.viewed)

    def own_maker(self, tensor: Tensor) -> Step | None:
        """Return the step that made all of a tensor that is used once."""
        return self.maker(tensor) if self.uses[tensor.root] == 1 else None

    def reader(self, tensor: Tensor) -> Step | None:
        """Return the step that alone uses a tensor."""
        steps = self.read.get(tensor.root, ())
        return steps[0] if len(steps) == self.uses[tensor.root] == 1 else None


def _link(graph: Graph, steps: Iterable[Step | RegionStep]) -> _Links:
    """Return who makes and who reads what."""
    made: dict[Tensor, Step] = {}
    read: dict[Tensor, list[Step]] = {}
    uses = Counter(tensor.root for tensor in graph.outputs)
    for step in steps:
        roots = {tensor.root for value in step.operands for tensor in flatten(value)}
        uses.update(roots)
        if isinstance(step, Step):
            made |= dict.fromkeys(flatten(step.result), step)
            for root in roots:
                read.setdefault(root, []).append(step)
    return _Links(made, read, uses)


@dataclass(frozen=True, eq=False, slots=True)
class _Matrices:
    """Matrices in memory.

    Attributes
    ----------
    tensor : Tensor
        What is read.
    outer : tuple of int
        Axes before those of the matrices.
    strides : tuple of int
        Elements by axis.
    """

    tensor: Tensor
    outer: Shape
    strides: Shape

    def along(self, outer: Shape) -> Shape:
        """Return the strides by other outer axes, of as many matrices or of one."""
        steps = split_axes(self.outer, self.strides[:-2], outer)
        assert steps is not None
        return (*steps, *self.strides[-2:])


def _attention(last: Step, links: _Links) -> Step | None:
    """Return the step that is the attention whose second product is `last`, if it is one."""
    inner = _inner_steps(last, links)
    if inner is None:
        return None
    first, *middle, softmax, _ = inner
    shape = cast(Tensor, (middle or [softmax])[0].result).shape
    result = cast(Tensor, last.result)
    if result.shape[0] != prod(shape[:-2]):
        return None
    turned = _turned(result, links)
    options = [_options(one, number, links) for one, number in ((first, 0), (first, 1), (last, 1))]
    tried = [shape[:-2], *(one.outer for found in options for one in found)]
    if turned is not None:
        tried.append(turned[0])
    outer = max((one for one in tried if _is_cut(shape[:-2], one)), key=len)
    order: Shape = tuple(range(len(result.shape)))
    if turned is not None and _is_cut(turned[0], outer):
        _, order, result = turned
    read = [
        next(one for one in found if split_axes(one.outer, one.strides[:-2], outer) is not None)
        for found in options
    ]
    query, key, value = (one.along(outer) for one in read)
    attrs: dict[str, AttributeValue] = {
        "outer": outer,
        "query": query,
        "key": key,
        "value": value,
        "order": order,
    }
    made = {cast(Tensor, one.result).root for one in inner}
    others = dict.fromkeys(
        tensor
        for one in middle
        for operand in one.operands
        for tensor in flatten(operand)
        if tensor.root not in made
    )
    operands = (*(one.tensor for one in read), *others)
    return Step("attention", attrs, operands, result, last.span, inner)


def _inner_steps(last: Step, links: _Links) -> tuple[Step, ...] | None:
    """Return the steps of an attention: first product, element-wise ones, softmax, last product."""
    if not _is_product(last) or last.attrs["transpose_a"]:
        return None
    shares = cast(Tensor, last.operands[0])
    softmax = links.own_maker(shares)
    if softmax is None or softmax.name != "nn.softmax":
        return None
    data = cast(Tensor, softmax.operands[0])
    is_last = cast(int, softmax.attrs["axis"]) % len(data.shape) == len(data.shape) - 1
    before = _steps_of_scores(data, links)
    if before is None or not is_last or data.dtype != _DTYPE:
        return None
    size = cast(Tensor, before[0].result).shape[-2:]
    shapes = [shares.shape, data.shape, *(cast(Tensor, one.result).shape for one in before)]
    if any(shape[-2:] != size for shape in shapes):
        return None
    return (*before, softmax, last)


def _is_product(step: Step) -> bool:
    """Return whether a step multiplies float32 of known sizes."""
    tensors = [tensor for value in (*step.operands, step.result) for tensor in flatten(value)]
    floats = all(tensor.dtype == _DTYPE for tensor in tensors)
    return step.name == _PRODUCT and floats and not step.is_open


def _steps_of_scores(tensor: Tensor, links: _Links) -> tuple[Step, ...] | None:
    """Return a product and the element-wise steps that make `tensor` of it, if it is made so."""
    step = links.own_maker(tensor)
    if step is None:
        return None
    if _is_product(step):
        return (step,)
    if step.name not in ELEMENTWISE or step.is_open or not isinstance(step.result, Tensor):
        return None
    for operand in (tensor for value in step.operands for tensor in flatten(value)):
        before = _steps_of_scores(operand, links) if operand.shape == step.result.shape else None
        # Only the product may be seen in another shape.
        if before is not None and (len(before) == 1 or before[-1].result is operand):
            return (*before, step)
    return None


def _options(step: Step, number: int, links: _Links) -> list[_Matrices]:
    """Return how an operand of a product may be read: before it is transposed, and as it is."""
    tensor = cast(Tensor, step.operands[number])
    found = []
    maker = links.maker(tensor)
    if maker is not None and maker.name == "transpose":
        source, moved = cast(Tensor, maker.operands[0]), cast(Tensor, maker.result)
        if moved.shape[-2:] == tensor.shape[-2:] and len(moved.shape) > 2:
            strides = tuple(source.strides[axis] for axis in _axes(maker))
            found.append(_Matrices(source, moved.shape[:-2], strides))
    found.append(_Matrices(tensor, tensor.shape[:1], tensor.strides))
    if step.attrs[("transpose_a", "transpose_b")[number]]:
        found = [
            _Matrices(one.tensor, one.outer, (*one.strides[:-2], *one.strides[:-3:-1]))
            for one in found
        ]
    return found


def _turned(result: Tensor, links: _Links) -> tuple[Shape, Shape, Tensor] | None:
    """Return a transpose of the result that alone uses it: outer axes, order, what it makes."""
    step = links.reader(result)
    if step is None or step.name != "transpose":
        return None
    source, axes = cast(Tensor, step.operands[0]), _axes(step)
    is_whole = source.viewed is result and source.shape[-2:] == result.shape[-2:]
    if not is_whole or axes[-1] != len(axes) - 1:
        return None
    order = tuple(axes.index(axis) for axis in range(len(axes)))
    return source.shape[:-2], order, cast(Tensor, step.result)


def _axes(step: Step) -> Shape:
    """Return the axes of a transpose."""
    rank = len(cast(Tensor, step.operands[0]).shape)
    axes = cast(Shape | None, step.attrs["axes"])
    return tuple(axis % rank for axis in axes) if axes else tuple(reversed(range(rank)))


def _is_cut(have: Shape, want: Shape) -> bool:
    """Return whether any strides by axes of `have` can be given by those of `want`."""
    cut = [extent for extent in have if extent > 1]
    return prod(have) == prod(want) and (have == want or len(cut) <= 1)
