"""Convolutions and pools over one axis, and transposed convolutions, as those that have kernels."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

import numpy as np

from ...ir.nodes import AttributeValue
from ...ops.convolution import KERNEL_LAYOUTS
from .graph import Step, Tensor
from .transposed import in_phases, kernel_of

__all__ = ["PLAINER"]


def _tensors(step: Step) -> tuple[list[Tensor], Tensor]:
    """Return the operands and the result of a step, all tensors."""
    operands = [one for one in step.operands if isinstance(one, Tensor)]
    assert len(operands) == len(step.operands) and isinstance(step.result, Tensor)
    return operands, step.result


def _viewed(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor with another shape."""
    if tensor.constant is not None:
        return Tensor(shape, tensor.dtype, constant=tensor.constant.reshape(shape))
    return Tensor(shape, tensor.dtype, base=tensor)


def _with_line(tensor: Tensor, layout: str) -> Tensor:
    """Return a tensor with an axis of size 1 before its axis W."""
    place = layout.index("W")
    return _viewed(tensor, (*tensor.shape[:place], 1, *tensor.shape[place:]))


def _pair(attrs: Mapping[str, AttributeValue], name: str, first: int) -> tuple[int, int]:
    """Return an attribute of one axis with `first` for the axis before it."""
    (value,) = cast(tuple[int], attrs[name])
    return first, value


def _of_one_axis(name: str, layout_name: str, window: str) -> Callable[[Step], list[Step]]:
    """Return the expansion of an operator over W to the one over H and W, `name`.

    ``y[n, c, w] = f(x[n, c, w])  ->  y[n, c, 1, w] = f(x[n, c, 1, w])``
    """

    def expand(step: Step) -> list[Step]:
        operands, result = _tensors(step)
        attrs = dict(step.attrs)
        layout = str(attrs[layout_name])
        kernel = str(attrs.get("kernel_layout", "W")).replace("W", "HW")
        takes = kernel in KERNEL_LAYOUTS and operands[0].dtype != "bool"
        if "kernel_layout" in attrs and not takes:
            return [step]
        left, right = cast(tuple[int, int], attrs["padding"])
        attrs |= {
            layout_name: layout.replace("W", "HW"),
            "out_layout": "",
            "padding": (0, left, 0, right),
            "strides": _pair(attrs, "strides", 1),
            "dilation": _pair(attrs, "dilation", 1),
        }
        if attrs.get(window) is not None:
            attrs[window] = _pair(attrs, window, 1)
        data = _with_line(operands[0], layout)
        rest = operands[1:]
        if "kernel_layout" in attrs:
            rest = [_with_line(rest[0], str(attrs["kernel_layout"])), *rest[1:]]
            attrs["kernel_layout"] = kernel
        place = layout.index("W")
        wide = Tensor((*result.shape[:place], 1, *result.shape[place:]), result.dtype)
        result.base = wide
        return [Step(name, attrs, (data, *rest), wide, step.span)]

    return expand


def _transposed(step: Step) -> list[Step]:
    """``y = conv2d_transpose(x, w)  ->  y = conv2d(dilate(x, strides), flip(w))``, or its phases.

    What lies between the elements of x, and around them, is 0: of quantised data the zero point.
    """
    phased = in_phases(step)
    if phased is not None:
        return phased
    operands, result = _tensors(step)
    data, weight = operands[:2]
    attrs, quantized = step.attrs, step.name.startswith("qnn.")
    source, layout = str(attrs["kernel_layout"]), str(attrs["data_layout"])
    spans = [
        (weight.shape[source.index(letter)] - 1) * dilation
        for letter, dilation in zip("HW", cast(tuple[int, int], attrs["dilation"]), strict=True)
    ]
    padding = cast(tuple[int, int, int, int], attrs["padding"])
    extra = cast(tuple[int, int], attrs["output_padding"])
    around = tuple(
        spans[side % 2] - padding[side] + (extra[side % 2] if side > 1 else 0) for side in range(4)
    )
    points = operands[2:4]
    known = weight.constant is not None and all(one.constant is not None for one in points)
    plain = data.dtype != "bool" and (not points or points[1].shape == () or attrs["groups"] == 1)
    if not (known and plain) or min(around) < 0:
        return [step]
    steps: list[Step] = []
    strides = cast(tuple[int, int], attrs["strides"])
    if max(strides) > 1:
        by = {"N": 1, "C": 1, "H": strides[0], "W": strides[1]}
        sizes = zip(layout, data.shape, strict=True)
        spread = Tensor(tuple((size - 1) * by[name] + 1 for name, size in sizes), data.dtype)
        fill = 0.0 if not quantized else float(cast(np.ndarray, points[0].constant).item())
        steps.append(
            Step(
                "nn.dilate",
                {"strides": tuple(by[name] for name in layout), "dilation_value": fill},
                (data,),
                spread,
                step.span,
            )
        )
        data = spread
    window = np.flip(kernel_of(weight, source, cast(int, attrs["groups"])), (0, 1))
    kernel = Tensor(window.shape, weight.dtype, constant=np.ascontiguousarray(window))
    changed: dict[str, AttributeValue] = {
        **{name: value for name, value in attrs.items() if name != "output_padding"},
        "strides": (1, 1),
        "padding": around,
        "kernel_layout": "HWIO",
    }
    name = step.name.replace("_transpose", "")
    return [*steps, Step(name, changed, (data, kernel, *operands[2:]), result, step.span)]


def _transposed_line(step: Step) -> list[Step]:
    """A transposed convolution over one axis, as one over two if that has a kernel."""
    operands, result = _tensors(step)
    kernel = str(step.attrs["kernel_layout"])
    layout = str(step.attrs["data_layout"])
    place = layout.index("W")
    wide = Tensor((*result.shape[:place], 1, *result.shape[place:]), result.dtype)
    left, right = cast(tuple[int, int], step.attrs["padding"])
    attrs: dict[str, AttributeValue] = {
        **step.attrs,
        "data_layout": layout.replace("W", "HW"),
        "kernel_layout": kernel.replace("W", "HW"),
        "padding": (0, left, 0, right),
        "strides": _pair(step.attrs, "strides", 1),
        "dilation": _pair(step.attrs, "dilation", 1),
        "output_padding": _pair(step.attrs, "output_padding", 0),
        "kernel_size": None,
    }
    lines = (_with_line(operands[0], layout), _with_line(operands[1], kernel))
    found = _transposed(Step("nn.conv2d_transpose", attrs, lines, wide, step.span))
    if found[-1].name == "nn.conv2d_transpose":
        return [step]
    result.base = wide
    return found


PLAINER: Mapping[str, Callable[[Step], list[Step]]] = MappingProxyType(
    {
        "nn.avg_pool1d": _of_one_axis("nn.avg_pool2d", "layout", "pool_size"),
        "nn.conv1d": _of_one_axis("nn.conv2d", "data_layout", "kernel_size"),
        "nn.conv1d_transpose": _transposed_line,
        "nn.conv2d_transpose": _transposed,
        "nn.max_pool1d": _of_one_axis("nn.max_pool2d", "layout", "pool_size"),
        "qnn.conv2d_transpose": _transposed,
    }
)
"""From an operator's name to what takes its steps apart; a step that must stay comes back."""
