"""Attention: how much of it is computed at a time, and what its kernel reads made ready."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import cast

from ..builder import element_bytes
from ..formula import Formula, FormulaBuilder, merge_axes, split_axes
from ..graph import Step, Tensor, flatten
from ..kernels.attention import Attention
from ..machine import Machine
from ..tiling import choose_tile
from .context import AnchorTable, Context, Finish, operand
from .elementwise import follow

__all__ = ["ANCHORS"]

Shape = tuple[int, ...]

# Rows and keys whose scores are computed at a time, at most.
_ROWS, _KEYS = 32, 256
# Registers that one product needs besides sums and weights.
_SPARE = 2


def _attention(context: Context, step: Step, target: Tensor, finish: Finish) -> None:
    """Add the kernel; before it a copy of the keys, and of the values, if they lie otherwise."""
    outer, order, by_query, by_key, by_value = (
        cast(Shape, step.attrs[name]) for name in ("outer", "order", "query", "key", "value")
    )
    query, dtype = operand(step, 0), operand(step, 0).dtype
    rows, inner, keys, columns = _sizes(step)
    block = _block(rows, keys)
    key, by_key, key_step = _panels(context, operand(step, 1), by_key, (*outer, inner, keys), block)
    value, by_value = _rows(context, operand(step, 2), by_value, (*outer, keys, columns))
    masks, node = _score(step)
    scores = _by_outer(masks, node, range(len(masks.shape)), outer)
    build = FormulaBuilder(target.shape)
    node = build.stored(finish(build, build.anchor(dtype)), target.memory_dtype)
    formula = _by_outer(build, node, order, outer)
    by_target = _split(target.strides, target.shape, order, outer)
    everything = [by_query, by_key, by_value, by_target]
    loads = [node.strides for node in (*scores, *formula) if node.operation == "load"]
    merged, steps = merge_axes(outer, [one[: len(outer)] for one in (*everything, *loads)])
    moved = iter(
        [new + old[len(outer) :] for new, old in zip(steps, [*everything, *loads], strict=True)]
    )
    by_query, by_key, by_value, by_target = (next(moved) for _ in everything)
    lanes = context.machine.vector_bytes // element_bytes(dtype)
    kernel = Attention(
        merged,
        rows,
        inner,
        keys,
        columns,
        by_query,
        by_key,
        key_step,
        by_value[:-1],
        by_target[:-1],
        _moved(scores, moved),
        _moved(formula, moved),
        dtype,
        block,
        (
            _tile(context.machine, block[0], block[1] // lanes),
            _tile(context.machine, block[0], columns // lanes),
        ),
        context.machine.vector_bytes,
    )
    context.call(kernel, target, query, key, value, *masks.tensors, *build.tensors)


def _sizes(step: Step) -> tuple[int, int, int, int]:
    """Return rows and inner elements of the query, keys, and columns of the values."""
    first, last = step.inner[0], step.inner[-1]
    data, scores = cast(Tensor, first.operands[0]), cast(Tensor, first.result)
    inner = data.shape[1 if first.attrs["transpose_a"] else 2]
    return scores.shape[1], inner, scores.shape[2], cast(Tensor, last.result).shape[2]


def _block(rows: int, keys: int) -> tuple[int, int]:
    """Return rows and keys whose scores are computed at a time."""
    most = min(rows, _ROWS)
    # Code for one size of a block is half of that for two.
    near = (size for size in range(most, most // 2, -1) if rows % size == 0)
    return next(near, most), min(keys, _KEYS)


def _tile(machine: Machine, rows: int, vectors: int) -> tuple[int, int, int]:
    """Return the register tile of a product of so many rows and vectors of columns."""
    return choose_tile(machine, (1, rows), max(1, vectors), _SPARE - machine.has_fused_product)


def _score(step: Step) -> tuple[FormulaBuilder, int]:
    """Return the formula of a score: what stands between the first product and softmax."""
    first, *middle, softmax, _ = step.inner
    data = middle[0].result if middle else softmax.operands[0]
    build = FormulaBuilder(cast(Tensor, data).shape)
    anchor = build.anchor(cast(Tensor, first.result).dtype)
    if not middle:
        return build, anchor
    product = cast(Tensor, first.result).root
    seen = (tensor for value in middle[0].operands for tensor in flatten(value))
    known = {tensor: anchor for tensor in seen if tensor.root is product}
    return build, follow(build, tuple(middle), known)


def _by_outer(build: FormulaBuilder, node: int, order: Sequence[int], outer: Shape) -> Formula:
    """Return a formula by outer axes and the last two, of which `order` names the builder's."""
    formula = build.formula(node)
    moved = iter(
        [
            _split(one.strides, build.shape, order, outer)
            for one in formula
            if one.operation == "load"
        ]
    )
    return _moved(formula, moved)


def _moved(formula: Formula, strides: Iterator[Shape]) -> Formula:
    """Return a formula whose loads have other strides."""
    return tuple(
        replace(node, strides=next(strides)) if node.operation == "load" else node
        for node in formula
    )


def _split(strides: Shape, shape: Shape, order: Sequence[int], outer: Shape) -> Shape:
    """Return strides by the axes of `shape` as those by outer axes and the last two."""
    *first, row, column = order
    have, steps = (tuple(one[axis] for axis in first) for one in (shape, strides))
    found = steps if have == outer else split_axes(have, steps, outer)
    assert found is not None
    return (*found, strides[row], strides[column])


def _panels(
    context: Context,
    key: Tensor,
    strides: Shape,
    shape: Shape,
    block: tuple[int, int],
) -> tuple[Tensor, Shape, int]:
    """Return keys as the kernel reads them: tensor, strides by outer axis, inner step.

    ``[.., inner, keys]  ->  [..][panel][inner][keys of the panel]``, unless there is one panel and
    keys are neighbours.
    """
    *outer, inner, keys = shape
    *first, step, apart = strides
    width = block[1]
    if width == keys and apart == 1:
        return key, tuple(first), step
    own = tuple(extent if stride else 1 for extent, stride in zip(outer, first, strict=True))
    panels = Tensor((*own, inner * keys), key.dtype)
    steps = tuple(
        stride if extent > 1 else 0 for extent, stride in zip(own, panels.strides[:-1], strict=True)
    )
    whole = keys // width
    for start, count, wide in ((0, whole, width), (whole * width, 1, keys - whole * width)):
        if wide:
            context.copy(
                panels,
                key,
                (*own, count, inner, wide),
                (*steps, inner * wide, wide, 1),
                (*first, wide * apart, step, apart),
                start * inner,
                start * apart,
            )
    return panels, steps, 0


def _rows(context: Context, value: Tensor, strides: Shape, shape: Shape) -> tuple[Tensor, Shape]:
    """Return values whose columns are neighbours, and their strides."""
    if strides[-1] == 1:
        return value, strides
    own = tuple(extent if stride else 1 for extent, stride in zip(shape, strides, strict=True))
    rows = Tensor((*own[:-2], *shape[-2:]), value.dtype)
    context.copy(rows, value, rows.shape, rows.strides, strides)
    steps = (
        stride if extent > 1 else 0 for extent, stride in zip(own, rows.strides[:-2], strict=False)
    )
    return rows, (*steps, *rows.strides[-2:])


ANCHORS: AnchorTable = MappingProxyType({"attention": _attention})
