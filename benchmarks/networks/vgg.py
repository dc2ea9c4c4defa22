"""VGG-16 for ImageNet.

Source
------
Simonyan and Zisserman, Very Deep Convolutional Networks, 2014, table 1, column D.
"""

import onnx

from .builder import Builder

__all__ = ["vgg16"]

# Channels and 3x3 convolutions of each stage, a max pool after it.
_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def vgg16(seed: int | None, size: int = 224) -> tuple[onnx.ModelProto, int]:
    """Return VGG-16 and its MACs."""
    net = Builder("vgg16", seed, (3, size, size), reduction=16)
    x = net.input
    for channels, count in _STAGES:
        for _ in range(count):
            x = net.convolution(x, channels)
        x = net.max_pool(x, 2, 2)
    x = net.dense(x, 4096, "Relu")
    x = net.dense(x, 4096, "Relu")
    return net.model(net.dense(x, 1000)), net.macs
