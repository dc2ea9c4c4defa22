"""The shapes of MLPerf Tiny's four reference networks.

Source
------
Banbury et al., MLPerf Tiny Benchmark, 2021; github.com/mlcommons/tiny, benchmark/training: padding
is that of TensorFlow ("SAME"), its odd pixel below and to the right.
"""

import onnx

from .builder import Builder
from .layers import Activation, Padding
from .mobilenet import MOBILENETV1_BLOCKS, separable

__all__ = ["autoencoder", "dscnn", "mobilenetv1_quarter", "resnet8"]


def resnet8(seed: int | None, size: int = 32) -> tuple[onnx.ModelProto, int]:
    """Return the image classifier, ten classes, and its MACs."""
    net = Builder("tiny-resnet8", seed, (3, size, size), reduction=4)
    x = net.convolution(net.input, 16)
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        y = net.convolution(x, channels, (3, 3), stride, _same(x, (3, 3), stride))
        y = net.convolution(y, channels, activation=None)
        if stride > 1:
            x = net.convolution(x, channels, (1, 1), stride, (0, 0, 0, 0), None)
        x = net.add(y, x, "Relu")
    x = net.dense(net.global_average(x), 10)
    return net.model(x), net.macs


def dscnn(seed: int | None, size: int = 49) -> tuple[onnx.ModelProto, int]:
    """Return the keyword spotter, `size` frames of ten coefficients, twelve words; and its MACs."""
    net = Builder("tiny-dscnn", seed, (1, size, 10), reduction=2)
    x = net.convolution(net.input, 64, (10, 4), 2, _same(net.input, (10, 4), 2))
    for _ in range(4):
        x = separable(net, x, 64, 1, (1, 1, 1, 1), "Relu")
    x = net.dense(net.global_average(x), 12)
    return net.model(x), net.macs


def mobilenetv1_quarter(seed: int | None, size: int = 96) -> tuple[onnx.ModelProto, int]:
    """Return the person detector, MobileNetV1 of a quarter's width, two classes; and its MACs."""
    net = Builder("tiny-mobilenetv1", seed, (3, size, size), reduction=32)
    x = net.convolution(net.input, 8, (3, 3), 2, _same(net.input, (3, 3), 2))
    for channels, stride in MOBILENETV1_BLOCKS:
        x = separable(net, x, channels // 4, stride, _same(x, (3, 3), stride), "Relu")
    x = net.dense(net.global_average(x), 2)
    return net.model(x), net.macs


def autoencoder(seed: int | None, size: int = 640) -> tuple[onnx.ModelProto, int]:
    """Return the anomaly detector of `size` values, and its MACs."""
    net = Builder("tiny-autoencoder", seed, (size,))
    x = net.input
    for units in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        x = net.dense(x, units, "Relu")
    return net.model(net.dense(x, size)), net.macs


def _same(x: Activation, kernel: tuple[int, int], stride: int) -> Padding:
    """Return the padding that gives the extent of `x` divided by the stride, rounded up."""
    rests = [
        max((-(-extent // stride) - 1) * stride + taps - extent, 0)
        for extent, taps in zip(x.shape[:2], kernel, strict=True)
    ]
    (top, left), (bottom, right) = (
        (rests[0] // 2, rests[1] // 2),
        (rests[0] - rests[0] // 2, rests[1] - rests[1] // 2),
    )
    return top, left, bottom, right
