"""Tensors with borders and in other storage: whoever writes and reads them agrees."""

import numpy as np
import pytest

from compiler.backends.cpu.compile import lower
from compiler.backends.cpu.kernels import Border, Copy, Interleave
from compiler.backends.cpu.machine import find_machine
from compiler.ops import call


def convolution(data, weight, padding, quantized=None, **attrs):
    """Return a 3x3 convolution, channels last; `quantized` is (zero point, constant)."""
    kernel = weight.value.shape
    geometry = {
        "channels": kernel[3] * attrs.get("groups", 1) if attrs.get("depthwise") else kernel[3],
        "kernel_size": kernel[:2],
        "padding": padding,
        "data_layout": "NHWC",
        "kernel_layout": "HWIO",
        "groups": attrs.get("groups", 1),
        "strides": attrs.get("strides", (1, 1)),
    }
    if quantized is None:
        return call("nn.conv2d", data, weight, **geometry)
    point, constant = quantized
    zero, one = constant(0, "int32"), constant(1.0, "float32")
    points = constant(point, "int32"), zero
    total = call("qnn.conv2d", data, weight, *points, one, one, **geometry)
    scales = constant(2.0**-11, "float64"), zero, one, constant(-3, "int32")
    return call("qnn.requantize", total, *scales, axis=3, out_dtype="int8")


@pytest.mark.parametrize("planes", [1, 3, 4, 5, 18])
def test_transposed_image_with_padding(planes, variable, constant, main, check):
    rng = np.random.default_rng(planes)
    x = rng.normal(size=(2, planes, 21, 37)).astype(np.float32)
    w = constant(rng.normal(size=(3, 3, planes, 8)), "float32")
    data = variable("x", x.shape)
    image = call("transpose", data, axes=(0, 2, 3, 1))
    check(main([data], convolution(image, w, (2, 1, 0, 1))), [x], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", range(12))
def test_chain_of_bytes(seed, cpu, variable, constant, main, check):
    """Convolutions, depthwise ones, pools and sums of int8, of random padding and zero points."""
    rng = np.random.default_rng(seed)
    channels = int(rng.choice([4, 16, 19, 40]))
    x = rng.integers(-128, 128, (1, 11, 13, channels)).astype(np.int8)
    data = value = variable("x", x.shape, "int8")
    earlier = []
    for _ in range(6):
        point = int(rng.choice([-128, -3, 5])), constant
        kind = rng.choice(["conv", "depthwise", "max", "add", "transpose"])
        if kind == "conv":
            w = constant(rng.integers(-128, 128, (3, 3, channels, channels)), "int8")
            padding = (1, 1, 1, 1)
            value = convolution(value, w, padding, point)
        elif kind == "depthwise":
            w = constant(rng.integers(-128, 128, (3, 3, channels, 1)), "int8")
            w = constant(np.ascontiguousarray(w.value.transpose(0, 1, 3, 2)), "int8")
            value = convolution(value, w, (1, 1, 1, 1), point, groups=channels)
        elif kind == "max":
            value = call(
                "nn.max_pool2d", value, pool_size=(3, 3), padding=(1, 1, 1, 1), layout="NHWC"
            )
        elif kind == "add" and earlier:
            one, zero = constant(1.0, "float32"), constant(0, "int32")
            other = earlier[int(rng.integers(len(earlier)))]
            value = call("qnn.add", value, other, one, zero, one, zero, one, zero)
        else:
            value = call("transpose", value, axes=(0, 2, 1, 3))
            value = call("transpose", value, axes=(0, 2, 1, 3))
        earlier.append(value)
    chosen = [value, earlier[int(rng.integers(len(earlier)))]]
    check(main([data], chosen), [x], cpu=cpu, labels=[f"seed {seed}"] * 2)


def kernels(module):
    """Return the kinds of kernels of a module's program on this machine."""
    program, _ = lower(module, {}, find_machine())
    return [type(operation.kernel) for operation in program.operations]


def test_no_copies_between_layers(variable, constant, main):
    """The image is brought into its layout once; what follows carries its own padding."""
    data = variable("x", (1, 3, 16, 16))
    value = call("transpose", data, axes=(0, 2, 3, 1))
    for inputs, outputs in ((3, 16), (16, 16), (16, 16)):
        w = constant(np.ones((3, 3, inputs, outputs)), "float32")
        value = convolution(value, w, (1, 1, 1, 1))
    found = kernels(main([data], value))
    assert found.count(Interleave) == 1 and Copy not in found and found.count(Border) == 3


def test_readers_that_disagree_share_nothing(variable, constant, main, check):
    """Two convolutions with other zero points: one of them pads a copy."""
    rng = np.random.default_rng(0)
    x = rng.integers(-128, 128, (1, 8, 8, 16)).astype(np.int8)
    data = variable("x", x.shape, "int8")
    w = constant(rng.integers(-128, 128, (3, 3, 16, 16)), "int8")
    first = convolution(data, w, (1, 1, 1, 1), (4, constant))
    results = [convolution(first, w, (1, 1, 1, 1), (point, constant)) for point in (-7, 9)]
    check(main([data], results), [x])
