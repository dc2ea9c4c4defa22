"""What the accelerator's backend compiles: tensors, and layers with their integer parameters.

::

    Graph ::= inputs, layers in order, outputs
    Layer ::= Convolution | Depthwise | Addition | Pool | Rescale

The level below Relay: no scales, no expressions, only integers, shapes and names. Every layer has a
name, the tensors that it reads, the one that it writes, and how its results become int8. A fully
connected layer is a Convolution of one pixel; a reshape that moves no data is no layer at all.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from isa.arithmetic import Rounding

__all__ = [
    "Addition",
    "Convolution",
    "Depthwise",
    "Graph",
    "Layer",
    "Output",
    "Pool",
    "Records",
    "Rescale",
    "Tensor",
    "Window",
    "macs",
]

Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Tensor:
    """An int8 tensor of height x width pixels with `channels` channels each.

    Attributes
    ----------
    index : int, its identity in the graph
    height, width, channels : int
    """

    index: int
    height: int
    width: int
    channels: int

    @property
    def bytes(self) -> int:
        """Size in DRAM."""
        return self.height * self.width * self.channels


@dataclass(frozen=True)
class Records:
    """Requantisation per channel: requantize((x + bias) << pre_shift, multiplier, shift).

    Attributes
    ----------
    bias, multiplier : int32[channels]
    shift : int8[channels], in -31..31
    rounding : Rounding
    pre_shift : int, in 0..31
    """

    bias: Int32
    multiplier: Int32
    shift: Int8
    rounding: Rounding
    pre_shift: int = 0

    def select(self, start: int, stop: int) -> "Records":
        """Return the records of channels start..stop - 1."""
        part = slice(start, stop)
        return replace(
            self, bias=self.bias[part], multiplier=self.multiplier[part], shift=self.shift[part]
        )


@dataclass(frozen=True)
class Output:
    """How a result becomes int8: clamp(x + zero_point, low, high)."""

    zero_point: int
    low: int = -128
    high: int = 127


@dataclass(frozen=True)
class Window:
    """A window that slides over height and width.

    Attributes
    ----------
    kernel, stride, dilation : (int, int), over height and width
    top, left, bottom, right : int, padding in pixels
    fill : int, value of the padding
    """

    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0
    fill: int = 0

    @property
    def padded(self) -> bool:
        """Whether any padding is there."""
        return bool(self.top or self.left or self.bottom or self.right)


@dataclass(frozen=True)
class Convolution:
    """Convolution of all input channels; weight : int8[kh, kw, input channels, output channels].

    `edges` are the records of the first and of the last pixel of a line, where these differ.
    """

    name: str
    sources: tuple[Tensor, ...]
    target: Tensor
    window: Window
    weight: Int8
    records: Records
    output: Output
    operator: str = "conv2d"
    edges: tuple[Records, Records] | None = None


@dataclass(frozen=True)
class Depthwise:
    """Convolution of each channel with itself; weight : int8[kh, kw, channels]."""

    name: str
    sources: tuple[Tensor, ...]
    target: Tensor
    window: Window
    weight: Int8
    records: Records
    output: Output
    operator: str = "depthwise_conv2d"


@dataclass(frozen=True)
class Addition:
    """Sum of two rescaled tensors; the records have one channel; `records` None adds as it is."""

    name: str
    sources: tuple[Tensor, ...]
    target: Tensor
    left_records: Records
    right_records: Records
    records: Records | None
    output: Output
    operator: str = "add"


@dataclass(frozen=True)
class Pool:
    """Sum, rescaled by records of one channel, or maximum of a window; `records` None: as it is."""

    name: str
    sources: tuple[Tensor, ...]
    target: Tensor
    window: Window
    reduction: Literal["add", "maximum"]
    records: Records | None
    output: Output
    operator: str = "pool2d"


@dataclass(frozen=True)
class Rescale:
    """Element by element: requantised by records of one channel, or clamped as it is."""

    name: str
    sources: tuple[Tensor, ...]
    target: Tensor
    records: Records | None
    output: Output
    operator: str = "rescale"


Layer = Convolution | Depthwise | Addition | Pool | Rescale


def macs(layer: Layer) -> int:
    """Return the multiply-accumulates of `layer`."""
    if isinstance(layer, Convolution | Depthwise):
        return layer.target.height * layer.target.width * int(layer.weight.size)
    return 0


@dataclass(frozen=True)
class Graph:
    """A region: layers in an order in which every tensor is written before it is read."""

    name: str
    inputs: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    outputs: tuple[Tensor, ...]
