"""Operators on images and boxes that ONNX has as well, against onnxruntime."""

import numpy as np
import pytest

R = np.random.default_rng


def f(seed, *shape):
    return R(seed).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("size", [(7, 9), (2, 3), (4, 1), (1, 1)])
@pytest.mark.parametrize(
    "mode", ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]
)
@pytest.mark.parametrize(
    "method, attrs",
    [
        ("linear", {}),
        ("cubic", {"cubic_alpha": -0.75}),
        ("cubic", {"cubic_exclude": 1}),
        ("nearest_neighbor", {"rounding_method": "round_prefer_floor"}),
        ("nearest_neighbor", {"rounding_method": "round_prefer_ceil"}),
        ("nearest_neighbor", {"rounding_method": "ceil"}),
    ],
)
def test_resize(method, attrs, mode, size, apply, onnx_run):
    data = f(29, 2, 3, 4, 5)
    expected = onnx_run(
        "Resize",
        [data, None, None, np.array([2, 3, *size])],
        mode={"nearest_neighbor": "nearest"}.get(method, method),
        coordinate_transformation_mode=mode,
        nearest_mode=attrs.get("rounding_method", "floor"),
        cubic_coeff_a=attrs.get("cubic_alpha", -0.5),
        exclude_outside=attrs.get("cubic_exclude", 0),
    )
    shared = {"method": method, "coordinate_transformation_mode": mode, **attrs}
    result = apply("image.resize2d", data, size=size, **shared)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("corners", [0, 1])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("method", ["bilinear", "nearest"])
def test_grid_sample(method, padding, corners, apply, onnx_run):
    data, grid = f(30, 2, 3, 5, 4), f(31, 2, 6, 7, 2)
    mode = "linear" if method == "bilinear" else "nearest"
    expected = onnx_run(
        "GridSample", [data, grid], mode=mode, padding_mode=padding, align_corners=corners
    )
    result = apply(
        "image.grid_sample",
        data,
        grid.transpose(0, 3, 1, 2).copy(),
        method=method,
        padding_mode=padding,
        align_corners=bool(corners),
    )
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_affine_grid(apply, onnx_run):
    theta = f(32, 2, 2, 3)
    expected = onnx_run("AffineGrid", [theta, np.array([2, 1, 4, 5])], align_corners=1)
    result = apply("image.affine_grid", theta, target_shape=[4, 5])
    np.testing.assert_allclose(result.transpose(0, 2, 3, 1), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ratio", [0, 2])
@pytest.mark.parametrize("mode", ["avg", "max"])
def test_roi_align(mode, ratio, apply, onnx_run):
    if mode == "max":
        ratio = 1  # onnxruntime's maximum is of weighted corners, the same for one sample only.
    data = np.abs(f(33, 2, 3, 8, 9))
    boxes = np.float32([[0, 1, 6, 9], [2.5, 3, 14, 15], [-2, 0, 30, 20], [4, 4, 4, 4]])
    which = np.array([0, 1, 1, 0])
    if mode == "max":
        boxes = np.float32([[0, 0, 8, 8], [4, 2, 12, 10]])  # Samples lie on pixels.
        which = which[:2]
    expected = onnx_run(
        "RoiAlign",
        [data, boxes, which],
        mode=mode,
        output_height=2,
        output_width=2,
        sampling_ratio=ratio,
        spatial_scale=0.5,
        coordinate_transformation_mode="output_half_pixel",
    )
    rois = np.column_stack((which, boxes)).astype("float32")
    attrs = {"pooled_size": 2, "spatial_scale": 0.5, "sample_ratio": ratio or -1, "mode": mode}
    result = apply("vision.roi_align", data, rois, **attrs)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_non_max_suppression(seed, apply, onnx_run):
    random = R(seed)
    low = random.random((1, 20, 2))
    boxes = np.concatenate((low, low + random.random((1, 20, 2))), 2).astype("float32")
    scores = random.random((1, 1, 20)).astype("float32")
    limit, threshold = np.int64([6]), np.float32([0.3])
    chosen = onnx_run("NonMaxSuppression", [boxes, scores, limit, threshold], version=11)
    data = np.concatenate((np.zeros((1, 20, 1)), scores.transpose(0, 2, 1), boxes), 2)
    places, number = apply(
        "vision.non_max_suppression",
        data.astype("float32"),
        np.int32([20]),
        np.arange(20, dtype="int32")[None],
        np.int32(6),
        np.float32(0.3),
    )
    assert number.tolist() == [[len(chosen)]], f"seed {seed}"
    assert places[0, : len(chosen)].tolist() == chosen[:, 2].tolist(), f"seed {seed}"
    assert (places[0, len(chosen) :] == -1).all()


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
def test_deformable_convolution(groups, parts, apply):
    """Against a loop over taps, and without offsets against the plain convolution."""
    data, weight = f(40, 2, 4, 5, 6), f(41, 6, 4 // groups, 3, 2)
    attrs = {"groups": groups, "padding": [1, 0], "strides": [1, 2], "dilation": [1, 2]}
    plain = apply("nn.conv2d", data, weight, **attrs)
    shape = (2, 12 * parts, *plain.shape[2:])
    still = np.zeros(shape, "float32")
    result = apply("nn.deformable_conv2d", data, still, weight, deformable_groups=parts, **attrs)
    np.testing.assert_allclose(result, plain, rtol=1e-4, atol=1e-5)
    offset = f(42, *shape)
    result = apply("nn.deformable_conv2d", data, offset, weight, deformable_groups=parts, **attrs)

    def pixel(n, c, y, x):
        low = int(np.floor(y)), int(np.floor(x))
        total = 0.0
        for row, column in ((low[0] + a, low[1] + b) for a in (0, 1) for b in (0, 1)):
            if 0 <= row < 5 and 0 <= column < 6:
                near = (1 - abs(y - row)) * (1 - abs(x - column))
                total += near * float(data[n, c, row, column])
        return total

    for n, o, y, x in [(0, 0, 0, 0), (1, 5, 4, 1), (0, 3, 2, 0), (1, 2, 1, 1)]:
        total = 0.0
        for c, h, w in np.ndindex(4 // groups, 3, 2):
            channel = o // (6 // groups) * (4 // groups) + c
            part = channel // (4 // parts)
            move = offset[n, 2 * (part * 6 + h * 2 + w) :, y, x]
            at = y + h - 1 + float(move[0]), 2 * x + 2 * w + float(move[1])
            total += pixel(n, channel, *at) * float(weight[o, c, h, w])
        np.testing.assert_allclose(result[n, o, y, x], total, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_all_class_non_max_suppression(seed, apply, onnx_run):
    random = R(seed)
    low = random.random((2, 15, 2))
    boxes = np.concatenate((low, low + random.random((2, 15, 2))), 2).astype("float32")
    scores = random.random((2, 3, 15)).astype("float32")
    limit, overlap, lowest = np.int64([4]), np.float32([0.4]), np.float32([0.2])
    expected = onnx_run("NonMaxSuppression", [boxes, scores, limit, overlap, lowest], version=11)
    rows, number = apply(
        "vision.all_class_non_max_suppression", boxes, scores, limit[0], overlap[0], lowest[0]
    )
    assert number.tolist() == [len(expected)], f"seed {seed}"
    np.testing.assert_array_equal(rows[: len(expected)], expected, f"seed {seed}")
    assert rows.shape == (90, 3) and (rows[len(expected) :] == -1).all()
