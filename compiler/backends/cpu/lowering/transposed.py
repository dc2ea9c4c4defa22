"""Transposed convolutions by phases: each an ordinary one that writes every so manieth place."""

from dataclasses import replace
from math import prod
from types import MappingProxyType
from typing import cast

from ....ops.windows import permutation
from ..formula import FormulaBuilder
from ..graph import Step, Tensor
from ..products import PLAIN
from .context import AnchorTable, Context, Finish, operand
from .contraction import Walk, contract
from .operands import lay_out, read_operands
from .packing import group_elements

__all__ = ["ANCHORS"]


def _phases(context: Context, step: Step, target: Tensor, finish: Finish) -> None:
    """Add one contraction whose first axes are the phases."""
    order = permutation(str(step.attrs["data_layout"]), "NHWC")
    groups = cast(int, step.attrs["groups"])
    phases, shifts = (cast(tuple[int, int], step.attrs[name]) for name in ("phases", "shifts"))
    operands = read_operands(context, step, operand(step, 1))
    operands = lay_out(context, step, operands, order, PLAIN, False)
    first, line, pixel, _ = operands.data.strides
    height, width, length, outputs = operands.weight.shape
    # A row of a window lies together in memory, unless groups lie between.
    taps, length_all = [(height, line), (width, pixel)], length
    if groups == 1:
        length_all *= taps.pop()[0]
    count = phases[0] * phases[1] * groups
    shape = count, prod(extent for extent, _ in taps), length_all, outputs // count
    size = groups * group_elements(context.machine, operands, shape, PLAIN)
    walk = Walk(
        (first, shifts[0] * line, shifts[1] * pixel, line, pixel),
        (0, phases[1] * size, size, 0, 0),
        groups,
        length,
        (*taps, (length_all, 1)),
    )
    build = FormulaBuilder(target.shape)
    node = finish(build, build.cast(build.anchor(operands.sum_dtype), target.dtype))
    parts = {order[1]: phases[0], order[2]: phases[1]}
    formula = _with_phases(build, parts), node
    strides = _parted(target.strides, parts)
    # Axes of the result are n, h, w, c in some order, h and w followed by the place in a phase.
    places = [axis + sum(other < axis for other in parts) for axis in order]
    n, h, w, c = places
    axes = n, h + 1, w + 1, h, w, c
    contract(context, target, operands, shape, PLAIN, walk, formula, axes, strides=strides)


def _parted(strides: tuple[int, ...], parts: dict[int, int]) -> tuple[int, ...]:
    """Return strides by axes of which some are parted in two: phase by phase, and in it."""
    found: list[int] = []
    for axis, stride in enumerate(strides):
        found += [stride * parts[axis], stride] if axis in parts else [stride]
    return tuple(found)


def _with_phases(build: FormulaBuilder, parts: dict[int, int]) -> FormulaBuilder:
    """Return the builder of the same formula by axes of which some are parted in two."""
    shape: list[int] = []
    for axis, extent in enumerate(build.shape):
        shape += [extent // parts[axis], parts[axis]] if axis in parts else [extent]
    nodes = [
        replace(node, strides=_parted(node.strides, parts)) if node.operation == "load" else node
        for node in build.nodes
    ]
    return FormulaBuilder(tuple(shape), nodes, build.tensors)


ANCHORS: AnchorTable = MappingProxyType({"conv2d_phases": _phases})
