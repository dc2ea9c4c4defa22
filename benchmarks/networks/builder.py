"""Writes a network layer by layer as ONNX in QDQ form, and runs each layer to choose its scales.

A layer's batch normalisation is folded as an exporter would: its weights are drawn as integers, the
sums they make of sample images are normalised to a drawn mean and deviation a channel, and both
become the scale of the channel's weights and its bias. So activations use the range of int8 in
every layer, however deep.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx

from .calibration import Int8, Real, convolve, depthwise, max_pool, multiply, normal_int8
from .layers import Padding
from .writer import Writer

__all__ = ["Builder", "Tensor"]

# Values of a channel that are enough to normalise it by; smaller images are drawn more often.
_SAMPLES = 64
# Deviation and mean that a channel is normalised to: between, and deviation of.
_GAMMA, _BETA = (0.75, 1.5), 0.4


@dataclass(frozen=True, eq=False)
class Tensor:
    """An int8 activation.

    Attributes
    ----------
    name : of the float32 value, dequantised
    values : int8[n, h, w, c], or int8[n, k], of the sample images
    scale, zero_point
    """

    name: str
    values: Int8
    scale: np.float32
    zero_point: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the extents without the batch, channels last."""
        return self.values.shape[1:]

    @property
    def steps(self) -> Real:
        """Return the values less their zero point."""
        return self.values.astype(np.float64) - self.zero_point

    @property
    def real(self) -> Real:
        """Return what the values stand for."""
        return self.steps * np.float64(self.scale)


