"""Quantised operators against integers of any size, real numbers, and published tables."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest

from compiler.errors import TypeInferenceError, Unsupported
from compiler.ir import TensorType
from compiler.ops.quantized import add_parameters, requantize_parameters
from compiler.ops.quantized_nn import softmax_table

SEEDS = range(10)
ONE, ZERO = np.float32(1), np.int32(0)


def half_up(x):
    return math.floor(x + Fraction(1, 2))


def half_away(x):
    return int(math.copysign(1, x)) * half_up(abs(x))


def saturate(x):
    return min(max(x, -128), 127)


def multiplier(ratio):
    """Return the Q31 multiplier and shift of a ratio, as TFLite's QuantizeMultiplier does."""
    mantissa, exponent = math.frexp(ratio)
    q = half_away(Fraction(mantissa) * 2**31)
    return (q // 2, exponent + 1) if q == 2**31 else (q, exponent)


def scale_upward(x, ratio):
    q, shift = multiplier(ratio)
    return half_up(Fraction(x * q, 1) * Fraction(2) ** (shift - 31))


def scale_tflite(x, ratio):
    q, shift = multiplier(ratio)
    high = half_up(Fraction(x * 2 ** max(shift, 0) * q, 2**31))
    return half_away(Fraction(high, 2 ** max(-shift, 0)))


SCALERS = {"UPWARD": scale_upward, "TFLITE": scale_tflite}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rounding", SCALERS)
def test_requantize_per_channel(seed, rounding, apply):
    rng = np.random.default_rng(seed)
    data = rng.integers(-(2**20), 2**20, (2, 5, 3)).astype("int32")
    scales, points = rng.uniform(1e-5, 1e-3, 5), rng.integers(-9, 9, 5).astype("int32")
    out_scale, out_point = np.float32(rng.uniform(0.05, 0.2)), np.int32(rng.integers(-20, 20))
    result = apply(
        "qnn.requantize", data, scales, points, out_scale, out_point, axis=1, rounding=rounding
    )
    assert result.dtype == np.int8
    for (a, c, b), x in np.ndenumerate(data):
        ratio = scales[c] / float(out_scale)
        expected = saturate(SCALERS[rounding](int(x) - int(points[c]), ratio) + int(out_point))
        assert result[a, c, b] == expected, f"seed {seed}"


def test_requantize_upward_by_a_sixteenth(apply):
    """Relay's published table: 0..31 by 1/16 gives 0 eight times, 1 sixteen times, 2 the rest."""
    steps = np.arange(32, dtype="int32")
    args = (np.float32(1 / 16), ZERO, ONE, ZERO)
    up = apply("qnn.requantize", steps, *args)
    assert up.tolist() == [0] * 8 + [1] * 16 + [2] * 8
    down = apply("qnn.requantize", -steps, *args)
    assert down.tolist() == [0] * 9 + [-1] * 16 + [-2] * 7


def test_requantize_tflite_rounds_half_away(apply):
    args = (np.float32(1 / 16), ZERO, ONE, ZERO)
    down = apply("qnn.requantize", -np.arange(32, dtype="int32"), *args, rounding="TFLITE")
    assert down.tolist() == [0] * 8 + [-1] * 16 + [-2] * 8


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32"])
def test_requantize_saturates_to_its_data_type(dtype, apply):
    data = np.array([-(2**30), 0, 2**30], "int32")
    result = apply("qnn.requantize", data, ONE, ZERO, np.float32(0.9), ZERO, out_dtype=dtype)
    limits = np.iinfo(dtype)
    assert result.dtype == dtype
    expected = [scale_upward(int(x), 1 / float(np.float32(0.9))) for x in data]
    assert result.tolist() == [min(max(x, limits.min), limits.max) for x in expected]


def test_the_product_of_scales_stays_exact():
    s_in, s_weight, s_out = np.float32(0.1), np.float32(0.3), np.float32(0.7)
    exact = Fraction(float(s_in)) * Fraction(float(s_weight)) / Fraction(float(s_out))
    q, shift = requantize_parameters(np.float64(s_in) * np.float64(s_weight), s_out)
    assert (int(q), int(shift)) == multiplier(float(exact))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rounding", SCALERS)
@pytest.mark.parametrize("name, sign", [("qnn.add", 1), ("qnn.subtract", -1)])
def test_add_and_subtract(seed, rounding, name, sign, apply):
    rng = np.random.default_rng(seed)
    lhs, rhs = rng.integers(-128, 128, (2, 40)).astype("int8")
    scales = rng.uniform(0.02, 0.3, 3).astype("float32")
    points = rng.integers(-30, 30, 3).astype("int32")
    pairs = [value for pair in zip(scales, points, strict=True) for value in pair]
    result = apply(name, lhs, rhs, *pairs, rounding=rounding)
    left, right, out = map(float, scales)
    twice = 2 * max(left, right)
    for x, y, found in zip(lhs.tolist(), rhs.tolist(), result.tolist(), strict=True):
        a, b = x - int(points[0]), y - int(points[1])
        if rounding == "UPWARD":
            total = scale_upward(a, left / out) + sign * scale_upward(b, right / out)
        else:
            a, b = scale_tflite(a * 2**20, left / twice), scale_tflite(b * 2**20, right / twice)
            total = scale_tflite(a + sign * b, twice / (2**20 * out))
        assert found == saturate(total + int(points[2])), f"seed {seed}"


def test_add_parameters_bring_the_larger_scale_to_one_half():
    m1, s1, m2, s2, _, _ = add_parameters(np.float32(0.5), np.float32(0.25), np.float32(1))
    assert (int(m1), int(s1)) == (2**30, 0)
    assert (int(m2), int(s2)) == (2**30, -1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rounding", SCALERS)
def test_mul(seed, rounding, apply):
    rng = np.random.default_rng(seed)
    lhs, rhs = rng.integers(-128, 128, (2, 40)).astype("int8")
    scales = rng.uniform(0.02, 0.3, 3).astype("float32")
    pairs = [value for scale in scales for value in (scale, np.int32(4))]
    result = apply("qnn.mul", lhs, rhs, *pairs, rounding=rounding)
    ratio = float(scales[0]) * float(scales[1]) / float(scales[2])
    for x, y, found in zip(lhs.tolist(), rhs.tolist(), result.tolist(), strict=True):
        assert found == saturate(SCALERS[rounding]((x - 4) * (y - 4), ratio) + 4), f"seed {seed}"


@pytest.mark.parametrize("seed", SEEDS)
def test_dense(seed, apply):
    rng = np.random.default_rng(seed)
    data = rng.integers(-128, 128, (3, 7)).astype("int8")
    weight = rng.integers(-128, 128, (5, 7)).astype("int8")
    result = apply("qnn.dense", data, weight, np.int32(-128), np.int32(3), ONE, ONE, units=5)
    expected = (data.astype(int) + 128) @ (weight.astype(int) - 3).T
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, expected, f"seed {seed}")


def test_quantize_rounds_half_away_from_zero_and_saturates(apply):
    data = np.array([-2.5, -1.5, -0.5, 0.49999997, 0.5, 1.5, 1e9, -1e9, np.nan], "float32")
    result = apply("qnn.quantize", data, ONE, np.int32(1))
    assert result.tolist() == [-2, -1, 0, 1, 2, 3, 127, -128, 1]


def test_dequantize_along_an_axis(apply):
    data, scales = np.array([[-128, 127], [0, 5]], "int8"), np.array([0.5, 2], "float32")
    result = apply("qnn.dequantize", data, scales, np.array([0, 1], "int32"), axis=1)
    np.testing.assert_array_equal(result, np.array([[-64, 252], [0, 8]], "float32"))


def test_concatenate_moves_each_part_to_the_output_scale(apply):
    parts = (np.array([-128, 7], "int8"), np.array([10, 20], "int8"))
    scales, points = (np.float32(0.5), np.float32(0.25)), (np.int32(0), np.int32(2))
    result = apply("qnn.concatenate", parts, scales, points, np.float32(0.5), ZERO)
    assert result.tolist() == [-128, 7, 4, 9]


@pytest.mark.parametrize("seed", SEEDS)
def test_softmax_is_within_one_unit_of_real_numbers(seed, apply):
    rng = np.random.default_rng(seed)
    data = rng.integers(-128, 128, (4, 12)).astype("int8")
    scale = np.float32(rng.uniform(0.01, 0.3))
    result = apply("qnn.softmax", data, scale, np.int32(7), np.float32(1 / 256), np.int32(-128))
    power = np.exp(data.astype(float) * float(scale))
    expected = np.clip(power / power.sum(axis=-1, keepdims=True) * 256 - 128, -128, 127)
    assert np.abs(result - expected).max() <= 0.51, f"seed {seed}"


def test_softmax_table_by_arbitrary_precision():
    scale = np.float32(0.1)
    table = softmax_table(scale)
    assert table[0] == 2**23 and table.dtype == np.int64
    for distance in (1, 100, 255):
        assert table[distance] == math.floor(math.exp(-distance * float(scale)) * 2**23 + 0.5)


def test_softmax_needs_a_power_of_two(apply):
    data = np.zeros((1, 4), "int8")
    assert apply("qnn.softmax", data, ONE, ZERO, np.float32(0.5), ZERO).tolist() == [[1, 1, 1, 1]]
    message = r"^qnn.softmax: output_scale 0.75 is not supported; it must be a power of two 2\*\*-"
    with pytest.raises(Unsupported, match=message):
        apply("qnn.softmax", data, ONE, ZERO, np.float32(0.75), ZERO)


DATA, SCALE, POINT = TensorType((2, 4), "int8"), TensorType((), "float32"), TensorType((), "int32")


@pytest.mark.parametrize(
    "types, attrs, kind, message",
    [
        (
            (DATA, SCALE, POINT, SCALE, POINT),
            {"rounding": "TONEAREST"},
            Unsupported,
            'qnn.requantize: rounding "TONEAREST" is not supported; use "UPWARD" or "TFLITE" (data',
        ),
        (
            (DATA, SCALE, POINT, SCALE, POINT),
            {"compute_dtype": "float32"},
            Unsupported,
            'qnn.requantize: compute_dtype "float32" is not supported; use "int64": integers',
        ),
        (
            (DATA, TensorType((3,), "float32"), POINT, SCALE, POINT),
            {},
            TypeInferenceError,
            "qnn.requantize: the length of input_scale must be 4 (the size of its axis), not 3; ",
        ),
        (
            (DATA, SCALE, SCALE, SCALE, POINT),
            {},
            TypeInferenceError,
            "qnn.requantize: input_zero_point must be int32, not float32; cast or quantise it",
        ),
        (
            (DATA, SCALE, POINT, TensorType((4,), "float32"), POINT),
            {},
            TypeInferenceError,
            "qnn.requantize: output_scale must be a scalar, not Tensor[(4), float32]; it is one",
        ),
        (
            (TensorType((2, 4), "float32"), SCALE, POINT, SCALE, POINT),
            {},
            TypeInferenceError,
            "qnn.requantize: data must be one of int8, uint8, int16, uint16, int32, not float32; ",
        ),
    ],
)
def test_wrong_parameters(types, attrs, kind, message, infer_type):
    with pytest.raises(kind, match="^" + re.escape(message)):
        infer_type("qnn.requantize", *types, **attrs)
