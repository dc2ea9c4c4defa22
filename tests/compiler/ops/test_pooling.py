"""Pools against plain loops, and the integer rules of qnn.avg_pool2d."""

import itertools
import re

import numpy as np
import pytest

from compiler.errors import TypeInferenceError, Unsupported
from compiler.ir import TensorType


def windows(data, attrs):
    """Yield the place of each result and the elements of its window, those in the padding None."""
    (height, width), strides = attrs["pool_size"], attrs["strides"]
    top, left, bottom, right = attrs["padding"]
    spare = [s - 1 if attrs["ceil_mode"] else 0 for s in strides]
    rows = (data.shape[1] + top + bottom - height + spare[0]) // strides[0] + 1
    columns = (data.shape[2] + left + right - width + spare[1]) // strides[1] + 1
    padded = (data.shape[1] + bottom, data.shape[2] + right)
    for n, y, x, c in itertools.product(range(data.shape[0]), range(rows), range(columns), [0, 1]):
        inside, padding = [], 0
        for dy, dx in itertools.product(range(height), range(width)):
            row, column = y * strides[0] + dy - top, x * strides[1] + dx - left
            if 0 <= row < data.shape[1] and 0 <= column < data.shape[2]:
                inside.append(int(data[n, row, column, c]))
            elif row < padded[0] and column < padded[1]:
                padding += 1
        yield (n, y, x, c), inside, padding


def random_case(seed):
    rng = np.random.default_rng(seed)
    data = rng.integers(-128, 128, (2, 7, 6, 2)).astype("int8")
    attrs = {
        "pool_size": (2, 3),
        "strides": tuple(rng.integers(1, 4, 2).tolist()),
        "padding": tuple(rng.integers(0, 2, 4).tolist()),
        "ceil_mode": bool(seed % 2),
        "layout": "NHWC",
    }
    return rng, data, attrs


@pytest.mark.parametrize("seed", range(8))
def test_max_pool_ignores_padding(seed, apply):
    _, data, attrs = random_case(seed)
    result = apply("nn.max_pool2d", data, **attrs)
    for place, inside, _ in windows(data, attrs):
        if inside:
            assert result[place] == max(inside), f"seed {seed}"
    last = apply("nn.max_pool2d", data.transpose(0, 3, 1, 2), **{**attrs, "layout": "NCHW"})
    np.testing.assert_array_equal(last.transpose(0, 2, 3, 1), result, f"seed {seed}")


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("include", [False, True])
def test_avg_pool_counts_padding_only_if_asked(seed, include, apply):
    _, data, attrs = random_case(seed)
    result = apply("nn.avg_pool2d", data.astype("float32"), count_include_pad=include, **attrs)
    for place, inside, padding in windows(data, attrs):
        count = len(inside) + (padding if include else 0)
        if count:
            assert result[place] == np.float32(sum(inside) / count), f"seed {seed}"


@pytest.mark.parametrize("seed", range(8))
def test_tflite_average_rounds_half_away_from_zero(seed, apply):
    _, data, attrs = random_case(seed)
    attrs["ceil_mode"] = False
    scale, point = np.float32(0.1), np.int32(3)
    pool = ("qnn.avg_pool2d", data, scale, point, scale, point)
    result = apply(*pool, rounding="TFLITE", **attrs)
    for place, inside, _ in windows(data, attrs):
        total, count = sum(inside), len(inside)
        # TFLite: (acc + count / 2) / count for positive sums, mirrored for others, truncating.
        expected = (abs(total) + count // 2) // count * (1 if total > 0 else -1)
        assert result[place] == expected, f"seed {seed}"


@pytest.mark.parametrize("seed", range(8))
def test_upward_average_is_within_half_a_unit(seed, apply):
    rng, data, attrs = random_case(seed)
    scales = rng.uniform(0.05, 0.2, 2).astype("float32")
    points = rng.integers(-20, 20, 2).astype("int32")
    result = apply("qnn.avg_pool2d", data, scales[0], points[0], scales[1], points[1], **attrs)
    for place, inside, _ in windows(data, attrs):
        if inside:
            mean = (sum(inside) / len(inside) - points[0]) * float(scales[0]) / float(scales[1])
            expected = np.clip(mean + points[1], -128, 127)
            assert abs(result[place] - expected) <= 0.5 + 1e-4, f"seed {seed}"


def test_global_pools_cover_the_image(apply):
    data = np.arange(24, dtype="float32").reshape(1, 2, 3, 4)
    for layout, axes in (("NCHW", (2, 3)), ("NHWC", (1, 2))):
        average = apply("nn.global_avg_pool2d", data, layout=layout)
        largest = apply("nn.global_max_pool2d", data, layout=layout)
        np.testing.assert_array_equal(average, data.mean(axis=axes, keepdims=True))
        np.testing.assert_array_equal(largest, data.max(axis=axes, keepdims=True))


def test_tflite_average_needs_equal_scales(apply):
    data, zero = np.zeros((1, 2, 2, 1), "int8"), np.int32(0)
    pool = ("qnn.avg_pool2d", data, np.float32(1), zero, np.float32(2), zero)
    message = (
        'qnn.avg_pool2d: rounding "TFLITE" needs equal input and output scales and zero points, '
        'not 1.0, 0 and 2.0, 0; use "UPWARD", or requantise after the pool'
    )
    with pytest.raises(Unsupported, match=f"^{re.escape(message)}$"):
        apply(*pool, rounding="TFLITE", pool_size=2, layout="NHWC")


def test_padding_must_not_hide_a_window(infer_type):
    image = TensorType((1, 2, 8, 8), "float32")
    message = r"^nn.max_pool2d: padding \(2, 2, 2, 2\) must be smaller than pool_size \(2, 2\); a "
    with pytest.raises(TypeInferenceError, match=message):
        infer_type("nn.max_pool2d", image, pool_size=2, padding=2)
