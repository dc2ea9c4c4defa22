"""nn.conv2d and qnn.conv2d against a convolution written with plain loops."""

import itertools
import re

import numpy as np
import pytest

from compiler.errors import TypeInferenceError, Unsupported
from compiler.ir import Any, TensorType

KERNELS = ("OIHW", "HWIO", "HWOI", "OHWI")


def convolve(data, kernel, strides, padding, dilation, groups, fill):
    """Return the convolution of NCHW data and an OIHW kernel, one product at a time."""
    top, left, bottom, right = padding
    around = ((0, 0), (0, 0), (top, bottom), (left, right))
    data = np.pad(data, around, constant_values=fill)
    outputs, per_group, height, width = kernel.shape
    rows = (data.shape[2] - (height - 1) * dilation[0] - 1) // strides[0] + 1
    columns = (data.shape[3] - (width - 1) * dilation[1] - 1) // strides[1] + 1
    result = np.zeros((data.shape[0], outputs, rows, columns), data.dtype)
    places = itertools.product(*map(range, result.shape), *map(range, kernel.shape[1:]))
    for n, o, y, x, i, ky, kx in places:
        channel = o // (outputs // groups) * per_group + i
        row, column = y * strides[0] + ky * dilation[0], x * strides[1] + kx * dilation[1]
        result[n, o, y, x] += data[n, channel, row, column] * kernel[o, i, ky, kx]
    return result


def reorder(x, source, target):
    return np.transpose(x, [source.index(letter) for letter in target])


def random_case(seed):
    rng = np.random.default_rng(seed)
    groups, per_group = ((1, 3), (2, 2), (4, 1))[seed % 3]
    attrs = {
        "strides": rng.integers(1, 3, 2).tolist(),
        "padding": rng.integers(0, 3, 4).tolist(),
        "dilation": rng.integers(1, 3, 2).tolist(),
        "groups": groups,
    }
    data = rng.integers(-128, 128, (2, groups * per_group, 7, 6))
    kernel = rng.integers(-128, 128, (groups * int(rng.integers(1, 3)), per_group, 2, 3))
    return rng, data, kernel, attrs


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_conv2d_equals_plain_loops(seed, layout, apply):
    rng, data, kernel, attrs = random_case(seed)
    order = KERNELS[seed % 4]
    expected = convolve(data, kernel, *attrs.values(), fill=0)
    for dtype in ("int32", "float32"):
        result = apply(
            "nn.conv2d",
            reorder(data, "NCHW", layout).astype(dtype),
            reorder(kernel, "OIHW", order).astype(dtype),
            data_layout=layout,
            kernel_layout=order,
            **attrs,
        )
        assert result.dtype == dtype
        np.testing.assert_array_equal(reorder(result, layout, "NCHW"), expected, f"seed {seed}")


@pytest.mark.parametrize("seed", range(12))
def test_qnn_conv2d_pads_with_the_zero_point_and_subtracts_both(seed, apply):
    rng, data, kernel, attrs = random_case(seed)
    unsigned = seed % 2 == 1
    if unsigned:
        data = data + 128
    zero_point, kernel_zero_points = int(data.max()) - 5, rng.integers(-9, 9, kernel.shape[0])
    expected = convolve(
        data - zero_point, kernel - kernel_zero_points[:, None, None, None], *attrs.values(), fill=0
    )
    result = apply(
        "qnn.conv2d",
        data.astype("uint8" if unsigned else "int8"),
        reorder(kernel, "OIHW", "HWIO").astype("int8"),
        np.int32(zero_point),
        kernel_zero_points.astype("int32"),
        np.float32(0.5),
        np.ones(kernel.shape[0], "float32"),
        kernel_layout="HWIO",
        **attrs,
    )
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, expected, f"seed {seed}")


def test_int8_convolution_accumulates_beyond_float32(apply):
    data = np.full((1, 1, 1, 20_000), 127, "int8")
    weight = np.full((1, 1, 20_000, 1), 127, "int8")
    zero, one = np.int32(0), np.float32(1)
    attrs = {"data_layout": "NHWC", "kernel_layout": "HWIO"}
    result = apply("qnn.conv2d", data, weight, zero, zero, one, one, **attrs)
    assert result.item() == 20_000 * 127 * 127


def test_the_weight_type_follows_from_the_attributes(infer_type):
    image = TensorType((1, 3, 8, 8), "float32")
    found = infer_type("nn.conv2d", image, None, channels=4, kernel_size=[3, 3])
    assert str(found) == "Tensor[(1, 4, 6, 6), float32]"


def test_unknown_batch_stays_unknown(infer_type):
    image = TensorType((Any(), 3, 8, 8), "float32")
    weight = TensorType((4, 3, 3, 3), "float32")
    assert str(infer_type("nn.conv2d", image, weight)) == "Tensor[(n, 4, 6, 6), float32]"


IMAGE, WEIGHT = TensorType((1, 3, 8, 8), "float32"), TensorType((4, 3, 3, 3), "float32")


@pytest.mark.parametrize(
    "data, weight, attrs, message",
    [
        (
            IMAGE,
            TensorType((4, 2, 3, 3), "float32"),
            {},
            'nn.conv2d: axis 1 (I of layout "OIHW") of weight must be 3 (the channels of data by '
            "groups), not 2; transpose the weight or correct kernel_layout (data is "
            "Tensor[(1, 3, 8, 8), float32], weight is Tensor[(4, 2, 3, 3), float32])",
        ),
        (IMAGE, WEIGHT, {"groups": 2}, "nn.conv2d: groups must divide the 3 channels of data, "),
        (IMAGE, WEIGHT, {"channels": 5}, 'nn.conv2d: axis 0 (O of layout "OIHW") of weight must '),
        (IMAGE, WEIGHT, {"kernel_size": [1, 1]}, "nn.conv2d: weight must have a window of (1, 1)"),
        (IMAGE, WEIGHT, {"dilation": 9}, "nn.conv2d: a window of 19 does not fit into 8 elements "),
        (IMAGE, WEIGHT, {"strides": 0}, "nn.conv2d: window 3, stride 0 and dilation 1 must be >="),
        (IMAGE, WEIGHT, {"data_layout": "NC"}, "nn.conv2d: layout must order N, C, H and W, not "),
        (TensorType((3, 8, 8), "float32"), WEIGHT, {}, "nn.conv2d: data must have 4 axes, not 3; "),
        (IMAGE, TensorType((4, 3, 3, 3), "int8"), {}, "nn.conv2d: weight must be float32, as data"),
    ],
)
def test_errors_name_the_argument_and_the_types(data, weight, attrs, message, infer_type):
    with pytest.raises(TypeInferenceError, match="^" + re.escape(message)):
        infer_type("nn.conv2d", data, weight, **attrs)


def test_other_accumulators_are_not_supported(infer_type):
    scalar, zero = TensorType((), "float32"), TensorType((), "int32")
    types = (IMAGE, WEIGHT, zero, zero, scalar, scalar)
    with pytest.raises(Unsupported, match=r'^qnn.conv2d: out_dtype "int16" is not supported; use'):
        infer_type("qnn.conv2d", *types, out_dtype="int16")
    with pytest.raises(TypeInferenceError, match=r"^qnn.conv2d: data must be one of int8, uint8, "):
        infer_type("qnn.conv2d", *types)
