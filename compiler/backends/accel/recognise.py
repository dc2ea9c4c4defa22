"""Recognises what the machine computes in one layer: chains of Relay calls, read into integers.

One rule a layer: from the call that makes its int8 result back to its anchor. The partitioner asks
these rules what the accelerator takes; the backend builds layers with the same rules, so that what
is taken can always be built.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from isa.arithmetic import Rounding, wrap_int32

from ...ir import Call, Constant, Expr, Op, TensorType
from ...ops.elementwise import cast as cast_array
from ...ops.quantized import ADD_LEFT_SHIFT, add_parameters, requantize_parameters, rounding_of
from .layers import (
    Addition,
    Convolution,
    Depthwise,
    Layer,
    Output,
    Pool,
    Records,
    Rescale,
    Tensor,
    Window,
)
from .pooling import average_records
from .taps import tap_layout

__all__ = ["Recognised", "is_view", "recognise", "shape_of"]

# Operators that only give a tensor another shape.
_VIEWS = ("reshape", "nn.batch_flatten", "squeeze", "expand_dims")
# Where an operator has the zero points that must be int8: what a padding or a result is made of.
_ZERO_POINTS = {
    "qnn.conv2d": (2,),
    "qnn.dense": (2,),
    "qnn.requantize": (4,),
    "qnn.add": (3, 5, 7),
    "qnn.avg_pool2d": (2, 4),
}
# An operand of an addition, up to 255 times less than 2**22, leaves the sum within int32.
_MOST_ADD_SHIFT = 22
# Most pixels and bytes of a line, most lines: a load's fields have room for them and for padding.
_MOST_PIXELS, _MOST_LINE_BYTES = 1 << 15, 1 << 18

Build = Callable[[str, tuple[Tensor, ...], Tensor], Layer]


@dataclass(frozen=True)
class Recognised:
    """One layer found in a program.

    Attributes
    ----------
    calls : the calls that it covers, its result first, its anchor last
    operands : tensors that it reads, in the order of the layer's sources
    build : makes the layer from its name, the operands' tensors and its result's tensor
    """

    calls: tuple[Call, ...]
    operands: tuple[Expr, ...]
    build: Build


def recognise(root: Expr, uses: Mapping[int, int]) -> Recognised | None:
    """Return the layer whose result is `root`, None if the machine has none.

    Parameters
    ----------
    root : Expr, typed
    uses : for each node by id how often it is used; what a layer hides must be used once
    """
    if shape_of(root) is None:
        return None
    chain = _Chain(root, uses)
    low, high = chain.take_clip()
    rescaling = chain.take("qnn.requantize")
    if rescaling is not None:
        bias = chain.take("nn.bias_add")
        for name, rule in (("qnn.conv2d", _convolution), ("qnn.dense", _dense)):
            anchor = chain.take(name)
            if anchor is not None:
                return rule(chain, anchor, bias, rescaling, low, high)
        return None if bias is not None else _rescale(chain, rescaling, low, high)
    for name, alone in _ALONE.items():
        anchor = chain.take(name)
        if anchor is not None:
            return alone(chain, anchor, low, high)
    return _clamp(chain, low, high) if chain.calls else None


def shape_of(expr: Expr) -> tuple[int, int, int] | None:
    """Return height, width, channels of an int8 tensor that act can hold, None of any other."""
    kind = expr.type
    if not isinstance(kind, TensorType) or kind.dtype != "int8":
        return None
    shape = kind.shape
    if not all(isinstance(size, int) for size in shape) or 0 in shape:
        return None
    sizes = cast(tuple[int, ...], shape)
    if len(sizes) == 2:
        sizes = (1, 1, *sizes)
    if len(sizes) != 4 or sizes[0] != 1:
        return None
    _, height, width, channels = sizes
    if max(height, width) > _MOST_PIXELS or width * channels > _MOST_LINE_BYTES:
        return None
    return height, width, channels


def is_view(call: Call) -> bool:
    """Whether `call` is a reshape between shapes that act holds in the same way."""
    if not isinstance(call.op, Op) or call.op.name not in _VIEWS:
        return False
    before, after = shape_of(call.args[0]), shape_of(call)
    return before is not None and before == after and not isinstance(call.args[0], Constant)


class _Chain:
    """Walks from a result towards its anchor, over calls that nobody else uses."""

    def __init__(self, root: Expr, uses: Mapping[int, int]) -> None:
        self.next, self.uses = root, uses
        self.calls: list[Call] = []

    def take(self, name: str) -> Call | None:
        """Step over the next call if it is of operator `name` and its data is hidden behind it."""
        call = self.next
        if not isinstance(call, Call) or not isinstance(call.op, Op) or call.op.name != name:
            return None
        if self.calls and self.uses[id(call)] > 1:
            return None
        self.calls.append(call)
        self.next = call.args[0]
        return call

    def take_clip(self) -> tuple[int, int]:
        """Step over a clip; return its limits within int8."""
        call = self.take("clip")
        if call is None:
            return -128, 127
        bounds = cast(float, call.attrs["a_min"]), cast(float, call.attrs["a_max"])
        low, high = (int(cast_array(np.asarray(bound), "int8")) for bound in bounds)
        return low, high

    def found(self, build: Build, *operands: Expr) -> Recognised | None:
        """Return the layer, if its operands are tensors that act can hold."""
        if any(shape_of(item) is None or isinstance(item, Constant) for item in operands):
            return None
        if not all(_has_int8_zero_points(call) for call in self.calls):
            return None
        return Recognised(tuple(self.calls), operands, build)


def _has_int8_zero_points(call: Call) -> bool:
    """Whether the zero points of `call`, constants, are int8."""
    places = _ZERO_POINTS.get(cast(Op, call.op).name, ())
    return all(-128 <= int(cast(Constant, call.args[place]).value) <= 127 for place in places)


def _is_last_axis(call: Call) -> bool:
    """Whether the attribute `axis` of `call` names the channels."""
    kind = cast(TensorType, call.type)
    return cast(int, call.attrs["axis"]) % len(kind.shape) == len(kind.shape) - 1


def _value(expr: Expr) -> npt.NDArray[np.generic] | None:
    return expr.value if isinstance(expr, Constant) else None


def _values(*exprs: Expr) -> list[npt.NDArray[np.generic]] | None:
    found = [_value(expr) for expr in exprs]
    return (
        None if any(item is None for item in found) else cast(list[npt.NDArray[np.generic]], found)
    )


def _output(rescaling: Call, low: int, high: int) -> Output:
    return Output(int(cast(Constant, rescaling.args[4]).value), low, high)


def _window(call: Call, kernel: tuple[int, int], fill: int) -> Window:
    attrs = call.attrs
    top, left, bottom, right = cast(tuple[int, int, int, int], attrs["padding"])
    return Window(
        kernel,
        cast(tuple[int, int], attrs["strides"]),
        cast(tuple[int, int], attrs["dilation"]),
        top,
        left,
        bottom,
        right,
        fill,
    )


def _records(rescaling: Call, bias: npt.NDArray[np.generic], channels: int) -> Records | None:
    """Return the records of a requantisation along the channels of an int32 sum."""
    values = _values(*rescaling.args[1:])
    if values is None or np.any(values[1] != 0):
        return None
    if values[0].size > 1 and not _is_last_axis(rescaling):
        return None
    multiplier, shift = requantize_parameters(values[0], values[2])
    return Records(
        wrap_int32(np.broadcast_to(bias, (channels,))),
        np.broadcast_to(multiplier, (channels,)),
        np.broadcast_to(shift, (channels,)),
        rounding_of(rescaling.attrs),
    )


def _bias(
    call: Call | None, weight: npt.NDArray[np.generic], zero_point: int
) -> npt.NDArray[np.generic] | None:
    """Return the bias of each output channel less what the input's zero point adds to the sum."""
    sums = weight.reshape(-1, weight.shape[-1]).sum(axis=0, dtype=np.int64)
    correction: npt.NDArray[np.generic] = -zero_point * sums
    if call is None:
        return correction
    value = _value(call.args[1])
    return np.add(correction, value) if value is not None and _is_last_axis(call) else None


