"""ResNet-18, -34 and -50 for ImageNet, and their builders' blocks.

Source
------
He et al., Deep Residual Learning for Image Recognition, 2015, table 1. ResNet-50 strides in the
3x3 convolution of a block ("v1.5"), as MLPerf's and torchvision's does.
"""

import onnx

from .builder import Builder
from .float_builder import FloatBuilder
from .layers import Layers, T

__all__ = ["resnet18", "resnet18_float", "resnet34", "resnet50"]

_NONE = (0, 0, 0, 0)


def resnet18(seed: int | None, size: int = 224) -> tuple[onnx.ModelProto, int]:
    """Return ResNet-18 and its MACs."""
    return _quantized("resnet18", seed, size, (2, 2, 2, 2), bottleneck=False)


def resnet18_float(seed: int | None, size: int = 224) -> tuple[onnx.ModelProto, int]:
    """Return ResNet-18 in float32 and its MACs."""
    net = FloatBuilder("resnet18-fp32", seed, (3, size, size))
    return _resnet(net, (2, 2, 2, 2), bottleneck=False), net.macs


def resnet34(seed: int | None, size: int = 224) -> tuple[onnx.ModelProto, int]:
    """Return ResNet-34 and its MACs."""
    return _quantized("resnet34", seed, size, (3, 4, 6, 3), bottleneck=False)


def resnet50(seed: int | None, size: int = 224) -> tuple[onnx.ModelProto, int]:
    """Return ResNet-50 and its MACs."""
    return _quantized("resnet50", seed, size, (3, 4, 6, 3), bottleneck=True)


def _quantized(
    name: str, seed: int | None, size: int, blocks: tuple[int, ...], *, bottleneck: bool
) -> tuple[onnx.ModelProto, int]:
    net = Builder(name, seed, (3, size, size), reduction=32)
    return _resnet(net, blocks, bottleneck=bottleneck), net.macs


def _resnet(net: Layers[T], blocks: tuple[int, ...], *, bottleneck: bool) -> onnx.ModelProto:
    x = net.convolution(net.input, 64, (7, 7), 2, (3, 3, 3, 3))
    x = net.max_pool(x, 3, 2, 1)
    block = _bottleneck if bottleneck else _basic
    for stage, count in enumerate(blocks):
        for number in range(count):
            stride = 2 if stage and not number else 1
            x = block(net, x, 64 << stage, stride)
    return net.model(net.dense(net.global_average(x), 1000))


def _basic(net: Layers[T], x: T, channels: int, stride: int) -> T:
    """Return two 3x3 convolutions and the shortcut."""
    y = net.convolution(x, channels, stride=stride)
    y = net.convolution(y, channels, activation=None)
    return net.add(y, _shortcut(net, x, channels, stride), "Relu")


def _bottleneck(net: Layers[T], x: T, channels: int, stride: int) -> T:
    """Return 1x1, 3x3 and 1x1 convolutions, four times as wide at the end, and the shortcut."""
    y = net.convolution(x, channels, (1, 1), 1, _NONE)
    y = net.convolution(y, channels, stride=stride)
    y = net.convolution(y, 4 * channels, (1, 1), 1, _NONE, None)
    return net.add(y, _shortcut(net, x, 4 * channels, stride), "Relu")


def _shortcut(net: Layers[T], x: T, channels: int, stride: int) -> T:
    """Return `x`, through a 1x1 convolution where its shape must change."""
    if stride == 1 and x.shape[2] == channels:
        return x
    return net.convolution(x, channels, (1, 1), stride, _NONE, None)
