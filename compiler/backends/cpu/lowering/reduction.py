"""Reductions over axes, and searches for the place of an extreme."""

from math import prod
from types import MappingProxyType
from typing import cast

import numpy as np

from ....ops.pooling import lowest
from ..formula import FormulaBuilder, merge_axes, row_major
from ..graph import Step, Tensor
from ..kernels import Reduction, Search
from .context import AnchorTable, Context, Finish, Table, operand

__all__ = ["ANCHORS", "OTHERS"]


def _axes(step: Step) -> tuple[int, ...]:
    """Return the axes that are reduced."""
    rank = len(operand(step, 0).shape)
    given = cast(tuple[int, ...] | None, step.attrs["axis"])
    axes = set(range(rank)) if given is None else {axis % rank for axis in given}
    if step.attrs["exclude"]:
        axes = set(range(rank)) - axes
    return tuple(sorted(axes))


def _strides(step: Step) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Return the data's strides by axis of the result, and (extent, stride) of the others."""
    data, axes = operand(step, 0), _axes(step)
    strides = row_major(data.shape)
    if step.attrs["keepdims"]:
        kept = tuple(0 if axis in axes else stride for axis, stride in enumerate(strides))
    else:
        kept = tuple(stride for axis, stride in enumerate(strides) if axis not in axes)
    reduced = tuple(data.shape[axis] for axis in axes)
    shape, (steps,) = merge_axes(reduced, [tuple(strides[axis] for axis in axes)])
    return kept, tuple(zip(shape, steps, strict=True))


def _accumulator(name: str, dtype: str) -> tuple[str, float, str]:
    """Return operation, first value, and data type of the combined value."""
    if name in ("max", "any"):
        return "maximum", cast(float, lowest(np.dtype(dtype))), dtype
    if name in ("min", "all"):
        return "minimum", _highest(dtype), dtype
    if dtype == "bool":
        # Any element makes a sum true; every one a product, and a mean, which truncates.
        return ("maximum", 0, dtype) if name == "sum" else ("minimum", 1, dtype)
    wide = "float32" if dtype == "float16" else dtype
    if name == "mean" and not dtype.startswith("float"):
        wide = "int64"
    return ("multiply", 1, wide) if name == "prod" else ("add", 0, wide)


def _highest(dtype: str) -> float:
    """Return the largest value of `dtype`."""
    if dtype == "bool":
        return 1
    return np.inf if dtype.startswith("float") else int(np.iinfo(dtype).max)


def _reduce(context: Context, step: Step, target: Tensor, finish: Finish) -> None:
    """Reduce, and divide for a mean."""
    assert isinstance(step.result, Tensor)
    data, shape = operand(step, 0), step.result.shape
    operation, first, dtype = _accumulator(step.name, data.dtype)
    build = FormulaBuilder(shape)
    node = build.anchor(dtype)
    if step.name == "mean" and dtype != "bool":
        count = prod(data.shape[axis] for axis in _axes(step))
        node = build.apply("divide", dtype, node, build.immediate(count, dtype))
    node = finish(build, build.cast(node, data.dtype))
    kept, reduced = _strides(step)
    axes = context.arrange(shape, build.formula(node), kept)
    kernel = Reduction(
        axes.shape,
        axes.strides[0],
        reduced,
        operation,
        first,
        data.dtype,
        dtype,
        axes.formula,
        axes.target,
        context.machine.vector_bytes,
    )
    context.call(kernel, target, data, *build.tensors)


def _search(context: Context, step: Step) -> None:
    """Find the place of the largest or smallest element."""
    target, data = step.result, operand(step, 0)
    assert isinstance(target, Tensor)
    kept, reduced = _strides(step)
    largest, last = step.name == "argmax", bool(step.attrs["select_last_index"])
    kernel = Search(target.shape, kept, reduced, largest, last, data.dtype)
    context.call(kernel, target, data)


ANCHORS: AnchorTable = MappingProxyType(
    dict.fromkeys(("all", "any", "max", "mean", "min", "prod", "sum"), _reduce)
)
OTHERS: Table = MappingProxyType({"argmax": _search, "argmin": _search})
