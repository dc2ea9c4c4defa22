"""Depthwise convolutions: kernels that multiply channel by channel."""

from typing import cast

import numpy as np

from ....ops.windows import ints
from ..formula import FormulaBuilder
from ..graph import Step, Tensor
from ..kernels import Depthwise, DepthwiseDot
from ..kernels.depthwise_dot import list_factors
from ..tiling import choose_window_tile
from .context import Arranged, Context
from .operands import Operands, window_strides
from .packing import product_of
from .starts import take_start

__all__ = ["convolve_depthwise"]

# Most channels in a vector of sums, and products that the instruction sums.
_MOST_LANES, _GROUP = 16, 4


def convolve_depthwise(
    context: Context,
    step: Step,
    target: Tensor,
    operands: Operands,
    formula: tuple[FormulaBuilder, int],
    order: tuple[int, ...],
) -> None:
    """Add a depthwise kernel; `order` names the axes n, h, w, c of the result."""
    build, node = formula
    node = build.stored(node, target.memory_dtype)
    start, node = take_start(build, node, order[-1])
    axes = context.arrange(
        build.shape, build.formula(node), order=order, target=target.strides, fixed=4
    )
    is_dot = product_of(context.machine, operands).is_unsigned
    kernel: Depthwise | DepthwiseDot
    if is_dot and operands.data.memory_dtype == "uint8" and operands.data.root.slack:
        kernel, weight = _dot(context, step, operands, axes, start is not None)
    else:
        kernel, weight = _plain(context, step, operands, axes, start is not None)
    starts = []
    if start is not None:
        # Whole vectors are read.
        long = np.pad(start, (0, _MOST_LANES))
        starts.append(Tensor(long.shape, str(long.dtype), constant=long))
    context.call(kernel, target, operands.data, weight, *starts, *build.tensors)


def _plain(
    context: Context, step: Step, operands: Operands, axes: Arranged, starts: bool
) -> tuple[Depthwise, Tensor]:
    """Return the kernel of any data type, and its weights."""
    strides, taps = window_strides(step, operands.data)
    window = cast(tuple[int, int], operands.weight.shape[:2])
    kernel = Depthwise(
        cast(tuple[int, int, int, int], axes.shape),
        axes.target,
        (*strides, 1),
        operands.origin,
        window,
        taps,
        choose_window_tile(context.machine, axes.shape[1:3], window),
        starts,
        operands.data.memory_dtype,
        operands.weight.dtype,
        operands.sum_dtype,
        axes.formula,
        context.machine.vector_bytes,
    )
    return kernel, operands.weight


def _dot(
    context: Context, step: Step, operands: Operands, axes: Arranged, starts: bool
) -> tuple[DepthwiseDot, Tensor]:
    """Return the kernel of bytes, and its weights in groups of four."""
    shape = cast(tuple[int, int, int, int], axes.shape)
    window = cast(tuple[int, int], operands.weight.shape[:2])
    strides = cast(tuple[int, int], ints(step.attrs, "strides"))
    dilation = cast(tuple[int, int], ints(step.attrs, "dilation"))
    # Two lines share the four that they need where the window is three high and does not skip.
    down = 2 if strides[0] == dilation[0] == 1 and window[0] <= 3 and shape[1] > 1 else 1
    tile = down, min(shape[2], max(1, (14 if window[1] <= 3 else 8) // down))
    factors = list_factors(shape, window, strides, dilation, tile)
    kernel = DepthwiseDot(
        shape,
        axes.target,
        operands.data.strides,
        operands.origin,
        window,
        strides,
        dilation,
        tile,
        starts,
        axes.formula,
        context.machine.vector_bytes,
    )
    assert operands.weight.constant is not None
    plain = operands.weight.constant[:, :, 0, :].astype(np.int8)
    channels = plain.shape[-1]
    lanes = context.machine.vector_bytes // 4
    vectors = -(-channels // lanes)
    packed = np.zeros((vectors * lanes, len(factors), _GROUP), np.int8)
    for number, (rows, column) in enumerate(factors):
        for place, row in enumerate(rows):
            if row >= 0:
                packed[:channels, number, place] = plain[row, column]
    ordered = packed.reshape(vectors, lanes, len(factors), _GROUP).transpose(0, 2, 1, 3)
    whole = np.ascontiguousarray(ordered)
    return kernel, Tensor(whole.shape, "int8", constant=whole)
