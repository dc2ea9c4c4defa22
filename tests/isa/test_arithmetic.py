"""Integer arithmetic against Python's integers and fractions, which neither wrap nor round."""

import itertools
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isa.arithmetic import (
    Rounding,
    high_multiply,
    quantize_multiplier,
    requantize,
    rounding_divide,
    saturate,
    wrap_int32,
)

CORNERS = (
    -(2**31), -(2**31) + 1, -(2**30) - 1, -(2**30), -65537, -129, -128, -3, -2, -1, 0, 1, 2, 3, 127,
    128, 65535, 2**30 - 1, 2**30, 2**31 - 2, 2**31 - 1,
)  # fmt: skip
MULTIPLIERS = (0, 1, 2**30 - 1, 2**30, 2**30 + 1, 1518500250, 2**31 - 2, 2**31 - 1)
SHIFTS = range(-31, 32)

int32 = st.one_of(st.sampled_from(CORNERS), st.integers(-(2**31), 2**31 - 1))
multipliers = st.one_of(st.sampled_from(MULTIPLIERS), st.integers(0, 2**31 - 1))


def wrap(value):
    return (value + 2**31) % 2**32 - 2**31


def half_up(value):
    return floor(value + Fraction(1, 2))


def half_away(value):
    return half_up(value) if value >= 0 else -half_up(-value)


def exact_high_multiply(x, multiplier):
    return min(half_up(Fraction(x * multiplier, 2**31)), 2**31 - 1)


def exact_requantize(x, multiplier, shift, rounding):
    if rounding == Rounding.TFLITE:
        product = exact_high_multiply(wrap(x * 2 ** max(shift, 0)), multiplier)
        return half_away(Fraction(product, 2 ** max(-shift, 0)))
    return wrap(half_up(x * multiplier * Fraction(2) ** (shift - 31)))


def gemmlowp_high_multiply(x, multiplier):
    """SaturatingRoundingDoublingHighMul as gemmlowp's fixedpoint.h words it."""
    if x == multiplier == -(2**31):
        return 2**31 - 1
    product = x * multiplier
    nudged = product + ((1 << 30) if product >= 0 else (1 - (1 << 30)))
    return abs(nudged) // 2**31 * (1 if nudged >= 0 else -1)


def gemmlowp_rounding_divide(x, exponent):
    """RoundingDivideByPOT as gemmlowp's fixedpoint.h words it."""
    mask = (1 << exponent) - 1
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


def test_high_multiply_of_corners():
    pairs = list(itertools.product(CORNERS, CORNERS))
    found = high_multiply(*np.array(pairs).T)
    assert found.dtype == np.int32
    assert found.tolist() == [exact_high_multiply(*pair) for pair in pairs]
    assert found.tolist() == [gemmlowp_high_multiply(*pair) for pair in pairs]


@given(int32, int32)
def test_high_multiply(x, multiplier):
    assert int(high_multiply(x, multiplier)) == exact_high_multiply(x, multiplier)


def test_rounding_divide_of_corners():
    pairs = list(itertools.product(CORNERS, range(32)))
    found = rounding_divide(*np.array(pairs).T)
    assert found.dtype == np.int32
    assert found.tolist() == [half_away(Fraction(x, 2**exponent)) for x, exponent in pairs]
    assert found.tolist() == [gemmlowp_rounding_divide(*pair) for pair in pairs]


@given(int32, st.integers(0, 31))
def test_rounding_divide(x, exponent):
    assert int(rounding_divide(x, exponent)) == half_away(Fraction(x, 2**exponent))


@pytest.mark.parametrize("rounding", Rounding)
def test_requantize_of_corners(rounding):
    """Every corner with every multiplier and every shift."""
    rows = list(itertools.product(CORNERS, MULTIPLIERS, SHIFTS))
    found = requantize(*np.array(rows).T, rounding)
    assert found.dtype == np.int32
    for row, value in zip(rows, found.tolist(), strict=True):
        assert value == exact_requantize(*row, rounding), row


@given(int32, multipliers, st.integers(-31, 31), st.sampled_from(Rounding))
def test_requantize(x, multiplier, shift, rounding):
    found = int(requantize(x, multiplier, shift, rounding))
    assert found == exact_requantize(x, multiplier, shift, rounding)


