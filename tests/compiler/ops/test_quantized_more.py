"""QNN operators that networks use now and then: by their definition in real numbers."""

import math

import numpy as np
import pytest

R = np.random.default_rng
ALL = {name: np.arange(*ends).astype(name) for name, ends in
       (("int8", (-128, 128)), ("uint8", (0, 256)))}  # fmt: skip


def s(value):
    return np.float32(value)


def z(value):
    return np.int32(value)


@pytest.mark.parametrize(
    "name, function",
    [
        ("sqrt", math.sqrt),
        ("rsqrt", lambda x: 1 / math.sqrt(x)),
        ("exp", math.exp),
        ("erf", math.erf),
        ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
        ("tanh", math.tanh),
        ("log", math.log),
        ("abs", abs),
        ("hardswish", lambda x: x * min(max(x + 3, 0), 6) / 6),
    ],
)
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_functions_of_all_values(name, function, dtype, apply):
    data, (low, high) = ALL[dtype], (np.iinfo(dtype).min, np.iinfo(dtype).max)
    scales, points = (0.037, 0.021), (low + 20, low + 9)
    ends = s(scales[0]), z(points[0]), s(scales[1]), z(points[1])
    result = apply(f"qnn.{name}", data, *ends)
    assert result.dtype == data.dtype
    for value, found in zip(data.tolist(), result.tolist(), strict=True):
        real = (value - points[0]) * float(s(scales[0]))
        try:
            exact = function(real) / float(s(scales[1]))
        except (ValueError, ZeroDivisionError):
            continue  # A root or logarithm of what has none: any value.
        whole = math.copysign(math.floor(abs(exact) + 0.5), exact) + points[1]
        distance = abs(found - min(max(whole, low), high))
        # float32 may fall on the other side of a half.
        near = abs(abs(exact) % 1 - 0.5) < 1e-3
        assert distance == 0 or (near and distance == 1), (value, found, exact)


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.25, 1.0])
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_leaky_relu(alpha, dtype, apply):
    data, low = ALL[dtype], np.iinfo(dtype).min
    result = apply("qnn.leaky_relu", data, s(0.05), z(low + 90), s(0.04), z(low + 99), alpha=alpha)
    real = (data.astype("float64") - low - 90) * 0.05
    exact = np.where(real > 0, real, alpha * real) / 0.04 + low + 99
    expected = np.clip(exact, low, low + 255)
    assert np.abs(result - expected).max() <= 1.5
    positive = real > 0
    assert np.abs(result - expected)[positive].max() <= 0.51


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_transposed_convolution(layout, seed, apply):
    random = R(seed)
    data = random.integers(0, 255, (1, 3, 4, 5)).astype("uint8")
    weight = random.integers(-128, 128, (3, 4, 3, 2)).astype("int8")
    points = random.integers(-9, 9, 4).astype("int32")
    attrs = {"strides": [2, 1], "padding": [1, 0, 0, 1], "output_padding": [1, 0]}
    real = apply(
        "nn.conv2d_transpose",
        data.astype("int64") - 7,
        weight.astype("int64") - points.reshape(1, 4, 1, 1),
        **attrs,
    )
    ends = z(7), points, s(0.1), np.full(4, 0.2, "float32")
    if layout == "NHWC":
        data = data.transpose(0, 2, 3, 1).copy()
    result = apply("qnn.conv2d_transpose", data, weight, *ends, data_layout=layout, **attrs)
    assert result.dtype == np.int32
    result = result if layout == "NCHW" else result.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(result, real, f"seed {seed}")


def test_batch_matmul(apply):
    random = R(3)
    x = random.integers(0, 255, (2, 3, 4)).astype("uint8")
    y = random.integers(0, 255, (1, 5, 4)).astype("uint8")
    result = apply("qnn.batch_matmul", x, y, z(100), z(7), s(0.1), s(0.2), transpose_b=True)
    expected = (x.astype("int64") - 100) @ (y.astype("int64") - 7).swapaxes(1, 2)
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("code, dtype", [(1, "int8"), (2, "uint8"), (3, "int32"), (0, None)])
def test_simulated_quantisation(code, dtype, apply):
    data, scale, point = R(4).normal(size=(5, 3)).astype("float32") * 9, s([0.1, 0.2, 0.4]), z(3)
    result = apply("qnn.simulated_quantize", data, z(code), scale, point, axis=1)
    if dtype is None:
        np.testing.assert_array_equal(result, data)
        return
    expected = apply("qnn.quantize", data, scale, point, axis=1, out_dtype=dtype)
    assert result.dtype == np.float32
    # The division is in float64 here: it may fall on the other side of a half.
    assert np.abs(result - expected).max() <= 1 and (result != expected).sum() <= 1
    back = apply("qnn.simulated_dequantize", result, z(code), scale, point, axis=1)
    np.testing.assert_allclose(back, (result - 3) * scale, rtol=1e-6)
