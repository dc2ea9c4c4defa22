"""Operators that move or compute elements, against numpy or plain loops."""

import math

import numpy as np
import pytest

R = np.random.default_rng


def f(seed, *shape):
    return R(seed).standard_normal(shape).astype("float32")


def i(seed, low, high, *shape, dtype="int32"):
    return R(seed).integers(low, high, shape).astype(dtype)


X = f(0, 2, 3, 4)
N = i(1, -9, 9, 2, 3, 4)
EMPTY = np.zeros((0, 3), "float32")


@pytest.mark.parametrize(
    "name, args, attrs, expected",
    [
        ("log2", (np.abs(X),), {}, np.log2(np.abs(X))),
        ("log10", (np.abs(X),), {}, np.log10(np.abs(X))),
        ("power", (np.abs(X), X[0]), {}, np.abs(X) ** X[0]),
        ("isfinite", (np.float32([1, np.inf, np.nan]),), {}, np.array([True, False, False])),
        ("zeros_like", (N,), {}, np.zeros_like(N)),
        ("ones_like", (EMPTY,), {}, EMPTY),
        ("full_like", (X, np.int64(7)), {}, np.full_like(X, 7)),
        ("cast_like", (X * 3, N), {}, (X * 3).astype("int32")),
        ("reinterpret", (X,), {"dtype": "int32"}, X.view("int32")),
        ("broadcast_to_like", (X[:1, :, :1], X), {}, np.broadcast_to(X[:1, :, :1], X.shape)),
        ("collapse_sum_like", (N, N[0, :, :1]), {}, N.sum((0, 2))[:, None].astype("int32")),
        ("collapse_sum_to", (N, np.int32([4])), {"shape": [4]}, N.sum((0, 1)).astype("int32")),
        ("reshape_like", (X, f(1, 6, 2, 2)), {}, X.reshape(6, 2, 2)),
        (
            "reshape_like",
            (X, f(1, 5, 2, 2, 5)),
            {"lhs_begin": 2, "lhs_end": 3, "rhs_begin": 1, "rhs_end": -1},
            X.reshape(2, 3, 2, 2),
        ),
        ("slice_like", (X, f(1, 1, 2, 3)), {}, X[:1, :2, :3]),
        ("slice_like", (X, f(1, 5, 5, 2)), {"axes": [-1]}, X[..., :2]),
        ("repeat", (X,), {"repeats": 2, "axis": -2}, np.repeat(X, 2, 1)),
        ("repeat", (X,), {"repeats": 3}, np.repeat(X, 3)),
        ("reverse", (X,), {"axis": -1}, X[..., ::-1]),
        ("reverse", (EMPTY,), {"axis": 0}, EMPTY),
        ("adv_index", ((X, np.array([[1], [0]]), np.array([2, -1, 0])),), {}, None),
        ("unravel_index", (np.int32([[22, 0], [-1, 5]]), np.int32([2, 3, 4])), {}, None),
        ("sort", (X,), {"axis": 1, "is_ascend": False}, np.sort(X, 1)[:, ::-1]),
        ("sort", (EMPTY,), {}, EMPTY),
        ("argsort", (X,), {"dtype": "int64"}, np.argsort(X, -1)),
        ("cumprod", (X,), {"axis": 2}, np.cumprod(X, 2)),
        ("cumsum", (N,), {}, np.cumsum(N).astype("int32")),
        ("cumsum", (N > 0,), {"axis": 0}, np.cumsum(N > 0, 0).astype("int32")),
        ("shape_of", (EMPTY,), {}, np.int32([0, 3])),
        ("ndarray_size", (X,), {"dtype": "int64"}, np.asarray(24)),
        ("nn.matmul", (X, X[0]), {"transpose_b": True}, X @ X[0].T),
        ("nn.matmul", (X, X[0]), {"transpose_a": True}, X.swapaxes(1, 2) @ X[0]),
        ("nn.mirror_pad", (N,), {"pad_width": [[0, 2], [1, 1], [0, 0]]}, None),
        ("nn.batch_flatten", (EMPTY,), {}, EMPTY),
        ("copy", (X,), {}, X),
        ("annotation.stop_fusion", (X,), {}, X),
        ("annotation.checkpoint", ((X, N),), {}, (X, N)),
        ("annotation.cast_hint", (X,), {"dtype": "int8"}, X),
        ("annotation.compiler_begin", (X,), {"compiler": "unit"}, X),
        ("annotation.compiler_end", (X,), {"compiler": "unit"}, X),
        ("annotation.bitpack_start", (X,), {}, X),
        ("annotation.bitpack_end", (X,), {}, X),
        ("on_device", (X,), {}, X),
        ("device_copy", (X,), {}, X),
    ],
)
def test_like_numpy(name, args, attrs, expected, apply):
    if name == "adv_index":
        expected = X[args[0][1], args[0][2]]
    elif name == "unravel_index":
        expected = np.stack(np.unravel_index([[22, 0], [23, 5]], (2, 3, 4))).astype("int32")
    elif name == "nn.mirror_pad":
        expected = np.pad(N, ((0, 2), (1, 1), (0, 0)), mode="symmetric")
    result = apply(name, *args, **attrs)
    if isinstance(expected, tuple):
        assert all(np.array_equal(a, b) for a, b in zip(result, expected, strict=True))
        return
    assert result.dtype == expected.dtype and result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["divide", "trunc_divide", "floor_divide", "mod", "floor_mod"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64"])
def test_integer_division_like_python(name, dtype, apply):
    limits = np.iinfo(dtype)
    values = [limits.min, limits.min + 1, 0, 1, 2, 7, limits.max]
    values += [-1, -3] if limits.min < 0 else []
    for left in values:
        for right in values:
            exact = left // right if right else 0
            if name in ("divide", "trunc_divide", "mod") and right:
                exact = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            if name in ("mod", "floor_mod"):
                exact = left - exact * right if right else 0
            wrapped = (exact - limits.min) % 2**limits.bits + limits.min
            found = apply(name, np.asarray(left, dtype), np.asarray(right, dtype))
            assert int(found) == wrapped, f"{left} {name} {right}"


def test_shifts_take_counts_modulo_bits(apply):
    x = np.int8([-128, -1, 1, 127])
    shifted = apply("right_shift", x, np.int8([1, 7, 9, 2]))
    assert shifted.tolist() == [-64, -1, 0, 31]
    assert apply("left_shift", x, np.int8([1, 7, 9, 2])).tolist() == [0, -128, 2, -4]


@pytest.mark.parametrize(
    "name, function, error",
    [
        ("fast_exp", math.exp, 1e-6),
        ("fast_tanh", math.tanh, 1e-6),
        ("fast_erf", math.erf, 5e-7),
    ],
)
def test_fast_functions_are_near(name, function, error, apply):
    x = np.linspace(-20, 20, 4001).astype("float32")
    expected = np.array([function(float(value)) for value in x])
    result = apply(name, x).astype("float64")
    assert np.abs(result - expected).max() <= error * np.maximum(1, np.abs(expected)).max()
    relative = np.abs(result - expected) / np.maximum(np.abs(expected), 1e-6)
    assert name != "fast_exp" or relative.max() < 1e-5
    far = apply(name, np.float32([-1e30, 1e30]))
    assert np.isfinite(far).all()


def test_fast_softmax_and_log_softmax(apply):
    expected = np.exp(X) / np.exp(X).sum(1, keepdims=True)
    np.testing.assert_allclose(apply("nn.fast_softmax", X, axis=1), expected, rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_fixed_point(seed, apply):
    random = R(seed)
    x = random.integers(-(2**20), 2**20, (4, 3)).astype("int32")
    multiplier, shift = int(random.integers(2**30, 2**31)), int(random.integers(-9, 3))
    result = apply("fixed_point_multiply", x, multiplier=multiplier, shift=shift)
    exact = [[int(v) * multiplier * 2 ** (shift + 40) for v in row] for row in x]
    half = 2**70
    assert result.tolist() == [[(v + half) >> 71 for v in row] for row in exact], f"seed {seed}"
    factors = random.integers(2**30, 2**31 - 1, 3).astype("int32")
    left, right = (random.integers(0, 3, 3).astype("int32") for _ in range(2))
    result = apply(
        "fixed_point_multiply_per_axis",
        x,
        factors,
        left,
        right,
        axes=[1],
        is_lshift_required=True,
        is_rshift_required=True,
    )
    for column in range(3):
        bits = 31 + int(right[column])
        wide = [int(v) * int(factors[column]) << int(left[column]) for v in x[:, column]]
        expected = [(v + (1 << (bits - 1))) >> bits for v in wide]
        assert result[:, column].tolist() == expected, f"seed {seed}"


@pytest.mark.parametrize("batch", [1, 2, -1])
def test_take_from_batches(batch, apply):
    data, indices = f(3, 2, 3, 5), i(4, 0, 5, 2, 3, 4)[:, :, : 4 if batch != 1 else 2]
    if batch == 1:
        indices = indices[:, 0]
    result = apply("take", data, indices, axis=2, batch_dims=batch)
    first = batch % indices.ndim if batch < 0 else batch
    for place in np.ndindex(data.shape[:first]):
        rest = np.take(data[place], indices[place], 2 - first)
        np.testing.assert_array_equal(result[place], rest)


def test_meshgrid(apply):
    a, b, c = f(5, 3), f(6, 2), f(7)
    for indexing in ("ij", "xy"):
        expected = np.meshgrid(a, b, c, indexing=indexing)
        for one, other in zip(
            apply("meshgrid", (a, b, c), indexing=indexing), expected, strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_sliding_window(apply):
    data = f(8, 2, 5, 6)
    result = apply("sliding_window", data, axis=1, window_shape=[2, 3], strides=[3, 2])
    assert result.shape == (2, 2, 2, 2, 3)
    for y, x in np.ndindex(2, 2):
        part = data[:, 3 * y : 3 * y + 2, 2 * x : 2 * x + 3]
        np.testing.assert_array_equal(result[:, y, x], part)


@pytest.mark.parametrize(
    "source, target, expected",
    [
        ("NCHW", "NHWC", lambda x: x.transpose(0, 2, 3, 1)),
        ("NCHW", "NCHW4c", lambda x: x.reshape(2, 2, 4, 3, 5).transpose(0, 1, 3, 4, 2)),
        ("NHWC", "NCHW", lambda x: x.transpose(0, 3, 1, 2)),
        ("NCHW", "HWC2cN", lambda x: x.reshape(2, 4, 2, 3, 5).transpose(3, 4, 1, 2, 0)),
    ],
)
def test_layouts(source, target, expected, apply):
    data = f(9, 2, 8, 3, 5) if source == "NCHW" else f(9, 2, 3, 5, 8)
    result = apply("layout_transform", data, src_layout=source, dst_layout=target)
    np.testing.assert_array_equal(result, expected(data))
    back = apply("layout_transform", result, src_layout=target, dst_layout=source)
    np.testing.assert_array_equal(back, data)


def test_reverse_reshape(apply):
    data = f(10, 2, 3, 4)
    result = apply("contrib_reverse_reshape", data, newshape=[-1, 0])
    np.testing.assert_array_equal(result, data.reshape(6, 4))


def test_strided_set_and_sparse_to_dense(apply):
    data, v = f(11, 5, 6), f(12, 2, 6)
    ends = np.int32([4]), np.int32([0]), np.int32([-2])
    expected = data.copy()
    expected[4:0:-2] = v
    np.testing.assert_array_equal(apply("strided_set", data, v, *ends), expected)
    places = np.int64([[0, 1], [2, 3]])
    result = apply("sparse_to_dense", places, f(13, 2), np.float32(-1), output_shape=[3, 4])
    expected = np.full((3, 4), -1, "float32")
    expected[[0, 2], [1, 3]] = f(13, 2)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("right", [False, True])
def test_searchsorted(right, apply):
    lines, values = np.sort(i(14, 0, 9, 3, 7), 1), i(15, -1, 10, 3, 4)
    result = apply("searchsorted", lines, values, right=right)
    for line, value, found in zip(lines, values, result, strict=True):
        expected = [sum(x <= v if right else x < v for x in line) for v in value]
        assert found.tolist() == expected
    flat = apply("searchsorted", lines[0], values, right=right, dtype="int64")
    np.testing.assert_array_equal(
        flat, np.searchsorted(lines[0], values, "right" if right else "left")
    )


@pytest.mark.parametrize("ends", [(0, 5, 1), (5, 0, -2), (2, 2, 1), (1, 8, 3)])
def test_arange(ends, apply):
    for dtype in ("int32", "float32"):
        arrays = [np.asarray(end, dtype) for end in ends]
        np.testing.assert_array_equal(apply("arange", *arrays), np.arange(*ends, dtype=dtype))
    named = dict(zip(("start", "stop", "step"), ends, strict=True))
    result = apply("arange", *map(np.int64, ends), dtype="float64", **named)
    np.testing.assert_array_equal(result, np.arange(*ends, dtype="float64"))


@pytest.mark.parametrize("axis", [0, 1])
def test_sequence_mask(axis, apply):
    data, lengths = f(16, 3, 3, 2), np.int32([0, 2, 5])
    result = apply("sequence_mask", data, lengths, mask_value=-2, axis=axis)
    for place in np.ndindex(3, 3):
        kept = place[axis] < lengths[place[1 - axis]]
        np.testing.assert_array_equal(result[place], data[place] if kept else [-2, -2])


@pytest.mark.parametrize("align", [(True, False), (False, True)])
@pytest.mark.parametrize("k1, k2", [(0, 0), (-1, 2), (1, 1), (-2, -1)])
def test_matrix_set_diag(k1, k2, align, apply):
    data = i(17, 10, 20, 2, 3, 4)
    lengths = {k: min(3 + min(k, 0), 4 - max(k, 0)) for k in range(k1, k2 + 1)}
    longest = max(lengths.values())
    lines = i(18, 0, 9, 2, *([k2 - k1 + 1] if k1 != k2 else []), longest)
    upper, lower = align
    result = apply(
        "matrix_set_diag",
        data,
        lines,
        k1=k1,
        k2=k2,
        super_diag_right_align=upper,
        sub_diag_right_align=lower,
    )
    expected = data.copy()
    for k, length in lengths.items():
        line = lines if k1 == k2 else lines[:, k2 - k]
        begin = longest - length if (upper if k >= 0 else lower) else 0
        for step in range(length):
            expected[:, step - min(k, 0), step + max(k, 0)] = line[:, begin + step]
    np.testing.assert_array_equal(result, expected)


def test_scatter_elements_mean(apply):
    data, updates = f(19, 3), f(20, 4)
    result = apply("scatter_elements", data, np.int64([1, 1, 0, 1]), updates, reduction="mean")
    expected = [(data[0] + updates[2]) / 2, (data[1] + updates[[0, 1, 3]].sum()) / 4, data[2]]
    np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("exclude", [False, True])
def test_variance_and_logsumexp(unbiased, exclude, apply):
    axes = (0, 2) if exclude else (1,)
    mean = X.mean(axes, keepdims=True)
    result = apply("variance", X, mean, axis=[1], exclude=exclude, unbiased=unbiased)
    np.testing.assert_allclose(result, X.var(axes, ddof=int(unbiased)), rtol=1e-5)
    shifted = X + 200
    expected = np.log(np.exp(X.astype("float64")).sum(axes)) + 200
    result = apply("logsumexp", shifted, axis=[1], exclude=exclude)
    np.testing.assert_allclose(result, expected, rtol=1e-5)
