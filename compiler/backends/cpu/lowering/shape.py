"""Operators that move elements: copies between layouts."""

from math import prod
from types import MappingProxyType
from typing import cast

import numpy as np

from ....ops import Missing, lookup
from ....ops.quantized import rounding_of
from ..builder import element_bytes
from ..formula import FormulaBuilder, row_major
from ..graph import Step, Tensor, Value
from ..kernels import Gather
from .context import Context, Table, constant_of, known_value, operand
from .elementwise import moved_to_scale

__all__ = ["OTHERS"]


def _tensors(value: Value) -> tuple[Tensor, ...]:
    """Return the fields of a tuple of tensors."""
    assert isinstance(value, tuple)
    return tuple(field for field in value if isinstance(field, Tensor))


def _affine(context: Context, step: Step) -> None:
    """Lower an operator each of whose results is a box of its operand: transpose, slice, split.

    What it does to the numbers of the elements says where the box begins and how it strides.
    """
    data = operand(step, 0)
    numbers = np.arange(prod(data.shape)).reshape(data.shape)
    moved = lookup(step.name).meaning(step.attrs, numbers)
    results = (step.result,) if isinstance(step.result, Tensor) else _tensors(step.result)
    parts = moved if isinstance(moved, tuple) else (moved,)
    for target, part in zip(results, parts, strict=True):
        assert isinstance(target, Tensor) and isinstance(part, np.ndarray)
        if not part.size:
            continue
        start = int(part.flat[0])
        strides = [
            int(part.take(1, axis).flat[0]) - start if size > 1 else 0
            for axis, size in enumerate(part.shape)
        ]
        context.copy(target, data, target.shape, target.strides, strides, source_start=start)


def _transpose(context: Context, step: Step) -> None:
    """Copy with strides in another order."""
    data, target = operand(step, 0), step.result
    assert isinstance(target, Tensor)
    axes = cast(tuple[int, ...] | None, step.attrs["axes"])
    rank = len(data.shape)
    order = tuple(axis % rank for axis in axes) if axes else tuple(reversed(range(rank)))
    moved = [data.strides[axis] for axis in order]
    context.copy(target, data, target.shape, target.strides, moved)


def _tile(context: Context, step: Step) -> None:
    """Copy with every axis repeated: one more axis before each, along which the data stands."""
    data, target = operand(step, 0), step.result
    assert isinstance(target, Tensor)
    reps, rank = cast(tuple[int, ...], step.attrs["reps"]), len(target.shape)
    reps = (1,) * (rank - len(reps)) + tuple(reps)
    shape = (1,) * (rank - len(data.shape)) + data.shape
    to, of = row_major(target.shape), row_major(shape)
    sizes = [size for pair in zip(reps, shape, strict=True) for size in pair]
    into = [
        step for size, stride in zip(shape, to, strict=True) for step in (size * stride, stride)
    ]
    out_of = [step for stride in of for step in (0, stride)]
    context.copy(target, data, sizes, into, out_of)


def _concatenate(context: Context, step: Step) -> None:
    """Copy each operand to its place along the axis."""
    target = step.result
    assert isinstance(target, Tensor)
    axis = cast(int, step.attrs["axis"]) % len(target.shape)
    strides, start = row_major(target.shape), 0
    for part in _tensors(step.operands[0]):
        context.copy(target, part, part.shape, strides, row_major(part.shape), start)
        start += part.shape[axis] * strides[axis]


def _stack(context: Context, step: Step) -> None:
    """Copy each operand to its index of the new axis."""
    target = step.result
    assert isinstance(target, Tensor)
    axis = cast(int, step.attrs["axis"]) % len(target.shape)
    strides = row_major(target.shape)
    kept = strides[:axis] + strides[axis + 1 :]
    for number, part in enumerate(_tensors(step.operands[0])):
        start = number * strides[axis]
        context.copy(target, part, part.shape, kept, row_major(part.shape), start)


