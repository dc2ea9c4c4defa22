"""Operators on images, blocks, boxes and losses, against plain loops."""

import math

import numpy as np
import pytest

R = np.random.default_rng


def f(seed, *shape):
    return R(seed).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("average", [False, True])
def test_adaptive_pools(count, average, apply):
    data, size = f(0, 2, 3, *(7, 5, 4)[:count]), [3, 5, 2][:count]
    name = f"nn.adaptive_{'avg' if average else 'max'}_pool{count}d"
    result = apply(name, data, output_size=size)
    assert result.shape == (2, 3, *size)
    for place in np.ndindex(*size):
        sizes = zip(place, data.shape[2:], size, strict=True)
        cut = tuple(slice(math.floor(p * n / m), math.ceil((p + 1) * n / m)) for p, n, m in sizes)
        part = data[(..., *cut)].reshape(2, 3, -1)
        expected = part.mean(-1) if average else part.max(-1)
        np.testing.assert_allclose(result[(..., *place)], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(apply(name, data), data)


@pytest.mark.parametrize("name", ["max", "avg"])
@pytest.mark.parametrize("include", [False, True])
def test_gradients_of_pools(name, include, apply):
    data, layout = f(1, 1, 5, 6, 2), "NHWC"
    attrs = {"pool_size": [3, 2], "strides": [2, 1], "padding": [1, 0, 1, 1], "layout": layout}
    attrs |= {"count_include_pad": include} if name == "avg" else {}
    pooled = apply(f"nn.{name}_pool2d", data, **attrs)
    grad = f(2, *pooled.shape)
    result = apply(f"nn.{name}_pool2d_grad", data, grad, **attrs)
    step = np.float32(1e-2)
    for place in [(0, 0, 0, 0), (0, 2, 3, 1), (0, 4, 5, 0), (0, 1, 2, 1), (0, 3, 0, 0)]:
        moved = data.copy()
        moved[place] += step
        up = apply(f"nn.{name}_pool2d", moved, **attrs).astype("float64")
        moved[place] = data[place] - step
        down = apply(f"nn.{name}_pool2d", moved, **attrs).astype("float64")
        expected = ((up - down) * grad).sum() / (2 * step)
        assert abs(result[place] - expected) < 2e-3, place


def test_losses(apply):
    x, y = np.abs(f(3, 4, 5)) + 0.1, f(4, 4, 5)
    expected = -(np.log(x) * y).sum() / 4
    np.testing.assert_allclose(apply("nn.cross_entropy", x, y), expected, rtol=1e-5)
    result = apply("nn.cross_entropy_with_logits", np.log(x), y)
    np.testing.assert_allclose(result, expected, rtol=1e-5)
    scores, weights = f(5, 3), np.float32([1, 2, 3])
    loss = apply("nn.nll_loss", scores, np.int64(2), weights, reduction="sum")
    np.testing.assert_allclose(loss, -3 * scores[2], rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_space_and_batch(seed, apply):
    random = R(seed)
    block = [int(random.integers(1, 4)) for _ in range(2)]
    data = f(seed, 2, 4 * block[0] - 1, 3 * block[1] - 2 if block[1] > 1 else 3, 2)
    pads = [[1, 0], [2, 0] if block[1] > 1 else [0, 0]]
    result = apply("nn.space_to_batch_nd", data, block_shape=block, paddings=pads, pad_value=0.5)
    whole = np.pad(data, ((0, 0), *pads, (0, 0)), constant_values=0.5)
    for number in range(result.shape[0]):
        y, x, batch = number // 2 // block[1], number // 2 % block[1], number % 2
        np.testing.assert_array_equal(result[number], whole[batch, y :: block[0], x :: block[1]])
    back = apply("nn.batch_to_space_nd", result, block_shape=block, crops=pads)
    np.testing.assert_array_equal(back, data, f"seed {seed}")


def test_dilate_and_fifo(apply):
    data = f(6, 2, 3)
    result = apply("nn.dilate", data, strides=[2, 3], dilation_value=9)
    assert result.shape == (3, 7)
    np.testing.assert_array_equal(result[::2, ::3], data)
    assert (result == 9).sum() == 21 - 6
    buffer = f(7, 2, 4)
    result = apply("nn.fifo_buffer", data, buffer, axis=1)
    np.testing.assert_array_equal(result, np.concatenate((buffer, data), 1)[:, 3:])


def test_upsampling(apply):
    data = f(8, 1, 2, 3, 4)
    result = apply("nn.upsampling", data, scale_h=2, scale_w=3)
    np.testing.assert_array_equal(result, data.repeat(2, 2).repeat(3, 3))
    corners = apply(
        "nn.upsampling", data, scale_h=2, scale_w=2, method="bilinear", align_corners=True
    )
    for y, x in np.ndindex(6, 8):
        v, u = y * 2 / 5, x * 3 / 7
        low = min(int(v), 1), min(int(u), 2)
        a, b = v - low[0], u - low[1]
        part = data[0, :, low[0] : low[0] + 2, low[1] : low[1] + 2]
        expected = (1 - a) * ((1 - b) * part[:, 0, 0] + b * part[:, 0, 1])
        expected += a * ((1 - b) * part[:, 1, 0] + b * part[:, 1, 1])
        np.testing.assert_allclose(corners[0, :, y, x], expected, rtol=1e-4, atol=1e-5)
    volume = f(9, 1, 2, 3, 4, 2)
    attrs = {"coordinate_transformation_mode": "asymmetric"}
    result = apply("nn.upsampling3d", volume, scale_d=2, scale_h=1, scale_w=2, **attrs)
    np.testing.assert_array_equal(result, volume.repeat(2, 2).repeat(2, 4))


def test_resize_of_one_and_three_axes_is_that_of_two(apply):
    data = f(10, 2, 3, 4, 5)
    for method in ("nearest_neighbor", "linear", "cubic"):
        flat = apply("image.resize2d", data, size=[4, 7], method=method)
        line = apply("image.resize1d", data.reshape(2, 12, 5), size=[7], method=method)
        np.testing.assert_allclose(line.reshape(2, 3, 4, 7), flat, rtol=1e-5, atol=1e-6)
        plane = apply("image.resize2d", data, size=[6, 7], method=method)
        volume = apply("image.resize3d", data[:, :, None], size=[1, 6, 7], method=method)
        np.testing.assert_allclose(volume[:, :, 0], plane, rtol=1e-5, atol=1e-6)
    whole = apply("image.resize2d", np.uint8([[[[0, 255]]]]), size=[1, 4])
    assert whole.dtype == np.uint8 and whole.tolist() == [[[[0, 64, 191, 255]]]]


@pytest.mark.parametrize("method", ["bilinear", "nearest_neighbor"])
def test_crop_and_resize(method, apply):
    data = f(11, 2, 3, 4, 5)
    boxes = np.float32([[0, 0, 1, 1], [0.25, 0.5, 0.75, 1], [1, 1, 0, 0], [-0.5, 0, 0.5, 1.2]])
    which = np.int32([1, 0, 1, 0])
    result = apply(
        "image.crop_and_resize",
        data,
        boxes,
        which,
        crop_size=[3, 2],
        method=method,
        extrapolation_value=7,
    )
    for number, (y1, x1, y2, x2) in enumerate(boxes.astype("float64")):
        for row, column in np.ndindex(3, 2):
            y = 3 * (y1 + row * (y2 - y1) / 2)
            x = 4 * (x1 + column * (x2 - x1))
            if not (0 <= y <= 3 and 0 <= x <= 4):
                expected = [7.0] * 3
            elif method == "nearest_neighbor":
                expected = data[which[number], :, math.floor(y + 0.5), math.floor(x + 0.5)]
            else:
                low = min(int(y), 2), min(int(x), 3)
                a, b = y - low[0], x - low[1]
                part = data[which[number], :, low[0] : low[0] + 2, low[1] : low[1] + 2]
                top = (1 - b) * part[:, 0, 0] + b * part[:, 0, 1]
                expected = (1 - a) * top + a * ((1 - b) * part[:, 1, 0] + b * part[:, 1, 1])
            found = result[number, :, row, column]
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_dilation2d(apply):
    data, weight = f(12, 1, 2, 5, 6), f(13, 2, 2, 3)
    result = apply("image.dilation2d", data, weight, strides=[2, 1], dilations=[1, 2], padding=1)
    padded = np.pad(data, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    assert result.shape == (1, 2, 3, 4)
    for y, x in np.ndindex(3, 4):
        part = padded[0, :, 2 * y : 2 * y + 2, x : x + 5 : 2]
        np.testing.assert_array_equal(result[0, :, y, x], (part + weight).max((1, 2)))


def test_multibox_prior(apply):
    sizes, ratios = [0.5, 0.2], [1.0, 2.0, 0.5]
    result = apply(
        "vision.multibox_prior", f(14, 1, 3, 2, 4), sizes=sizes, ratios=ratios, steps=[0.4, -1]
    )
    expected = []
    for y, x in np.ndindex(2, 4):
        center = ((x + 0.5) / 4, (y + 0.5) * 0.4)
        pairs = [(s * 2 / 4, s) for s in sizes]
        pairs += [(0.5 * 2 / 4 * math.sqrt(r), 0.5 / math.sqrt(r)) for r in ratios[1:]]
        for w, h in pairs:
            expected.append([center[0] - w / 2, center[1] - h / 2])
            expected[-1] += [center[0] + w / 2, center[1] + h / 2]
    np.testing.assert_allclose(result[0], expected, rtol=1e-5, atol=1e-6)


def test_multibox_transform_loc(apply):
    scores = np.float32([[[0.1, 0.6, 0.3], [0.2, 0.1, 0.7], [0.7, 0.3, 0.0]]])
    moves = f(15, 1, 12)
    anchors = np.float32([[[0, 0, 0.5, 0.5], [0.2, 0.2, 0.4, 0.6], [0.5, 0.5, 1, 1]]])
    boxes, count = apply(
        "vision.multibox_transform_loc", scores, moves, anchors, threshold=0.4, clip=False
    )
    assert count.tolist() == [2]
    for row, (anchor, best, score) in enumerate([(0, 1, 0.7), (2, 0, 0.7)]):
        left, top, right, bottom = anchors[0, anchor]
        dx, dy, dw, dh = moves[0, 4 * anchor : 4 * anchor + 4]
        w, h = right - left, bottom - top
        x, y = left + w / 2 + 0.1 * dx * w, top + h / 2 + 0.1 * dy * h
        w, h = w * math.exp(0.2 * dw), h * math.exp(0.2 * dh)
        expected = [best, score, x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        np.testing.assert_allclose(boxes[0, row], expected, rtol=1e-4)
    assert (boxes[0, 2] == -1).all()


def test_boxes_are_counted_and_suppressed_by_class(apply):
    rows = np.float32(
        [
            [0, 0.8, 1, 20, 25, 45],
            [1, 0.7, 30, 60, 50, 80],
            [0, 0.4, 4, 21, 19, 40],
            [2, 0.9, 35, 61, 52, 79],
            [1, 0.5, 100, 60, 70, 110],
            [-1, 0.9, 0, 0, 1, 1],
        ]
    )[None]
    count, kept, places = apply("vision.get_valid_counts", rows, np.float32(0.45))
    assert count.tolist() == [4] and places.tolist() == [[0, 1, 3, 4, -1, -1]]
    np.testing.assert_array_equal(kept[0, :4], rows[0, [0, 1, 3, 4]])
    assert (kept[0, 4:] == -1).all()
    args = kept, count, places, np.int32(-1), np.float32(0.5)
    for force, survivors in ((True, [3, 0, 4]), (False, [3, 0, 1, 4])):
        found, number = apply("vision.non_max_suppression", *args, force_suppress=force)
        assert number.tolist() == [[len(survivors)]]
        assert found[0, : len(survivors)].tolist() == survivors
    boxes = apply("vision.non_max_suppression", *args, force_suppress=True, return_indices=False)
    assert (boxes[0, 2] == -1).all() and boxes[0, 3, 1] == 0.5
    boxes = apply(
        "vision.non_max_suppression",
        *args,
        force_suppress=True,
        return_indices=False,
        invalid_to_bottom=True,
        top_k=3,
    )
    np.testing.assert_array_equal(boxes[0, :2], rows[0, [3, 0]])
    assert (boxes[0, 2:] == -1).all()


def test_roi_pool(apply):
    data = f(16, 2, 3, 6, 7)
    rois = np.float32([[0, 0, 0, 12, 10], [1, 3, 2, 9, 8], [1, 30, 30, 40, 40]])
    result = apply("vision.roi_pool", data, rois, pooled_size=[2, 3], spatial_scale=0.5)
    for number, (which, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (round(float(c) / 2) for c in corners)
        h, w = max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1)
        for row, column in np.ndindex(2, 3):
            top, bottom = y1 + math.floor(row * h / 2), y1 + math.ceil((row + 1) * h / 2)
            left, right = x1 + math.floor(column * w / 3), x1 + math.ceil((column + 1) * w / 3)
            part = data[int(which), :, top : min(bottom, 6), left : min(right, 7)]
            expected = part.max((1, 2)) if part[0].size else np.zeros(3)
            np.testing.assert_array_equal(result[number, :, row, column], expected)


def test_yolo_reorg(apply):
    data = f(17, 2, 8, 4, 6)
    result = apply("vision.yolo_reorg", data, stride=2)
    flat, found = data.reshape(2, -1), np.empty((2, 192), "float32")
    for batch in range(2):
        for count, (k, j, x) in enumerate(np.ndindex(8, 4, 6)):
            offset, channel = divmod(k, 2)
            column, row = x * 2 + offset % 2, j * 2 + offset // 2
            found[batch, count] = flat[batch, column + 12 * (row + 8 * channel)]
    np.testing.assert_array_equal(result, found.reshape(2, 32, 2, 3))
