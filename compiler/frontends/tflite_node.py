"""What a converter sees of a TFLite operator, and the checks that converters share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ImportFailed, Unsupported
from ..ir import Expr, Span
from .common import Array
from .normal_form import Quantization
from .tflite_file import TfliteTensor

__all__ = ["ACTIVATION_BOUNDS", "TfliteNode"]

# ActivationFunctionType: what a fused activation clamps a layer's result to.
ACTIVATION_BOUNDS: Mapping[int, tuple[float | None, float | None]] = {
    0: (None, None),
    1: (0.0, None),
    2: (-1.0, 1.0),
    3: (0.0, 6.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class TfliteNode:
    """An operator with its tensors, and the expressions of those made so far.

    Attributes
    ----------
    kind : str
    inputs : tuple of TfliteTensor or None
        None for an optional input left out.
    values : tuple of Expr or None
        Of the inputs; constants are `Constant`s.
    output : TfliteTensor
    options : Mapping
    span : Span
    """

    kind: str
    inputs: tuple[TfliteTensor | None, ...]
    values: tuple[Expr | None, ...]
    output: TfliteTensor
    options: Mapping[str, Any]
    span: Span

    def tensor(self, number: int) -> TfliteTensor:
        """Return input `number`, which must be there."""
        tensor = self.inputs[number] if number < len(self.inputs) else None
        if tensor is None:
            raise ImportFailed(f"input {number} is missing; convert the network again", self.span)
        return tensor

    def value(self, number: int) -> Expr:
        """Return the expression of input `number`, which must be there."""
        tensor, value = self.tensor(number), self.values[number]
        if value is None:
            raise Unsupported(
                f"data type {tensor.dtype} of '{tensor.name}' is not supported; "
                "the nearest supported ones are INT8 and FLOAT32",
                self.span,
            )
        return value

    def constant(self, number: int, what: str, rank: int) -> Array:
        """Return the value of input `number`, which must be a constant of `rank` axes."""
        tensor = self.tensor(number)
        if tensor.value is None:
            raise Unsupported(
                f"{what} '{tensor.name}' must be a constant, not computed; "
                "fold or freeze it when converting",
                self.span,
            )
        if tensor.value.ndim != rank:
            raise ImportFailed(
                f"{what} '{tensor.name}' must have {rank} axes, not {tensor.value.ndim}; "
                "convert the network again",
                self.span,
            )
        return tensor.value

    def has_input(self, number: int) -> bool:
        """Return whether optional input `number` is there."""
        return number < len(self.inputs) and self.inputs[number] is not None

    def image(self, number: int) -> tuple[int, int, int, int]:
        """Return the shape [n, h, w, c] of input `number`."""
        tensor = self.tensor(number)
        if len(tensor.shape) != 4:
            raise Unsupported(
                f"tensor '{tensor.name}' must have 4 axes (NHWC), not {len(tensor.shape)}; "
                "reshape it before",
                self.span,
            )
        n, h, w, c = tensor.shape
        return n, h, w, c

    def require_dtypes(self, dtype: str, *numbers: int) -> None:
        """Raise Unsupported unless the output and these inputs are of one data type."""
        for tensor in (*(self.tensor(number) for number in numbers), self.output):
            if tensor.dtype != dtype:
                raise Unsupported(
                    f"{tensor.dtype} tensor '{tensor.name}' beside {dtype} ones is not supported; "
                    f"the nearest supported form is {dtype} throughout: convert with full integer "
                    "quantisation, or with none",
                    self.span,
                )

    def bias(self, number: int, channels: int, dtype: str) -> Array:
        """Return the optional bias in input `number`, zeros where there is none."""
        numpy_type = np.dtype("int32" if dtype == "INT32" else "float32")
        if not self.has_input(number):
            return np.zeros(channels, numpy_type)
        tensor = self.tensor(number)
        if tensor.dtype != dtype:
            raise Unsupported(
                f"{tensor.dtype} bias '{tensor.name}' is not supported; "
                f"the nearest supported one is {dtype}",
                self.span,
            )
        bias = self.constant(number, "bias", 1)
        if len(bias) != channels:
            raise ImportFailed(
                f"bias '{tensor.name}' must have {channels} elements, one a channel, "
                f"not {len(bias)}; convert the network again",
                self.span,
            )
        return bias

    def quantization(self, tensor: TfliteTensor) -> Quantization:
        """Return the one scale and zero point of an int8 activation."""
        scales, points = self._parameters(tensor)
        if len(scales) != 1:
            raise Unsupported(
                f"activation '{tensor.name}' must have one scale, not {len(scales)}; "
                "quantise activations per tensor",
                self.span,
            )
        return Quantization(scales.reshape(()), int(points[0]))

    def weight_quantization(self, number: int, axis: int) -> Quantization:
        """Return the scales of a weight: one, or one for each index of `axis`."""
        tensor = self.tensor(number)
        scales, points = self._parameters(tensor)
        if points.any():
            raise Unsupported(
                f"weight '{tensor.name}' must have zero point 0, not {int(points[points != 0][0])};"
                " the nearest supported form is symmetric int8 weights",
                self.span,
            )
        if len(scales) == 1:
            return Quantization(scales.reshape(()), 0)
        if tensor.axis != axis or len(scales) != tensor.shape[axis]:
            raise Unsupported(
                f"weight '{tensor.name}' must have one scale, or {tensor.shape[axis]} along axis "
                f"{axis} (its output channels), not {len(scales)} along axis {tensor.axis}",
                self.span,
            )
        return Quantization(scales, 0)

    def _parameters(
        self, tensor: TfliteTensor
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Return a tensor's scales and zero points, checked."""
        if tensor.scale is None or tensor.zero_point is None:
            raise ImportFailed(
                f"{tensor.dtype} tensor '{tensor.name}' must have quantisation parameters (a scale "
                "and a zero point); convert with full integer quantisation",
                self.span,
            )
        if len(tensor.scale) != len(tensor.zero_point):
            raise ImportFailed(
                f"tensor '{tensor.name}' must have as many zero points as scales, not "
                f"{len(tensor.zero_point)} and {len(tensor.scale)}; convert the network again",
                self.span,
            )
        for scale, point in zip(tensor.scale, tensor.zero_point, strict=True):
            if not (np.isfinite(scale) and scale > 0 and -128 <= point <= 127):
                raise ImportFailed(
                    f"tensor '{tensor.name}' must have scales > 0 and zero points in -128..127, "
                    f"not {scale} and {point}; convert the network again",
                    self.span,
                )
        return tensor.scale.astype(np.float32), tensor.zero_point.astype(np.int64)

    def activation(self) -> tuple[float | None, float | None]:
        """Return the bounds that the fused activation clamps to."""
        number = self.options["FusedActivationFunction"]
        if number not in ACTIVATION_BOUNDS:
            name = {4: "TANH", 5: "SIGN_BIT"}.get(number, f"of kind {number}")
            raise Unsupported(
                f"a fused activation {name} is not supported; the nearest supported ones are RELU, "
                "RELU_N1_TO_1 and RELU6",
                self.span,
            )
        return ACTIVATION_BOUNDS[number]

    def window(self, size: tuple[int, int]) -> dict[str, tuple[int, ...]]:
        """Return strides, dilation and padding (top, left, bottom, right) of a sliding window.

        Source
        ------
        TensorFlow Lite, kernels/padding.h, ComputePaddingHeightWidth: SAME makes
        ceil(size / stride) windows; an odd rest of the padding goes to bottom and right.
        """
        strides = (self.options["StrideH"], self.options["StrideW"])
        dilation = (
            self.options.get("DilationHFactor", 1),
            self.options.get("DilationWFactor", 1),
        )
        if min(*strides, *dilation, *size) < 1:
            raise ImportFailed(
                f"strides {strides}, dilation {dilation} and window {size} must be >= 1; "
                "convert the network again",
                self.span,
            )
        padding = (0, 0, 0, 0)
        # Padding: 0 is SAME, 1 is VALID.
        if self.options["Padding"] == 0:
            _, height, width, _ = self.image(0)
            rests = [
                max((-(-extent // stride) - 1) * stride + (taps - 1) * step + 1 - extent, 0)
                for extent, stride, taps, step in zip(
                    (height, width), strides, size, dilation, strict=True
                )
            ]
            top, left = rests[0] // 2, rests[1] // 2
            padding = (top, left, rests[0] - top, rests[1] - left)
        return {"strides": strides, "dilation": dilation, "padding": padding}

    def convolution_form(self) -> tuple[Array, dict[str, Any]]:
        """Return the kernel [h, w, i, o] of CONV_2D, whose weight is [o, h, w, i].

        Returns
        -------
        kernel : array
        attrs : dict
            Of Relay's conv2d: layouts, groups, window.
        """
        weight = self.constant(1, "weight", 4)
        _, height, width, per_group = weight.shape
        attrs = {
            "data_layout": "NHWC",
            "kernel_layout": "HWIO",
            "groups": max(self.image(0)[3] // max(per_group, 1), 1),
            **self.window((height, width)),
        }
        return np.ascontiguousarray(weight.transpose(1, 2, 3, 0)), attrs

    def depthwise_form(self) -> tuple[Array, dict[str, Any]]:
        """Return the kernel of DEPTHWISE_CONV_2D, whose weight is [1, h, w, inputs * multiplier].

        It is [h, w, o, 1]; with a multiplier over 1 it is a grouped convolution, [h, w, 1, o], and
        with one input channel therefore an ordinary one.

        Returns
        -------
        kernel, attrs : as of `convolution_form`
        """
        weight = self.constant(1, "weight", 4)
        _, height, width, channels = weight.shape
        inputs = self.image(0)[3]
        single = channels == inputs and inputs > 1
        attrs = {
            "data_layout": "NHWC",
            "kernel_layout": "HWOI" if single else "HWIO",
            "groups": inputs,
            **self.window((height, width)),
        }
        axes = (1, 2, 3, 0) if single else (1, 2, 0, 3)
        return np.ascontiguousarray(weight.transpose(axes)), attrs