def _quantized_concatenate(context: Context, step: Step) -> None:
    """Copy each operand to its place, brought to the scale of the result."""
    target = step.result
    assert isinstance(target, Tensor)
    axis = cast(int, step.attrs["axis"]) % len(target.shape)
    strides, start = row_major(target.shape), 0
    out_scale = constant_of(step, 3, "output_scale")
    out_point = int(constant_of(step, 4, "output_zero_point").item())
    rounding = rounding_of(step.attrs)
    parts = zip(*(_tensors(value) for value in step.operands[:3]), strict=True)
    for part, scale, point in parts:
        in_scale = known_value(step, scale, "every input scale")
        in_point = int(known_value(step, point, "every input zero point").item())
        if in_scale.item() == out_scale.item() and in_point == out_point:
            context.copy(target, part, part.shape, strides, row_major(part.shape), start)
        else:
            build = FormulaBuilder(part.shape)
            pairs = (in_scale, in_point), (out_scale, out_point)
            node = moved_to_scale(build, build.load(part), *pairs, rounding, target.dtype)
            context.elementwise(build, node, target, strides, start)
        start += part.shape[axis] * strides[axis]


def _pad(context: Context, step: Step) -> None:
    """Fill the result and copy the data into its middle; or gather, for values taken from data."""
    data, target = operand(step, 0), step.result
    assert isinstance(target, Tensor)
    widths = cast(tuple[tuple[int, int], ...], step.attrs["pad_width"])
    if step.attrs["pad_mode"] == "constant":
        context.fill(target, operand(step, 1))
        strides = row_major(target.shape)
        start = sum(before * stride for (before, _), stride in zip(widths, strides, strict=True))
        context.copy(target, data, data.shape, strides, row_major(data.shape), start)
        return
    padded = [axis for axis, pair in enumerate(widths) if any(pair)]
    if not padded:
        strides = row_major(data.shape)
        context.copy(target, data, data.shape, strides, strides)
    for axis in padded:
        numbers = np.arange(data.shape[axis])
        if step.attrs["pad_mode"] == "edge":
            places = np.pad(numbers, widths[axis], mode="edge")
        else:
            places = np.pad(numbers, widths[axis], mode="reflect")
        indices = Tensor(places.shape, "int64", constant=places)
        shape = (*data.shape[:axis], places.size, *data.shape[axis + 1 :])
        part = target if axis == padded[-1] else Tensor(shape, data.dtype)
        _gather(context, part, data, indices, axis, False)
        data = part


def _take(context: Context, step: Step) -> None:
    """Gather along an axis, or among all elements."""
    data, indices, target = operand(step, 0), operand(step, 1), step.result
    assert isinstance(target, Tensor)
    if step.attrs["batch_dims"] != 0:
        raise Missing("batch_dims is not supported on the CPU", "take from each batch by itself")
    axis = cast(int | None, step.attrs["axis"])
    if axis is None:
        data = Tensor((prod(data.shape),), data.dtype, data.constant, base=data)
        axis = 0
    wraps = step.attrs["mode"] == "wrap"
    _gather(context, target, data, indices, axis % len(data.shape), wraps)


def _gather(
    context: Context, target: Tensor, data: Tensor, indices: Tensor, axis: int, wraps: bool
) -> None:
    """Take rows of `data` along `axis`."""
    row_bytes = prod(data.shape[axis + 1 :]) * element_bytes(data.dtype)
    kernel = Gather(
        prod(data.shape[:axis]),
        prod(indices.shape),
        data.shape[axis],
        row_bytes,
        indices.dtype,
        wraps,
    )
    context.call(kernel, target, data, indices)


OTHERS: Table = MappingProxyType(
    {
        "concatenate": _concatenate,
        "nn.pad": _pad,
        "qnn.concatenate": _quantized_concatenate,
        "split": _affine,
        "stack": _stack,
        "strided_slice": _affine,
        "take": _take,
        "tile": _tile,
        "transpose": _transpose,
    }
)
