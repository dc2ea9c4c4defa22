"""Transposes of any size and type: blocks in registers, and what is left of them."""

import numpy as np
import pytest

from compiler.backends.cpu.kernels import Transpose
from compiler.backends.cpu.kernels.box import Box
from compiler.backends.cpu.kernels.transpose import find_block
from compiler.ops import call

DTYPES = ("int8", "float16", "float32", "float64")
CASES = (
    ((33, 50), (1, 0)),
    ((16, 16), (1, 0)),
    ((3, 64), (1, 0)),
    ((64, 3), (1, 0)),
    ((4, 100), (1, 0)),
    ((2, 5, 40, 7), (0, 2, 3, 1)),
    ((1, 24, 4, 16), (0, 2, 3, 1)),
    ((1, 24, 4, 16), (0, 2, 1, 3)),
    ((7, 6, 5, 32), (3, 1, 0, 2)),
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cpu", [None, "x86-64-v3", "x86-64-v2"])
def test_transpose(dtype, cpu, variable, main, check):
    if dtype == "float16" and cpu == "x86-64-v2":
        pytest.skip("float16 needs x86-64-v3")
    rng = np.random.default_rng(5)
    inputs = [rng.integers(-128, 128, shape).astype(dtype) for shape, _ in CASES]
    params = [variable(f"x{n}", x.shape, dtype) for n, x in enumerate(inputs)]
    results = [call("transpose", x, axes=axes) for x, (_, axes) in zip(params, CASES, strict=True)]
    check(main(params, results), inputs, cpu, labels=list(map(str, CASES)))


def test_blocks():
    assert find_block((100, 33), 4, 64) == (16, 16)
    assert find_block((100, 33), 4, 16) == (4, 4)
    assert find_block((3, 100), 1, 64) == (2, 16)
    assert find_block((100, 1), 4, 64) == (1, 1)


def test_rows_are_shared_among_threads():
    kernel = Transpose(Box((512, 512), (1, 512), 0, (512, 1), 0, 4), 64)
    assert kernel.chunks == 32
    box = Box((3, 510, 512), (1, 1, 512), 0, (1, 512, 1), 0, 4)
    assert Transpose(box, 64).chunks == 3


@pytest.mark.parametrize("channels", [3, 20])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_into_an_image_with_a_border(channels, dtype, variable, constant, main, check):
    """What comes in channels first is written where a padded convolution wants it."""
    rng = np.random.default_rng(channels)
    x = rng.integers(-9, 9, (2, channels, 11, 13)).astype(dtype)
    kernel = rng.integers(-9, 9, (3, 3, channels, 5)).astype(dtype)
    data = variable("x", x.shape, dtype)
    wide = "int32" if dtype == "int8" else dtype
    made = call(
        "nn.conv2d", call("transpose", data, axes=(0, 2, 3, 1)), constant(kernel, dtype),
        padding=(1, 2, 0, 1), channels=5, kernel_size=(3, 3), data_layout="NHWC",
        kernel_layout="HWIO", out_dtype=wide,
    )  # fmt: skip
    check(main([data], made), [x])
