"""What a network of published shape is written in: layers, whatever numbers they compute with."""

from typing import Protocol, TypeVar

import onnx

__all__ = ["Activation", "Layers", "Padding", "T"]

# Top, left, bottom, right.
Padding = tuple[int, int, int, int]


class Activation(Protocol):
    """What a layer makes."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents without the batch: height, width, channels; or the length alone."""


T = TypeVar("T", bound=Activation)


class Layers(Protocol[T]):
    """Writes a network layer by layer; `builder.Builder` in int8, `float_builder` in float32.

    Attributes
    ----------
    input : the image
    macs : multiplications so far
    """

    input: T
    macs: int

    def convolution(
        self,
        x: T,
        channels: int,
        kernel: tuple[int, int] = (3, 3),
        stride: int = 1,
        padding: Padding = (1, 1, 1, 1),
        activation: str | None = "Relu",
        *,
        groups: int = 1,
    ) -> T:
        """Return a convolution and its activation: Relu, Clip (to 0..6) or None."""

    def dense(self, x: T, units: int, activation: str | None = None) -> T:
        """Return a fully connected layer, of a flattened `x` if it is an image."""

    def add(self, left: T, right: T, activation: str | None = None) -> T:
        """Return the sum of two tensors."""

    def max_pool(self, x: T, size: int, stride: int, padding: int = 0) -> T:
        """Return the largest value of each window."""

    def global_average(self, x: T) -> T:
        """Return the average of each channel, an image of one pixel."""

    def model(self, result: T) -> onnx.ModelProto:
        """Return the network that ends with `result`, float32 outside."""
