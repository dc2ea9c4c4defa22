"""Weights, records and taps in the machine's memories, against direct indexing."""

import numpy as np
import pytest

from compiler.backends.accel.layers import Records, Window
from compiler.backends.accel.packing import pack_records, pack_taps, pack_weights
from compiler.backends.accel.taps import tap_layout
from isa.arithmetic import Rounding

SHAPES = [(1, 1, 1, 1), (3, 3, 5, 7), (1, 1, 33, 17), (5, 2, 16, 16), (2, 4, 4, 40)]


@pytest.mark.parametrize("shape", SHAPES)
def test_weights(config, shape):
    """Byte r of column c of a tile is the weight of input channel r and output channel c."""
    kh, kw, inputs, outputs = shape
    weight = np.random.default_rng(1).integers(-128, 128, shape, dtype=np.int8)
    tiles = pack_weights(weight, config)
    rows, columns = config.rows, config.columns
    groups, vectors = -(-outputs // columns), -(-inputs // rows)
    assert tiles.shape == (groups, kh * kw, vectors, columns, rows)
    assert tiles.dtype == np.int8 and tiles.flags.c_contiguous
    for (group, tap, vector, column, row), value in np.ndenumerate(tiles):
        channel, output = vector * rows + row, group * columns + column
        exists = channel < inputs and output < outputs
        assert value == (weight[tap // kw, tap % kw, channel, output] if exists else 0)


@pytest.mark.parametrize("channels", [1, 4, 13, 40])
def test_records(config, channels):
    """A word: int32 biases of all columns, int32 multipliers, int8 shifts."""
    random = np.random.default_rng(channels)
    bias, multiplier = random.integers(-(2**31), 2**31, (2, channels)).astype(np.int32)
    shift = random.integers(-31, 32, channels).astype(np.int8)
    packed = pack_records(Records(bias, multiplier, shift, Rounding.UPWARD), config)
    columns = config.columns
    assert packed.shape == (-(-channels // columns), config.param_word_bytes)
    for group, word in enumerate(packed):
        for column in range(columns):
            channel = group * columns + column
            parts = (
                word[4 * column : 4 * column + 4].view("<i4")[0],
                word[4 * (columns + column) : 4 * (columns + column) + 4].view("<i4")[0],
                word[8 * columns + column],
            )
            exists = channel < channels
            assert parts == (
                (bias[channel], multiplier[channel], shift[channel]) if exists else (0, 0, 0)
            )


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (5, 5), (4, 9), (17, 1), (1, 12), (2, 2)])
def test_taps(config, kernel):
    """Slot s of a word holds one tap of every column."""
    random, channels = np.random.default_rng(2), 13
    weight = random.integers(-128, 128, (*kernel, channels), dtype=np.int8)
    layout = tap_layout(Window(kernel))
    packed = pack_taps(weight, layout, config)
    columns, flat = config.columns, weight.reshape(-1, channels)
    groups = -(-channels // columns)
    assert packed.shape == (groups, layout.words, config.param_word_bytes)
    slots = packed.reshape(groups, layout.words, config.taps_per_param_word, columns)
    for (group, word, slot, column), value in np.ndenumerate(slots):
        channel, tap = group * columns + column, word * layout.slots + slot
        exists = channel < channels and slot < layout.slots
        assert value == (flat[tap, channel] if exists else 0)


def test_selected_records():
    records = Records(np.arange(8, dtype=np.int32), np.arange(8, 16, dtype=np.int32),
                      np.arange(-4, 4, dtype=np.int8), Rounding.TFLITE, 3)  # fmt: skip
    part = records.select(2, 5)
    assert part.bias.tolist() == [2, 3, 4] and part.multiplier.tolist() == [10, 11, 12]
    assert part.shift.tolist() == [-2, -1, 0]
    assert (part.rounding, part.pre_shift) == (Rounding.TFLITE, 3)
