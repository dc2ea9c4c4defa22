"""Operators that ONNX has as well, against onnxruntime."""

import numpy as np
import pytest

R = np.random.default_rng


def f(seed, *shape):
    return R(seed).standard_normal(shape).astype("float32")


def i(seed, low, high, *shape, dtype="int64"):
    return R(seed).integers(low, high, shape).astype(dtype)


X = f(0, 2, 3, 4)
POSITIVE = np.abs(X) + 0.5
INSIDE = np.tanh(X)


@pytest.mark.parametrize(
    "name, data, onnx_name",
    [
        ("sin", X, "Sin"),
        ("cos", X, "Cos"),
        ("tan", X, "Tan"),
        ("sinh", X, "Sinh"),
        ("cosh", X, "Cosh"),
        ("asin", INSIDE, "Asin"),
        ("acos", INSIDE, "Acos"),
        ("atan", X, "Atan"),
        ("asinh", X, "Asinh"),
        ("acosh", POSITIVE + 1, "Acosh"),
        ("atanh", INSIDE, "Atanh"),
        ("isnan", np.float32([np.nan, 1, np.inf]), "IsNaN"),
        ("isinf", np.float32([np.nan, 1, -np.inf]), "IsInf"),
        ("bitwise_not", i(1, -9, 9, 5, dtype="int8"), "BitwiseNot"),
        ("invert_permutation", None, None),
        ("nn.log_softmax", X, "LogSoftmax"),
    ],
)
def test_unary(name, data, onnx_name, apply, onnx_run):
    if name == "invert_permutation":
        order = R(3).permutation(7).astype("int32")
        np.testing.assert_array_equal(order[apply(name, order)], np.arange(7))
        return
    expected = onnx_run(onnx_name, [data])
    np.testing.assert_allclose(apply(name, data), expected, rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize(
    "name, dtype, onnx_name, attrs",
    [
        ("floor_mod", "int32", "Mod", {}),
        ("trunc_mod", "int64", "Mod", {"fmod": 1}),
        ("mod", "float32", "Mod", {"fmod": 1}),
        ("trunc_divide", "int32", "Div", {}),
        ("divide", "int64", "Div", {}),
        ("left_shift", "uint8", "BitShift", {"direction": "LEFT"}),
        ("right_shift", "uint32", "BitShift", {"direction": "RIGHT"}),
        ("bitwise_and", "int16", "BitwiseAnd", {}),
        ("bitwise_or", "int32", "BitwiseOr", {}),
        ("bitwise_xor", "uint64", "BitwiseXor", {}),
        ("logical_and", "bool", "And", {}),
        ("logical_or", "bool", "Or", {}),
        ("logical_xor", "bool", "Xor", {}),
    ],
)
def test_binary(name, dtype, onnx_name, attrs, apply, onnx_run):
    low = 0 if dtype[0] in "ub" else -20
    left = i(1, low, 20, 4, 1, 5).astype(dtype)
    right = i(2, 1, 7, 3, 1).astype(dtype)
    if low < 0:
        right = right * np.where(i(3, 0, 2, 3, 1), 1, -1).astype(dtype)
    np.testing.assert_array_equal(
        apply(name, left, right), onnx_run(onnx_name, [left, right], **attrs)
    )


@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cumsum(axis, exclusive, apply, onnx_run):
    expected = onnx_run("CumSum", [X, np.int64(axis)], exclusive=exclusive)
    result = apply("cumsum", X, axis=axis, exclusive=bool(exclusive))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather(axis, apply, onnx_run):
    shape = [2, 3, 4]
    shape[axis] = 5
    indices = i(4, -shape[axis] + 3, 2, *shape)
    expected = onnx_run("GatherElements", [X, indices], axis=axis)
    np.testing.assert_array_equal(apply("gather", X, indices, axis=axis), expected)


@pytest.mark.parametrize("batch, depth", [(0, 1), (0, 3), (1, 1), (1, 2), (2, 1)])
def test_gather_nd(batch, depth, apply, onnx_run):
    data = f(5, 2, 3, 4, 5)
    places = i(6, 0, 2, *data.shape[:batch], 6, depth)
    expected = onnx_run("GatherND", [data, places], batch_dims=batch)
    result = apply("gather_nd", data, np.moveaxis(places, -1, 0), batch_dims=batch)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("reduction", ["update", "add", "mul", "min", "max"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_scatter_elements(axis, reduction, apply, onnx_run):
    shape = [1, 2, 3]
    indices = np.sort(i(7, 0, 2, *shape), axis)
    if reduction == "update":
        indices = np.zeros(shape, "int64")
        shape[axis] = 1
        indices = indices[tuple(slice(size) for size in shape)]
    updates = f(8, *indices.shape)
    other = "none" if reduction == "update" else reduction
    expected = onnx_run("ScatterElements", [X, indices, updates], axis=axis, reduction=other)
    result = apply("scatter_elements", X, indices, updates, axis=axis, reduction=reduction)
    np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("mode", ["update", "add", "mul", "min", "max"])
def test_scatter_nd(mode, apply, onnx_run):
    places = np.array([[0, 1], [1, 2], [1, 0]]) if mode == "update" else i(9, 0, 2, 5, 2)
    updates = f(10, len(places), 4)
    onnx_mode = "none" if mode == "update" else mode
    expected = onnx_run("ScatterND", [X, places, updates], reduction=onnx_mode)
    result = apply("scatter_nd", X, places.T.copy(), updates, mode=mode)
    np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_topk(axis, largest, apply, onnx_run):
    data = i(11, 0, 4, 5, 6, 5, dtype="float32")
    values, places = onnx_run("TopK", [data, np.array([3])], 2, axis=axis, largest=largest)
    found = apply("topk", data, k=3, axis=axis, is_ascend=not largest, dtype="int64")
    np.testing.assert_array_equal(found[0], values)
    np.testing.assert_array_equal(found[1], places)


@pytest.mark.parametrize("axes", [(1, 0), (0, 1)])
def test_reverse_sequence(axes, apply, onnx_run):
    data = f(12, 4, 4, 2)
    lengths = np.array([1, 4, 2, 3])
    expected = onnx_run("ReverseSequence", [data, lengths], time_axis=axes[0], batch_axis=axes[1])
    result = apply("reverse_sequence", data, lengths, seq_axis=axes[0], batch_axis=axes[1])
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(axis, apply, onnx_run):
    indices, ends = i(13, 0, 5, 3, 2), np.float32([-1, 4])
    expected = onnx_run("OneHot", [indices, np.int64(5), ends], axis=axis)
    result = apply("one_hot", indices, ends[1], ends[0], depth=5, axis=axis)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("k", [-2, 0, 1, 9])
def test_trilu(k, upper, apply, onnx_run):
    expected = onnx_run("Trilu", [X, np.int64(k)], upper=upper)
    np.testing.assert_array_equal(apply("trilu", X, np.int32(k), upper=bool(upper)), expected)


@pytest.mark.parametrize("order", [True, False])
def test_unique(order, apply, onnx_run):
    data = i(14, 0, 5, 9, dtype="float32")
    expected = onnx_run("Unique", [data], 4, sorted=int(order))
    found = apply("unique", data, sorted=order, return_counts=True)
    number = len(expected[0])
    assert found[3].tolist() == [number]
    for place, other in ((0, 0), (1, 1), (4, 3)):
        np.testing.assert_array_equal(found[place][:number], expected[other])
        assert not found[place][number:].any()
    np.testing.assert_array_equal(found[2], expected[2])


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_and_space(mode, apply, onnx_run):
    data = f(15, 2, 12, 2, 3)
    expected = onnx_run("DepthToSpace", [data], blocksize=2, mode=mode)
    result = apply("nn.depth_to_space", data, block_size=2, mode=mode)
    np.testing.assert_array_equal(result, expected)
    last = data.transpose(0, 2, 3, 1).copy()
    last = apply("nn.depth_to_space", last, block_size=2, mode=mode, layout="NHWC")
    np.testing.assert_array_equal(last.transpose(0, 3, 1, 2), expected)
    back = onnx_run("SpaceToDepth", [expected], blocksize=2)
    np.testing.assert_array_equal(apply("nn.space_to_depth", expected, block_size=2), back)


def test_tile_and_argwhere(apply, onnx_run):
    reps = np.array([2, 1, 3])
    np.testing.assert_array_equal(apply("tile", X, reps=reps.tolist()), onnx_run("Tile", [X, reps]))
    np.testing.assert_array_equal(apply("argwhere", X > 0), onnx_run("NonZero", [X > 0]).T)


@pytest.mark.parametrize("equation", ["bij,bjk->bik", "bij,bjk", "ij,ij->", "ii->i", "bij->jb"])
def test_einsum(equation, apply, onnx_run):
    sizes = {"b": 2, "i": 3, "j": 3 if "ij,ij" in equation else 4, "k": 5}
    operands = equation.split("->")[0].split(",")
    data = tuple(f(n, *(sizes[letter] for letter in part)) for n, part in enumerate(operands))
    expected = onnx_run("Einsum", list(data), equation=equation)
    result = apply("einsum", data, equation=equation)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("count", [1, 3])
def test_convolution(count, groups, apply, onnx_run):
    data, weight = f(16, 2, 4, *(6, 7, 5)[:count]), f(17, 6, 4 // groups, *(3, 2, 1)[:count])
    pads = list(range(1, 2 * count + 1))
    pads = [pad % 3 for pad in pads]
    shared = {"strides": [2, 1, 1][:count]}
    expected = onnx_run(
        "Conv", [data, weight], pads=pads, dilations=[1, 2, 1][:count], group=groups, **shared
    )
    attrs = {"padding": pads, "dilation": [1, 2, 1][:count], "groups": groups, **shared}
    result = apply(f"nn.conv{count}d", data, weight, **attrs)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)
    order = [0, *range(2, 2 + count), 1]
    letters = "DHW"[3 - count :]
    moved = apply(
        f"nn.conv{count}d",
        data.transpose(order).copy(),
        weight.transpose([*range(2, 2 + count), 1, 0]).copy(),
        data_layout=f"N{letters}C",
        kernel_layout=f"{letters}IO",
        **attrs,
    )
    np.testing.assert_array_equal(np.moveaxis(moved, -1, 1), result)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("stride, extra, dilation", [(1, 0, 1), (2, 1, 1), (3, 2, 2), (2, 0, 2)])
def test_transposed_convolution(count, groups, stride, extra, dilation, apply, onnx_run):
    data, weight = f(18, 2, 4, *(4, 3, 2)[:count]), f(19, 4, 3, *(3, 2, 2)[:count])
    pads = [1, 0, 1, 0, 1, 0][: 2 * count]
    shared = {"strides": [stride] * count, "output_padding": [extra] * count}
    expected = onnx_run(
        "ConvTranspose",
        [data, weight],
        pads=pads,
        dilations=[dilation] * count,
        group=groups,
        **shared,
    )
    result = apply(
        f"nn.conv{count}d_transpose",
        data,
        weight,
        padding=pads,
        dilation=[dilation] * count,
        groups=groups,
        **shared,
    )
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("count", [1, 3])
def test_pools(count, ceil_mode, apply, onnx_run):
    data = f(20, 2, 3, *(7, 6, 5)[:count])
    # ONNX drops a last window that begins in the padding, which Relay keeps.
    pads = [1, 0, 1, *([0] * 3 if ceil_mode else [1, 1, 0])][: 2 * count]
    shared = {"strides": [2, 2, 1][:count], "ceil_mode": ceil_mode}
    window = [3, 2, 2][:count]
    expected = onnx_run("MaxPool", [data], pads=pads, kernel_shape=window, **shared)
    attrs = {"pool_size": window, "padding": pads, **shared}
    np.testing.assert_array_equal(apply(f"nn.max_pool{count}d", data, **attrs), expected)
    for include in (0, 1) if not ceil_mode else (0,):
        expected = onnx_run(
            "AveragePool",
            [data],
            pads=pads,
            kernel_shape=window,
            count_include_pad=include,
            **shared,
        )
        result = apply(f"nn.avg_pool{count}d", data, count_include_pad=bool(include), **attrs)
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_norms(apply, onnx_run):
    data, gamma, beta = f(21, 2, 4, 3, 5), f(22, 4), f(23, 4)
    near = {"rtol": 1e-4, "atol": 1e-5}
    expected = onnx_run("InstanceNormalization", [data, gamma, beta], epsilon=1e-3)
    result = apply("nn.instance_norm", data, gamma, beta, epsilon=1e-3)
    np.testing.assert_allclose(result, expected, **near)
    expected = onnx_run("GroupNormalization", [data, gamma, beta], num_groups=2, epsilon=1e-3)
    result = apply("nn.group_norm", data, gamma, beta, num_groups=2, epsilon=1e-3)
    np.testing.assert_allclose(result, expected, **near)
    last = f(24, 5), f(25, 5)
    expected = onnx_run("LayerNormalization", [data, *last], axis=-1, epsilon=1e-3)
    np.testing.assert_allclose(apply("nn.layer_norm", data, *last, epsilon=1e-3), expected, **near)
    expected = onnx_run("LRN", [data], size=3, alpha=0.1, beta=0.5, bias=1.5)
    result = apply("nn.lrn", data, size=3, alpha=0.1, beta=0.5, bias=1.5)
    np.testing.assert_allclose(result, expected, **near)
    expected = onnx_run("PRelu", [data, gamma.reshape(4, 1, 1)])
    np.testing.assert_allclose(apply("nn.prelu", data, gamma), expected, **near)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_nll_loss(reduction, apply, onnx_run):
    data, weights = np.log(np.abs(f(26, 3, 5, 2)) + 0.1), np.abs(f(27, 5))
    targets = i(28, 0, 5, 3, 2)
    targets[0, 1] = -1
    expected = onnx_run(
        "NegativeLogLikelihoodLoss",
        [data, targets, weights],
        reduction=reduction,
        ignore_index=-1,
    )
    result = apply("nn.nll_loss", data, targets, weights, reduction=reduction, ignore_index=-1)
    np.testing.assert_allclose(result, expected, rtol=1e-5)