class Builder:
    """A network under construction.

    Parameters
    ----------
    name : str
    seed : int or None, of weights, sample images and what channels are normalised to; None makes
        a draft: all weights zero, no samples, but every shape and the MACs as they are
    shape : of the input without the batch: channels, height, width; or its length alone
    reduction : how much smaller height and width get, in all: more samples for a larger one
    """

    def __init__(
        self, name: str, seed: int | None, shape: tuple[int, ...], reduction: int = 1
    ) -> None:
        self._writer, self._input_shape = Writer(name), (1, *shape)
        self._draft = seed is None
        self._generator = np.random.default_rng(seed)
        self.macs = 0
        smallest = prod(-(-size // reduction) for size in shape[1:])
        count = 0 if self._draft else max(1, -(-_SAMPLES // smallest))
        drawn = self._generator.integers(-128, 128, (count, *shape), dtype=np.int8)
        values = np.ascontiguousarray(np.moveaxis(drawn, 1, -1))
        # Floats of -1..1, what the measurements draw.
        self.input = self._quantized("image", values, np.float32(2 / 255), 0)

    def convolution(
        self,
        x: Tensor,
        channels: int,
        kernel: tuple[int, int] = (3, 3),
        stride: int = 1,
        padding: Padding = (1, 1, 1, 1),
        activation: str | None = "Relu",
        *,
        groups: int = 1,
    ) -> Tensor:
        """Return a convolution with folded batch normalisation and its activation.

        Parameters
        ----------
        activation : Relu, Clip (to 0..6) or None
        groups : 1, or the number of channels
        """
        inputs = x.values.shape[3]
        assert groups in (1, inputs), "neither dense nor depthwise"
        weight = self._weight((channels, inputs // groups, *kernel))
        top, left, bottom, right = padding
        padded = np.pad(x.steps, ((0, 0), (top, bottom), (left, right), (0, 0)))
        sums = (convolve if groups == 1 else depthwise)(padded, weight, stride)
        self.macs += sums.shape[1] * sums.shape[2] * weight.size
        return self._weighted(
            "Conv",
            x,
            weight,
            sums,
            activation,
            kernel_shape=kernel,
            strides=(stride, stride),
            pads=padding,
            group=groups,
        )

    def dense(self, x: Tensor, units: int, activation: str | None = None) -> Tensor:
        """Return a fully connected layer, of a flattened `x` if it is an image."""
        if x.values.ndim == 4:
            x = self._flattened(x)
        weight = self._weight((units, x.values.shape[1]))
        self.macs += weight.size
        sums = multiply(x.steps, weight)
        return self._weighted("Gemm", x, weight, sums, activation, transB=1)

    def add(self, left: Tensor, right: Tensor, activation: str | None = None) -> Tensor:
        """Return the sum of two tensors."""
        name = self._writer.node("Add", [left.name, right.name])
        return self._finished(name, left.real + right.real, activation)

    def max_pool(self, x: Tensor, size: int, stride: int, padding: int = 0) -> Tensor:
        """Return the largest value of each window."""
        margin = (padding, padding)
        padded = np.pad(x.values, ((0, 0), margin, margin, (0, 0)), constant_values=np.int8(-128))
        name = self._writer.node(
            "MaxPool",
            [x.name],
            kernel_shape=(size, size),
            strides=(stride, stride),
            pads=(padding,) * 4,
        )
        return self._quantized(name, max_pool(padded, size, stride), x.scale, x.zero_point)

    def global_average(self, x: Tensor) -> Tensor:
        """Return the average of each channel, an image of one pixel."""
        pixels = x.values.shape[1] * x.values.shape[2]
        # The sum of integers first, exact; the order of adding floats is the library's.
        mean = x.steps.sum(axis=(1, 2), keepdims=True) * np.float64(x.scale) / pixels
        return self._finished(self._writer.node("GlobalAveragePool", [x.name]), mean, None)

    def model(self, result: Tensor) -> onnx.ModelProto:
        """Return the network that ends with `result`, float32 outside."""
        shape = (1, *result.values.shape[1:])
        return self._writer.model(("image", self._input_shape), ("logits", shape))

    def _weight(self, shape: tuple[int, ...]) -> Int8:
        return np.zeros(shape, np.int8) if self._draft else normal_int8(self._generator, shape)

    def _weighted(
        self,
        kind: str,
        x: Tensor,
        weight: Int8,
        sums: Real,
        activation: str | None,
        **attributes: Any,
    ) -> Tensor:
        """Write Conv or Gemm: normalise its sums, and with them weight scales and bias."""
        scale, bias = self._normalisation(x, sums)
        unit = np.float64(x.scale) * scale.astype(np.float64)
        weight_name = self._dequantized(self._writer.constant("weight", weight), scale, 0, axis=0)
        bias_name = self._dequantized(
            self._writer.constant("bias", bias), unit.astype(np.float32), None, axis=0
        )
        name = self._writer.node(kind, [x.name, weight_name, bias_name], **attributes)
        return self._finished(name, (sums + bias) * unit, activation)

    def _normalisation(self, x: Tensor, sums: Real) -> tuple[Any, Any]:
        """Return weight scales float32[channels] and biases int32[channels].

        Vectors, of which each channel has but one value, are normalised as a whole.
        """
        channels = sums.shape[-1]
        axes = tuple(range(sums.ndim - 1)) if sums.ndim == 4 else None
        count = max(1, sums[..., 0].size if sums.ndim == 4 else sums.size)
        mean = sums.sum(axis=axes) / count
        # Integers again, so that their sum does not depend on the order of adding.
        squares = np.square(sums - np.rint(mean)).sum(axis=axes) / count
        deviation = np.sqrt(np.maximum(squares, 1.0))
        gamma = self._generator.uniform(*_GAMMA, channels)
        beta = self._generator.standard_normal(channels) * _BETA
        scale = (gamma / (deviation * np.float64(x.scale))).astype(np.float32)
        bias = np.rint(beta * deviation / gamma - mean).astype(np.int32)
        return scale, bias

    def _finished(self, name: str, real: Real, activation: str | None) -> Tensor:
        """Apply the activation to what node `name` makes, and quantise it over its range."""
        if activation == "Relu":
            name, real = self._writer.node("Relu", [name]), np.maximum(real, 0.0)
        elif activation == "Clip":
            bounds = [self._writer.scalar("zero", 0.0), self._writer.scalar("six", 6.0)]
            name, real = self._writer.node("Clip", [name, *bounds]), np.clip(real, 0.0, 6.0)
        low, high = float(real.min(initial=0.0)), float(real.max(initial=0.0))
        scale = np.float32((high - low) / 255 or 1.0)
        zero_point = int(np.clip(np.rint(-128 - low / np.float64(scale)), -128, 127))
        values = np.clip(np.rint(real / np.float64(scale)) + zero_point, -128, 127)
        return self._quantized(name, values.astype(np.int8), scale, zero_point)

    def _flattened(self, x: Tensor) -> Tensor:
        values = np.moveaxis(x.values, -1, 1).reshape(len(x.values), prod(x.values.shape[1:]))
        name = self._writer.node("Flatten", [x.name])
        return self._quantized(name, values, x.scale, x.zero_point)

    def _quantized(self, name: str, values: Int8, scale: np.float32, zero_point: int) -> Tensor:
        """Write QuantizeLinear and DequantizeLinear after the float32 value `name`."""
        parameters = self._parameters(scale, zero_point)
        integers = self._writer.node("QuantizeLinear", [name, *parameters])
        return Tensor(
            self._writer.node("DequantizeLinear", [integers, *parameters]),
            values,
            scale,
            zero_point,
        )

    def _dequantized(self, name: str, scale: Any, zero_point: int | None, axis: int) -> str:
        """Write DequantizeLinear after a constant with a scale for each channel."""
        inputs = [name, self._writer.constant("scale", scale)]
        if zero_point is not None:
            inputs.append(
                self._writer.constant("zero_point", np.full(len(scale), zero_point, np.int8))
            )
        return self._writer.node("DequantizeLinear", inputs, axis=axis)

    def _parameters(self, scale: np.float32, zero_point: int) -> list[str]:
        return [
            self._writer.constant("scale", np.asarray(scale, np.float32)),
            self._writer.constant("zero_point", np.asarray(zero_point, np.int8)),
        ]
