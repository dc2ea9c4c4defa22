"""The matrix instruction where sums are long and large."""

import numpy as np
import pytest

from isa.assembler import assemble
from isa.config import Config
from simulator.functional import FunctionalMachine

CONFIG = Config("long", 16, 16, 8192, 4096, 8, 2, tables=0)


@pytest.mark.parametrize("accumulate", [0, 1])
@pytest.mark.parametrize("value", [-128, 127])
def test_long_sums_are_exact_and_wrap(start_program, accumulate, value):
    machine = FunctionalMachine(CONFIG, 4096)
    pads = machine.scratchpads
    pads.act_rows[...] = -128
    pads.tiles[...] = value
    pads.tiles[7, 3, 5] = 1
    pads.acc[...] = 2**31 - 1
    text = (
        f"matrix count0=2 acc0=1 count1=4096 act1=1 weight1=1 accumulate={accumulate} reduce=2\nend"
    )
    start_program(machine, assemble(text, CONFIG).words)
    sums = np.full(16, -128 * value * 16 * 4096)
    sums[3] -= -128 * (value - 1)
    expected = (sums + (2**31 - 1 if accumulate else 0)).astype(np.uint32).view(np.int32)
    for word in range(2):
        np.testing.assert_array_equal(pads.acc[word], expected)


def test_convolution_equals_numpy(start_program):
    """A 3 x 3 convolution over 6 x 7 pixels, 32 channels in, 48 out."""
    random = np.random.default_rng(5)
    machine = FunctionalMachine(Config("conv", 16, 16, 512, 256, 128, 2, tables=0), 4096)
    pads = machine.scratchpads
    image = random.integers(-128, 128, (8, 9, 32))
    kernel = random.integers(-128, 128, (48, 3, 3, 32))
    pads.act_rows[: 8 * 9 * 2] = image.reshape(-1, 16)
    # Tiles in the order of output block, ky, kx, input block.
    blocks = kernel.reshape(3, 16, 3, 3, 2, 16).transpose(0, 2, 3, 4, 1, 5)
    pads.tiles[: 3 * 18] = blocks.reshape(-1, 16, 16)
    text = (
        "matrix reduce=0b111000 count0=3 acc0=42 weight0=18 count1=6 acc1=7 act1=18 "
        "count2=7 acc2=1 act2=2 count3=3 act3=18 weight3=6 count4=3 act4=2 weight4=2 "
        "count5=2 act5=1 weight5=1\nend"
    )
    start_program(machine, assemble(text, machine.config).words)
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), axis=(0, 1))
    expected = np.einsum("yxcij,oijc->yxo", windows, kernel).reshape(42, 3, 16)
    np.testing.assert_array_equal(pads.acc[:126].reshape(3, 42, 16), expected.transpose(1, 0, 2))
