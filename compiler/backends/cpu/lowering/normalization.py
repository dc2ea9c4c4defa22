"""Softmax and layer normalisation: what is computed along one axis, line by line."""

from math import prod
from types import MappingProxyType
from typing import cast

from ..formula import FormulaBuilder, row_major
from ..graph import Step, Tensor
from ..kernels import Normalization, Softmax
from ..kernels.lines import LineAxes
from .context import AnchorTable, Context, Finish, operand

__all__ = ["ANCHORS"]


def _axes(
    context: Context, step: Step, target: Tensor, build: FormulaBuilder, node: int
) -> LineAxes:
    """Return the axes with the one of the step where the kernel wants it."""
    dtype = operand(step, 0).dtype
    shape, node = build.shape, build.stored(node, target.memory_dtype)
    axis = cast(int, step.attrs["axis"]) % len(shape)
    along = prod(shape[axis + 1 :]) == 1
    others = [other for other in range(len(shape)) if other != axis]
    order = [*others, axis] if along else [*others[:-1], axis, others[-1]]
    strides = row_major(shape)
    axes = context.arrange(
        shape,
        build.formula(node),
        [strides[other] for other in order],
        order=order,
        target=target.strides,
        fixed=1 if along else 2,
    )
    return LineAxes(
        axes.shape,
        axes.strides[0],
        axes.target,
        along,
        dtype,
        _work_dtype(dtype),
        axes.formula,
        context.machine.vector_bytes,
    )


def _work_dtype(dtype: str) -> str:
    """Return what elements of `dtype` are computed in."""
    return "float64" if dtype == "float64" else "float32"


def _softmax(context: Context, step: Step, target: Tensor, finish: Finish) -> None:
    data = operand(step, 0)
    work = _work_dtype(data.dtype)
    build = FormulaBuilder(data.shape)
    node = finish(build, build.cast(build.anchor(work), data.dtype))
    axes = _axes(context, step, target, build, node)
    kernel = Softmax(axes, step.name == "nn.log_softmax")
    context.call(kernel, target, data, *build.tensors)


def _layer_norm(context: Context, step: Step, target: Tensor, finish: Finish) -> None:
    data = operand(step, 0)
    work = _work_dtype(data.dtype)
    axis = cast(int, step.attrs["axis"]) % len(data.shape)
    build = FormulaBuilder(data.shape)
    node = build.anchor(work)
    for number, name, operation in ((1, "scale", "multiply"), (2, "center", "add")):
        if step.attrs[name]:
            vector = build.cast(build.along(operand(step, number), axis), work)
            node = build.apply(operation, work, node, vector)
    axes = _axes(context, step, target, build, finish(build, build.cast(node, data.dtype)))
    kernel = Normalization(axes, cast(float, step.attrs["epsilon"]))
    context.call(kernel, target, data, *build.tensors)


ANCHORS: AnchorTable = MappingProxyType(
    {"nn.layer_norm": _layer_norm, "nn.log_softmax": _softmax, "nn.softmax": _softmax}
)