def _convolution(
    chain: _Chain, anchor: Call, bias: Call | None, rescaling: Call, low: int, high: int
) -> Recognised | None:
    data, *rest = anchor.args
    values = _values(*rest)
    if values is None or shape_of(data) is None:
        return None
    weight, in_zero_point, weight_zero_point = values[:3]
    attrs, channels = anchor.attrs, cast(tuple[int, int, int], shape_of(data))[2]
    groups, layout = attrs["groups"], attrs["kernel_layout"]
    if attrs["data_layout"] != "NHWC" or weight.dtype != np.int8 or np.any(weight_zero_point != 0):
        return None
    depthwise = groups == channels and channels > 1
    if depthwise and layout == "HWOI" and weight.shape[3] == 1:
        kernel = weight[..., 0]
    elif groups == 1 and layout == "HWIO":
        kernel = weight
    else:
        return None
    zero_point = int(in_zero_point)
    full_bias = _bias(bias, kernel, zero_point)
    outputs = kernel.shape[-1]
    records = None if full_bias is None else _records(rescaling, full_bias, outputs)
    if records is None or (depthwise and outputs != channels):
        return None
    window = _window(anchor, cast(tuple[int, int], weight.shape[:2]), zero_point)
    if depthwise and tap_layout(window) is None:
        return None
    output = _output(rescaling, low, high)
    kind = Depthwise if depthwise else Convolution
    return chain.found(
        lambda name, sources, target: kind(
            name, sources, target, window, kernel.astype(np.int8, copy=False), records, output
        ),
        data,
    )


