"""Writes a network layer by layer as float32 ONNX, as exporters do: batch normalisation folded."""

from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from .layers import Padding
from .writer import Writer

__all__ = ["FloatBuilder", "FloatTensor"]

# Variance of a sum after each activation, in that of its weights: half of what a ReLU gets is lost.
# Source: He et al., Delving Deep into Rectifiers, 2015, equation 10.
_GAIN = {"Relu": 2.0, "Clip": 2.0, None: 1.0}
_BIAS = 0.1


@dataclass(frozen=True)
class FloatTensor:
    """A float32 activation.

    Attributes
    ----------
    name : str
    shape : height, width, channels; or the length alone
    """

    name: str
    shape: tuple[int, ...]


class FloatBuilder:
    """A network under construction; every layer keeps the variance of what it gets.

    Parameters
    ----------
    name : str
    seed : int or None, of the weights; None makes a draft: all weights zero
    shape : of the input without the batch: channels, height, width
    """

    def __init__(self, name: str, seed: int | None, shape: tuple[int, int, int]) -> None:
        self._writer, self._input_shape = Writer(name), (1, *shape)
        self._generator = None if seed is None else np.random.default_rng(seed)
        self.macs = 0
        self.input = FloatTensor("image", (*shape[1:], shape[0]))

    def convolution(
        self,
        x: FloatTensor,
        channels: int,
        kernel: tuple[int, int] = (3, 3),
        stride: int = 1,
        padding: Padding = (1, 1, 1, 1),
        activation: str | None = "Relu",
        *,
        groups: int = 1,
    ) -> FloatTensor:
        """Return a convolution and its activation: Relu, Clip (to 0..6) or None."""
        shape = (channels, x.shape[2] // groups, *kernel)
        name = self._writer.node(
            "Conv",
            [x.name, *self._parameters(shape, activation)],
            kernel_shape=kernel,
            strides=(stride, stride),
            pads=padding,
            group=groups,
        )
        height, width = (
            (extent + before + after - taps) // stride + 1
            for extent, before, after, taps in zip(
                x.shape[:2], padding[:2], padding[2:], kernel, strict=True
            )
        )
        self.macs += height * width * prod(shape)
        return FloatTensor(self._activated(name, activation), (height, width, channels))

    def dense(self, x: FloatTensor, units: int, activation: str | None = None) -> FloatTensor:
        """Return a fully connected layer, of a flattened `x` if it is an image."""
        name, inputs = x.name, prod(x.shape)
        if len(x.shape) == 3:
            name = self._writer.node("Flatten", [name])
        parameters = self._parameters((units, inputs), activation)
        name = self._writer.node("Gemm", [name, *parameters], transB=1)
        self.macs += units * inputs
        return FloatTensor(self._activated(name, activation), (units,))

    def add(
        self, left: FloatTensor, right: FloatTensor, activation: str | None = None
    ) -> FloatTensor:
        """Return the sum of two tensors."""
        name = self._writer.node("Add", [left.name, right.name])
        return FloatTensor(self._activated(name, activation), left.shape)

    def max_pool(self, x: FloatTensor, size: int, stride: int, padding: int = 0) -> FloatTensor:
        """Return the largest value of each window."""
        name = self._writer.node(
            "MaxPool",
            [x.name],
            kernel_shape=(size, size),
            strides=(stride, stride),
            pads=(padding,) * 4,
        )
        height, width = ((extent + 2 * padding - size) // stride + 1 for extent in x.shape[:2])
        return FloatTensor(name, (height, width, x.shape[2]))

    def global_average(self, x: FloatTensor) -> FloatTensor:
        """Return the average of each channel, an image of one pixel."""
        return FloatTensor(self._writer.node("GlobalAveragePool", [x.name]), (1, 1, x.shape[2]))

    def model(self, result: FloatTensor) -> onnx.ModelProto:
        """Return the network that ends with `result`."""
        return self._writer.model(("image", self._input_shape), ("logits", (1, *result.shape)))

    def _activated(self, name: str, activation: str | None) -> str:
        if activation == "Relu":
            return self._writer.node("Relu", [name])
        if activation == "Clip":
            bounds = [self._writer.scalar("zero", 0.0), self._writer.scalar("six", 6.0)]
            return self._writer.node("Clip", [name, *bounds])
        return name

    def _parameters(self, shape: tuple[int, ...], activation: str | None) -> list[str]:
        """Write a weight of `shape`, outputs first, and a bias."""
        deviation = sqrt(_GAIN[activation] / prod(shape[1:]))
        return [
            self._writer.constant("weight", self._normal(shape, deviation)),
            self._writer.constant("bias", self._normal(shape[:1], _BIAS)),
        ]

    def _normal(self, shape: tuple[int, ...], deviation: float) -> npt.NDArray[Any]:
        if self._generator is None:
            return np.zeros(shape, np.float32)
        drawn = self._generator.standard_normal(shape, dtype=np.float32)
        return drawn * np.float32(deviation)