def test_requantize_broadcasts():
    """Values [2, 3] with one multiplier and shift a column."""
    x = np.array([[100, -100, 7], [1 << 20, -(1 << 20), 0]], np.int32)
    multiplier, shift = np.array([2**30, 2**30 + 9, 2**31 - 1], np.int32), np.array([0, -3, 2])
    for rounding in Rounding:
        found = requantize(x, multiplier, shift.astype(np.int8), rounding)
        for (row, column), value in np.ndenumerate(found):
            exact = exact_requantize(
                int(x[row, column]), int(multiplier[column]), int(shift[column]), rounding
            )
            assert value == exact


def test_roundings_differ_at_halves():
    """-2.5: TFLite rounds away from zero, UPWARD up; 2.5 becomes 3 in both."""
    for rounding, low in ((Rounding.TFLITE, -3), (Rounding.UPWARD, -2)):
        assert requantize([-5, 5], 2**30, 0, Rounding.UPWARD).tolist() == [-2, 3]
        assert requantize([-20, 20], 2**30, -2, rounding).tolist() == [low, 3]


@given(st.integers(-(2**62), 2**62))
def test_wrap(value):
    assert int(wrap_int32(value)) == wrap(value)


@given(int32, st.integers(-128, 127), st.integers(-128, 127), st.integers(-128, 127))
def test_saturate(x, zero_point, one, other):
    low, high = sorted((one, other))
    found = saturate(x, zero_point, low, high)
    assert found.dtype == np.int8
    assert int(found) == max(low, min(high, x + zero_point))


def exact_multiplier(scale):
    """Return the multiplier and shift of a scale > 0, from fractions."""
    exact, shift = Fraction(scale), 0
    while exact >= 1:
        exact, shift = exact / 2, shift + 1
    while exact < Fraction(1, 2):
        exact, shift = exact * 2, shift - 1
    multiplier = half_up(exact * 2**31)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    if shift < -31:
        return 0, 0
    return (2**31 - 1, 30) if shift > 30 else (multiplier, shift)


@given(st.floats(2.0**-40, 2.0**40))
def test_quantize_multiplier(scale):
    multiplier, shift = quantize_multiplier(scale)
    assert (int(multiplier), int(shift)) == exact_multiplier(scale)


@given(st.floats(2.0**-32, 2.0**30, exclude_max=True))
def test_quantized_multiplier_is_close(scale):
    """Within half a unit of 31 bits: the relative error is at most 2**-31."""
    multiplier, shift = quantize_multiplier(scale)
    value = int(multiplier) * Fraction(2) ** (int(shift) - 31)
    assert abs(value - Fraction(scale)) <= Fraction(scale) * Fraction(1, 2**31)


@pytest.mark.parametrize(
    ("scale", "multiplier", "shift"),
    [
        (0.0, 0, 0),
        (1.0, 2**30, 1),
        (0.5, 2**30, 0),
        (1 - 2.0**-33, 2**30, 1),
        (1 - 2.0**-31, 2**31 - 1, 0),
        (2.0**-32, 2**30, -31),
        (2.0**-33, 0, 0),
        (2.0**-32 * (1 - 2.0**-33), 2**30, -31),
        (2.0**30, 2**31 - 1, 30),
        (2.0**30 - 1, 2**31 - 2, 30),
        (2.0**29, 2**30, 30),
        (1e300, 2**31 - 1, 30),
        (5e-324, 0, 0),
    ],
)
def test_quantize_multiplier_of_corners(scale, multiplier, shift):
    found = quantize_multiplier(scale)
    assert (int(found[0]), int(found[1])) == (multiplier, shift)
    assert found[0].dtype == np.int32 and found[1].dtype == np.int8


def test_quantize_multiplier_keeps_the_shape():
    scales = np.array([[0.25, 3.0], [1e-4, 0.7]])
    multiplier, shift = quantize_multiplier(scales)
    for place, scale in np.ndenumerate(scales):
        assert (int(multiplier[place]), int(shift[place])) == exact_multiplier(float(scale))
