"""Transposed convolutions as their phases: what each residue of the result's places is made of.

``y[s h + p] = sum x[h + (p + padding) // s - t] w[(p + padding) % s + s t]``: for each p an
ordinary convolution of x by every s-th line and column of w. All phases take a window of the same
size, with weights of 0 where theirs is smaller, so they are one step, and no product is of a 0 that
lies between two elements. Its attributes, beside those of a convolution:

phases : (int, int)
    Down and across: lines and columns of the result from one to the next of a phase.
shifts : (int, int)
    Lines and columns of the data from the window of one phase to that of the next.

``padding`` is what the windows reach over the data; the weights are [height, width, inputs of a
group, phases down * phases across * outputs].
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ...ir.nodes import AttributeValue
from .graph import Step, Tensor

__all__ = ["in_phases", "kernel_of"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Axis:
    """The phases along an axis.

    Attributes
    ----------
    stride : int
    extent : int
        Of the result, that of all phases rounded up to the longest.
    before, after : int
        Elements that windows reach over the data.
    shift : int
        Elements of the data from the window of one phase to that of the next.
    places : tuple of tuples
        By phase and place in its window: where its weight stands in the kernel, if it has one.
    """

    stride: int
    extent: int
    before: int
    after: int
    shift: int
    places: tuple[tuple[int | None, ...], ...]


def in_phases(step: Step) -> list[Step] | None:
    """Return the steps that are a transposed convolution; None if phases gain nothing."""
    data, weight = step.operands[:2]
    result = step.result
    assert isinstance(data, Tensor) and isinstance(weight, Tensor) and isinstance(result, Tensor)
    attrs = step.attrs
    layout, source = str(attrs["data_layout"]), str(attrs["kernel_layout"])
    groups = cast(int, attrs["groups"])
    strides = cast(tuple[int, int], attrs["strides"])
    is_depthwise = groups > 1 and data.shape[layout.index("C")] == groups
    plain = step.name == "nn.conv2d_transpose" and data.dtype.startswith("float")
    if not plain or step.is_open or weight.constant is None or is_depthwise or max(strides) == 1:
        return None
    if cast(tuple[int, int], attrs["dilation"]) != (1, 1):
        return None
    padding = cast(tuple[int, ...], attrs["padding"])
    axes = [
        _axis(result.shape[layout.index(letter)], data.shape[layout.index(letter)], size, *how)
        for letter, size, how in zip(
            "HW",
            (weight.shape[source.index(letter)] for letter in "HW"),
            zip(strides, padding[:2], strict=True),
            strict=True,
        )
    ]
    if any(one.before < 0 for one in axes):
        return None
    down, across = axes
    kernel = _by_phases(kernel_of(weight, source, groups), down, across)
    changed: dict[str, AttributeValue] = {
        "data_layout": layout,
        "groups": groups,
        "padding": (down.before, across.before, down.after, across.after),
        "phases": (down.stride, across.stride),
        "shifts": (down.shift, across.shift),
    }
    full = {"H": down.extent, "W": across.extent}
    shape = tuple(full.get(name, size) for name, size in zip(layout, result.shape, strict=True))
    whole = result if shape == result.shape else Tensor(shape, result.dtype)
    operands = data, Tensor(kernel.shape, weight.dtype, constant=kernel)
    steps = [Step("conv2d_phases", changed, operands, whole, step.span, (step,))]
    return steps if whole is result else [*steps, _first_of(whole, result, step)]


def _first_of(whole: Tensor, result: Tensor, step: Step) -> Step:
    """Return the step that takes the first lines and columns."""
    attrs: dict[str, AttributeValue] = {
        "begin": (0,) * len(result.shape),
        "end": result.shape,
        "strides": (1,) * len(result.shape),
        "slice_mode": "end",
        "axes": None,
    }
    return Step("strided_slice", attrs, (whole,), result, step.span)


def kernel_of(weight: Tensor, source: str, groups: int) -> Array:
    """Return the weights of a transposed convolution as [h, w, inputs of a group, outputs]."""
    assert weight.constant is not None
    kernel = weight.constant.transpose([source.index(letter) for letter in "HWIO"])
    height, width, inputs, outputs = kernel.shape
    parted = kernel.reshape(height, width, groups, inputs // groups, outputs)
    moved = np.moveaxis(parted, 2, 3)
    return moved.reshape(height, width, inputs // groups, groups * outputs)


def _axis(extent: int, size: int, kernel: int, stride: int, padding: int) -> _Axis:
    """Return the phases along an axis of the result.

    Parameters
    ----------
    extent, size, kernel : int
        Of result, data and window.
    stride, padding : int
        The latter is what is left out before the result.
    """
    # Where the last element of each window lies, counted from the place of the result in its phase.
    ends = [(phase + padding) // stride for phase in range(stride)]
    taps = width = -(-kernel // stride)
    steps = {later - sooner for sooner, later in pairwise(ends)} or {0}
    shift = min(steps)
    if len(steps) > 1:
        # Windows that do not follow each other evenly become one that holds them all.
        shift, width = 0, taps + ends[-1] - ends[0]
    first = ends[0] - (taps - 1)

    def place(phase: int, tap: int) -> int | None:
        at = phase + padding - stride * (first + shift * phase + tap)
        return at if 0 <= at < kernel else None

    longest = -(-extent // stride)
    last = longest - 1 + first + shift * (stride - 1) + width - 1
    return _Axis(
        stride,
        longest * stride,
        -first,
        max(0, last - (size - 1)),
        shift,
        tuple(tuple(place(phase, tap) for tap in range(width)) for phase in range(stride)),
    )


def _by_phases(kernel: Array, down: _Axis, across: _Axis) -> Array:
    """Return weights [height, width, inputs, phases down * phases across * outputs]."""
    inputs, outputs = kernel.shape[2:]
    sizes = len(down.places[0]), len(across.places[0])
    found = np.zeros((*sizes, inputs, down.stride, across.stride, outputs), kernel.dtype)
    for row, lines in enumerate(down.places):
        for column, pixels in enumerate(across.places):
            for y, line in enumerate(lines):
                for x, pixel in enumerate(pixels):
                    if line is not None and pixel is not None:
                        found[y, x, :, row, column] = kernel[line, pixel]
    return found.reshape(*sizes, inputs, -1)
