"""Pooling: sums and maxima over windows, then a formula with the counts known by place."""

from types import MappingProxyType
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from isa.arithmetic import Rounding

from ....errors import Unsupported
from ....ir.nodes import AttributeValue
from ....ops.operator import Attributes
from ....ops.pooling import lowest, window_sums
from ....ops.quantized import rounding_of
from ....ops.windows import image_axes, ints
from ..formula import FormulaBuilder
from ..graph import Step, Tensor
from ..kernels import Pool
from .borders import border_value
from .context import AnchorTable, Context, Finish, constant_of, operand
from .elementwise import rescaled, saturated

__all__ = ["ANCHORS"]

Array = npt.NDArray[Any]


def _attributes(step: Step) -> Attributes:
    """Return the attributes of a pool; a global one has the whole image as its window."""
    if "pool_size" in step.attrs:
        return step.attrs
    data = operand(step, 0)
    _, h, w, _ = image_axes(str(step.attrs["layout"]))
    whole: dict[str, AttributeValue] = {
        "pool_size": (data.shape[h], data.shape[w]),
        "strides": (1, 1),
        "dilation": (1, 1),
        "padding": (0, 0, 0, 0),
        "ceil_mode": False,
        "count_include_pad": False,
    }
    return {**whole, **step.attrs}


def _counts(step: Step, attrs: Attributes, dtype: str) -> Array:
    """Return how many elements count in each window, a scalar where that is the same for all.

    Raises
    ------
    Unsupported
        A mean of integers over no element.
    """
    data = operand(step, 0)
    n, _, _, c = image_axes(str(attrs["layout"]))
    shape = [1 if axis in (n, c) else size for axis, size in enumerate(data.shape)]
    _, counts = window_sums(attrs, np.zeros(shape, np.int8))
    if not dtype.startswith("float") and not np.all(counts):
        raise Unsupported(
            f"{step.name}: every window must cover an element of data, but with ceil_mode one lies "
            "in the padding; make the padding smaller",
            step.span,
        )
    first = counts.flat[0]
    return np.asarray(first if np.all(counts == first) else counts, dtype)


def _pool(
    context: Context,
    step: Step,
    target: Tensor,
    build: FormulaBuilder,
    node: int,
    combined: tuple[str, float, str],
) -> None:
    """Add the kernel: `combined` are its operation, first value and data type."""
    attrs, data = _attributes(step), operand(step, 0)
    layout = str(attrs["layout"])
    _, h, w, _ = image_axes(layout)
    operation, first, dtype = combined
    shape = build.shape
    formula = build.formula(build.stored(node, target.memory_dtype))
    top, left, bottom, right = padding = ints(attrs, "padding")
    size, origin = (data.shape[h], data.shape[w]), 0
    covered = all(have >= want for have, want in zip(data.border, padding, strict=True))
    if covered and any(padding) and operation == "maximum" and data.fill == border_value(step):
        size = size[0] + top + bottom, size[1] + left + right
        origin = -(top * data.strides[h] + left * data.strides[w])
        top = left = 0
    kernel = Pool(
        shape,
        h,
        w,
        target.strides,
        data.strides,
        origin,
        size,
        cast(tuple[int, int], ints(attrs, "pool_size")),
        cast(tuple[int, int], ints(attrs, "strides")),
        cast(tuple[int, int], ints(attrs, "dilation")),
        (top, left),
        operation,
        first,
        data.memory_dtype,
        dtype,
        formula,
        context.machine.vector_bytes,
    )
    context.call(kernel, target, data, *build.tensors)


def _shape(step: Step) -> tuple[int, ...]:
    assert isinstance(step.result, Tensor)
    return step.result.shape


def _max_pool(context: Context, step: Step, target: Tensor, finish: Finish) -> None:
    data = operand(step, 0)
    dtype = data.memory_dtype
    build = FormulaBuilder(_shape(step))
    node = finish(build, build.stored(build.anchor(dtype), data.dtype))
    first = cast(float, lowest(np.dtype(dtype)))
    _pool(context, step, target, build, node, ("maximum", first, dtype))


def _sum_dtype(dtype: str) -> str:
    """Return the type in which windows of `dtype` are summed."""
    if dtype == "float16":
        return "float32"
    if dtype.startswith("float"):
        return dtype
    return "int32" if dtype in ("int8", "uint8", "int16", "uint16") else "int64"


def _total(build: FormulaBuilder, step: Step, dtype: str) -> int:
    """Return the node of the sum of a window; of int8 stored as uint8, without what is added."""
    data, total = operand(step, 0), build.anchor(dtype)
    if not data.memory_offset:
        return total
    inside = _counts(step, {**_attributes(step), "count_include_pad": False}, dtype)
    return build.apply("subtract", dtype, total, build.constant(data.memory_offset * inside))


def _avg_pool(context: Context, step: Step, target: Tensor, finish: Finish) -> None:
    """Average: integers truncate towards zero."""
    dtype = operand(step, 0).dtype
    wide = _sum_dtype(dtype)
    build = FormulaBuilder(_shape(step))
    counts = build.constant(_counts(step, _attributes(step), wide))
    mean = build.apply("divide", wide, _total(build, step, wide), counts)
    node = finish(build, build.cast(mean, dtype))
    _pool(context, step, target, build, node, ("add", 0, wide))


def _quantized_avg_pool(context: Context, step: Step, target: Tensor, finish: Finish) -> None:
    """Average of quantised elements, with one rounding or the other."""
    attrs, dtype = step.attrs, operand(step, 0).dtype
    build = FormulaBuilder(_shape(step))
    in_scale, in_point, out_scale, out_point = (
        constant_of(step, number, "a scale or zero point") for number in range(1, 5)
    )
    total = _total(build, step, "int32")
    counts = _counts(step, attrs, "int32")
    if rounding_of(attrs) == Rounding.TFLITE:
        if in_scale.item() != out_scale.item() or in_point.item() != out_point.item():
            raise Unsupported(
                f'{step.name}: rounding "TFLITE" needs equal input and output scales and zero '
                'points; use "UPWARD", or requantise after the pool',
                step.span,
            )
        node = saturated(build, _rounded_mean(build, total, counts), 0, dtype)
    else:
        inside = _counts(step, {**attrs, "count_include_pad": False}, "int32")
        moved = build.constant(inside * in_point.astype(np.int32))
        offset = build.apply("subtract", "int32", total, moved)
        scale = out_scale.astype(np.float64) * counts
        mean = rescaled(build, offset, in_scale.astype(np.float64), scale, Rounding.UPWARD)
        node = saturated(build, mean, int(out_point.item()), dtype)
    _pool(context, step, target, build, finish(build, node), ("add", 0, "int32"))


def _rounded_mean(build: FormulaBuilder, total: int, counts: Array) -> int:
    """Return total / counts, half away from zero."""
    magnitude = build.apply("abs", "int32", total)
    double = build.apply("add", "int32", magnitude, magnitude)
    raised = build.apply("add", "int32", double, build.constant(counts))
    twice = build.constant(np.asarray(2 * counts, np.int32))
    mean = build.apply("divide", "int32", raised, twice)
    return build.apply("multiply", "int32", build.apply("sign", "int32", total), mean)


ANCHORS: AnchorTable = MappingProxyType(
    {
        "nn.avg_pool2d": _avg_pool,
        "nn.global_avg_pool2d": _avg_pool,
        "nn.global_max_pool2d": _max_pool,
        "nn.max_pool2d": _max_pool,
        "qnn.avg_pool2d": _quantized_avg_pool,
    }
)
