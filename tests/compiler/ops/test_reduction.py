"""Reductions, matrix products and normalisations, against numpy."""

import re

import numpy as np
import pytest

from compiler.errors import TypeInferenceError
from compiler.ir import TensorType

X = np.random.default_rng(5).integers(-9, 10, (2, 3, 4)).astype("float32")


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 1, (0, -1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_like_numpy(name, axis, keepdims, apply):
    attrs = {} if axis is None else {"axis": axis}
    result = apply(name, X, keepdims=keepdims, **attrs)
    if name.startswith("arg"):
        kept = {None: (), 1: (0, 2), (0, -1): (1,)}[axis]
        order = [*kept, *(n for n in range(3) if n not in kept)]
        rows = X.transpose(order).reshape(*(X.shape[n] for n in kept), -1)
        np.testing.assert_array_equal(result.ravel(), getattr(np, name)(rows, axis=-1).ravel())
        assert result.dtype == np.int32
    else:
        expected = getattr(np, name)(X.astype(float), axis=axis, keepdims=keepdims)
        np.testing.assert_allclose(result, expected, rtol=1e-6)
        assert result.dtype == np.float32 and result.shape == expected.shape


def test_exclude_reduces_the_other_axes(apply):
    np.testing.assert_array_equal(
        apply("sum", X, axis=[1], exclude=True), X.sum(axis=(0, 2), dtype="float32")
    )


def test_the_last_of_equal_maxima(apply):
    x = np.array([3, 1, 3, 2], "int8")
    assert apply("argmax", x) == 0
    assert apply("argmax", x, select_last_index=True) == 2


def test_integers_wrap_and_their_mean_truncates(apply):
    assert apply("sum", np.array([100, 100], "int8")) == np.int8(200 - 256)
    assert apply("mean", np.array([-3, -4], "int8")) == np.int8(-3)


def test_logic(apply):
    x = np.array([[True, False], [True, True]])
    assert apply("all", x, axis=1).tolist() == [False, True]
    assert apply("any", x).tolist() is True


@pytest.mark.parametrize("seed", range(4))
def test_dense_and_batch_matmul(seed, apply):
    rng = np.random.default_rng(seed)
    a, w = rng.integers(-9, 9, (3, 5, 4)), rng.integers(-9, 9, (6, 4))
    for dtype in ("float32", "int32", "int8"):
        result = apply("nn.dense", a.astype(dtype), w.astype(dtype), out_dtype="int32")
        np.testing.assert_array_equal(result, a @ w.T, f"seed {seed}")
    b = rng.integers(-9, 9, (3, 6, 4))
    transposed = apply("nn.batch_matmul", a, b, transpose_b=True)
    np.testing.assert_array_equal(transposed, a @ b.swapaxes(1, 2))
    flipped = apply(
        "nn.batch_matmul", a.swapaxes(1, 2), b.swapaxes(1, 2), transpose_a=True, transpose_b=False
    )
    np.testing.assert_array_equal(flipped, a @ b.swapaxes(1, 2), f"seed {seed}")


def test_softmax_and_its_logarithm(apply):
    power = np.exp(X.astype(float))
    expected = power / power.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(apply("nn.softmax", X, axis=1), expected, rtol=1e-5)
    logarithm = apply("nn.log_softmax", X, axis=1)
    np.testing.assert_allclose(logarithm, np.log(expected), rtol=1e-5, atol=1e-6)


def test_batch_norm(apply):
    gamma, beta, mean, variance = np.array([[1, 2, 3], [0, 1, 2], [4, 5, 6], [1, 4, 9]], "float32")
    result, *statistics = apply("nn.batch_norm", X, gamma, beta, mean, variance, epsilon=0.5)
    for c in range(3):
        expected = (X[:, c] - mean[c]) / np.sqrt(variance[c] + 0.5) * gamma[c] + beta[c]
        np.testing.assert_allclose(result[:, c], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(statistics, [mean, variance])


def test_small_ones(apply):
    bias = np.array([1, 2, 3], "float32")
    np.testing.assert_array_equal(apply("nn.bias_add", X, bias), X + bias[:, None])
    same, mask = apply("nn.dropout", X)
    assert (same == X).all() and (mask == 1).all()
    norm = apply("nn.l2_normalize", X, eps=1e-6, axis=[2])
    np.testing.assert_allclose((norm.astype(float) ** 2).sum(axis=2), 1, rtol=1e-5)


@pytest.mark.parametrize(
    "name, types, attrs, message",
    [
        (
            "max",
            ((0, 2),),
            {"axis": [0]},
            "max: data must not be empty along the reduced axes, but",
        ),
        (
            "sum",
            ((2,),),
            {"exclude": True},
            "sum: exclude needs axis: nothing would be reduced; na",
        ),
        ("all", ((2,),), {}, "all: data must be bool, not float32; compare it with 0 (data is "),
        ("nn.dense", ((1, 4), (3, 5)), {}, "nn.dense: axis 1 of weight must be 4 (the last axis o"),
        ("nn.dense", ((1, 4), (3, 4)), {"units": 2}, "nn.dense: axis 0 of weight must be 2 (attri"),
        (
            "nn.dense",
            ((1, 4), (3,)),
            {},
            "nn.dense: weight must have 2 axes, not 1; reshape weight",
        ),
        ("nn.bias_add", ((1, 4), (3,)), {}, "nn.bias_add: the length of bias must be 4 (axis 1 of"),
        ("nn.batch_matmul", ((1, 4, 5), (1, 6, 4)), {}, "nn.batch_matmul: the summed axis of tens"),
    ],
)
def test_errors(name, types, attrs, message, infer_type):
    with pytest.raises(TypeInferenceError, match="^" + re.escape(message)):
        infer_type(name, *(TensorType(shape) for shape in types), **attrs)
