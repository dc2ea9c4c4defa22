"""MobileNetV1 and MobileNetV2 for ImageNet.

Source
------
Howard et al., MobileNets, 2017, table 1; Sandler et al., MobileNetV2, 2018, table 2.
"""

import onnx

from .builder import Builder
from .float_builder import FloatBuilder
from .layers import Layers, Padding, T

__all__ = ["MOBILENETV1_BLOCKS", "mobilenetv1", "mobilenetv2", "mobilenetv2_float", "separable"]

_NONE = (0, 0, 0, 0)
_SAME = (1, 1, 1, 1)

# Output channels and stride of each depthwise separable block.
MOBILENETV1_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)
# Expansion, output channels, blocks, stride of the first block.
_MOBILENETV2_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenetv1(seed: int | None, size: int = 224) -> tuple[onnx.ModelProto, int]:
    """Return MobileNetV1, width 1.0, and its MACs."""
    net = Builder("mobilenetv1", seed, (3, size, size), reduction=32)
    x = net.convolution(net.input, 32, (3, 3), 2, _SAME, "Clip")
    for channels, stride in MOBILENETV1_BLOCKS:
        x = separable(net, x, channels, stride, _SAME, "Clip")
    x = net.dense(net.global_average(x), 1000)
    return net.model(x), net.macs


def separable(
    net: Layers[T], x: T, channels: int, stride: int, padding: Padding, activation: str
) -> T:
    """Return a 3x3 depthwise and a 1x1 convolution."""
    width = x.shape[2]
    x = net.convolution(x, width, (3, 3), stride, padding, activation, groups=width)
    return net.convolution(x, channels, (1, 1), 1, _NONE, activation)


def mobilenetv2(seed: int | None, size: int = 224) -> tuple[onnx.ModelProto, int]:
    """Return MobileNetV2, width 1.0, and its MACs."""
    net = Builder("mobilenetv2", seed, (3, size, size), reduction=32)
    return _mobilenetv2(net), net.macs


def mobilenetv2_float(seed: int | None, size: int = 224) -> tuple[onnx.ModelProto, int]:
    """Return MobileNetV2 in float32, width 1.0, and its MACs."""
    net = FloatBuilder("mobilenetv2-fp32", seed, (3, size, size))
    return _mobilenetv2(net), net.macs


def _mobilenetv2(net: Layers[T]) -> onnx.ModelProto:
    x = net.convolution(net.input, 32, (3, 3), 2, _SAME, "Clip")
    for expansion, channels, blocks, stride in _MOBILENETV2_STAGES:
        for number in range(blocks):
            x = _inverted_residual(net, x, expansion, channels, 1 if number else stride)
    x = net.convolution(x, 1280, (1, 1), 1, _NONE, "Clip")
    return net.model(net.dense(net.global_average(x), 1000))


def _inverted_residual(net: Layers[T], x: T, expansion: int, channels: int, stride: int) -> T:
    """Return a 1x1 expansion, a 3x3 depthwise and a linear 1x1 convolution; x added if it fits."""
    width = expansion * x.shape[2]
    y = x if expansion == 1 else net.convolution(x, width, (1, 1), 1, _NONE, "Clip")
    y = net.convolution(y, width, (3, 3), stride, _SAME, "Clip", groups=width)
    y = net.convolution(y, channels, (1, 1), 1, _NONE, None)
    return net.add(x, y) if stride == 1 and x.shape[2] == channels else y
