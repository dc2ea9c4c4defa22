"""Averages by one multiplication: equal to the division for every sum that can be."""

import random
from fractions import Fraction
from math import floor

import numpy as np
import pytest

from compiler.backends.accel.pooling import average_records
from compiler.ops.quantized import requantize_parameters
from isa.arithmetic import Rounding, requantize, wrap_int32

# All that windows usually have, and some more up to a map of 32 x 32.
COUNTS = sorted({*range(1, 66), *random.Random(7).sample(range(66, 1025), 40), 1023, 1024})


def machine(records, sums):
    """Return what the vector engine makes of `sums`."""
    biased = wrap_int32(np.asarray(sums) + int(records.bias[0]))
    return requantize(biased, records.multiplier[0], records.shift[0], records.rounding)


@pytest.mark.parametrize("count", COUNTS)
def test_half_away_from_zero(count):
    records = average_records(count, (np.float32(0.1), 5), np.float32(0.1), Rounding.TFLITE)
    assert records is not None
    sums = np.arange(-128 * count, 127 * count + 1)
    whole, rest = np.divmod(np.abs(sums), count)
    expected = np.sign(sums) * (whole + (2 * rest >= count))
    assert np.array_equal(machine(records, sums), expected)


@pytest.mark.parametrize("count", [1, 2, 7, 12])
def test_half_away_from_zero_by_fractions(count):
    records = average_records(count, (np.float32(1), 0), np.float32(1), Rounding.TFLITE)
    for total in range(-128 * count, 127 * count + 1):
        magnitude = floor(Fraction(abs(total), count) + Fraction(1, 2))
        assert machine(records, total) == (magnitude if total >= 0 else -magnitude)


@pytest.mark.parametrize("seed", range(10))
def test_upward_rescales_the_sum(seed):
    """Meaning of qnn.avg_pool2d: requantised from in_scale to count * out_scale."""
    draw = random.Random(seed)
    count, zero_point = draw.randint(1, 200), draw.randint(-128, 127)
    in_scale, out_scale = (np.float32(draw.uniform(0.01, 1)) for _ in range(2))
    records = average_records(count, (in_scale, zero_point), out_scale, Rounding.UPWARD)
    sums = np.array([draw.randint(-128 * count, 127 * count) for _ in range(200)])
    parameters = requantize_parameters(in_scale, np.float64(out_scale) * count)
    expected = requantize(sums - count * zero_point, *parameters, Rounding.UPWARD)
    assert np.array_equal(machine(records, sums), expected), f"seed {seed}"