def _dense(
    chain: _Chain, anchor: Call, bias: Call | None, rescaling: Call, low: int, high: int
) -> Recognised | None:
    data, *rest = anchor.args
    values = _values(*rest)
    if values is None or shape_of(data) is None:
        return None
    weight, in_zero_point, weight_zero_point = values[:3]
    if weight.dtype != np.int8 or np.any(weight_zero_point != 0):
        return None
    kernel = weight.T[None, None]
    full_bias = _bias(bias, kernel, int(in_zero_point))
    records = None if full_bias is None else _records(rescaling, full_bias, kernel.shape[-1])
    if records is None:
        return None
    output = _output(rescaling, low, high)
    return chain.found(
        lambda name, sources, target: Convolution(
            name, sources, target, Window(), np.ascontiguousarray(kernel), records, output, "dense"
        ),
        data,
    )


def _single(bias: int, multiplier: object, shift: object, rounding: Rounding, pre: int) -> Records:
    return Records(
        np.full(1, bias, np.int32),
        np.asarray(multiplier, np.int32).reshape(1),
        np.asarray(shift, np.int8).reshape(1),
        rounding,
        pre,
    )


def _rescale(chain: _Chain, call: Call, low: int, high: int) -> Recognised | None:
    values = _values(*call.args[1:])
    if values is None or any(value.size != 1 for value in values):
        return None
    multiplier, shift = requantize_parameters(values[0], values[2])
    records = _single(-int(values[1]), multiplier, shift, rounding_of(call.attrs), 0)
    output = _output(call, low, high)
    return chain.found(
        lambda name, sources, target: Rescale(name, sources, target, records, output),
        call.args[0],
    )


def _clamp(chain: _Chain, low: int, high: int) -> Recognised | None:
    output = Output(0, low, high)
    return chain.found(
        lambda name, sources, target: Rescale(name, sources, target, None, output, "clip"),
        chain.next,
    )


def _addition(chain: _Chain, call: Call, low: int, high: int) -> Recognised | None:
    values = _values(*call.args[2:])
    shapes = {shape_of(item) for item in (call, *call.args[:2])}
    if values is None or len(shapes) != 1:
        return None
    scales = values[0], values[2], values[4]
    zero_points = int(values[1]), int(values[3]), int(values[5])
    rounding = rounding_of(call.attrs)
    if rounding == Rounding.TFLITE:
        parameters = add_parameters(*scales)
        pairs, pre = [parameters[:2], parameters[2:4]], ADD_LEFT_SHIFT
        total = _single(0, *parameters[4:], rounding, 0)
    else:
        pairs, pre = [requantize_parameters(scale, scales[2]) for scale in scales[:2]], 0
        total = None
        if max(int(shift) for _, shift in pairs) > _MOST_ADD_SHIFT:
            return None
    left, right = (
        _single(-zero_point, *pair, rounding, pre)
        for zero_point, pair in zip(zero_points[:2], pairs, strict=True)
    )
    output = Output(zero_points[2], low, high)
    return chain.found(
        lambda name, sources, target: Addition(name, sources, target, left, right, total, output),
        *call.args[:2],
    )


def _average(chain: _Chain, call: Call, low: int, high: int) -> Recognised | None:
    values = _values(*call.args[1:])
    kernel = cast(tuple[int, int], call.attrs["pool_size"])
    window = _window(call, kernel, 0)
    if values is None or window.padded or call.attrs["layout"] != "NHWC" or call.attrs["ceil_mode"]:
        return None
    in_scale, in_zero_point, out_scale, out_zero_point = values
    same = in_scale == out_scale and in_zero_point == out_zero_point
    if rounding_of(call.attrs) == Rounding.TFLITE and not same:
        return None
    records = average_records(
        kernel[0] * kernel[1],
        (in_scale, int(in_zero_point)),
        out_scale,
        rounding_of(call.attrs),
    )
    if records is None:
        return None
    zero_point = 0 if rounding_of(call.attrs) == Rounding.TFLITE else int(out_zero_point)
    output = Output(zero_point, low, high)
    return chain.found(
        lambda name, sources, target: Pool(
            name, sources, target, window, "add", records, output, "avg_pool2d"
        ),
        call.args[0],
    )


def _maximum(chain: _Chain, call: Call, low: int, high: int) -> Recognised | None:
    if call.attrs["layout"] != "NHWC" or call.attrs["ceil_mode"]:
        return None
    window = _window(call, cast(tuple[int, int], call.attrs["pool_size"]), -128)
    return chain.found(
        lambda name, sources, target: Pool(
            name, sources, target, window, "maximum", None, Output(0, low, high), "max_pool2d"
        ),
        call.args[0],
    )


_ALONE = {
    "qnn.add": _addition,
    "qnn.avg_pool2d": _average,
    "nn.max_pool2d": _maximum,
}
