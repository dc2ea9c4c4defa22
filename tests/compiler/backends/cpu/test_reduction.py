"""Reductions, searches and softmax against the interpreter."""

import numpy as np
import pytest

from compiler.ops import call

AXES = [None, (0,), (1,), (-1,), (0, 2), (1, 2), (1, 3), (0, 1, 2, 3)]
SHAPE = (3, 4, 2, 21)


def numbers(rng, dtype):
    """Return random elements, small ones if products shall be exact."""
    if dtype == "bool":
        return rng.random(SHAPE) < 0.8
    if dtype.startswith("float"):
        return rng.uniform(0.5, 1.5, SHAPE).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, SHAPE, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "int64", "float32", "bool"])
def test_reductions(axis, dtype, variable, main, check):
    x = numbers(np.random.default_rng(1), dtype)
    data = variable("x", x.shape, dtype)
    names = ["sum", "prod", "mean", "max", "min"]
    if dtype == "bool":
        names = ["all", "any", "max", "min", "sum", "mean"]
    results, labels = [], []
    for name in names:
        for keepdims in (False, True):
            results.append(call(name, data, axis=axis, keepdims=keepdims))
            labels.append(f"{name} keepdims {keepdims}")
    # 504 operations on float32, each off by half a unit in the last place.
    check(main([data], results), [x], rtol=504 * 2.0**-24, labels=labels)


def test_exclude(variable, main, check):
    x = numbers(np.random.default_rng(2), "int32")
    data = variable("x", x.shape, "int32")
    results = [call("sum", data, axis=axis, exclude=True) for axis in ((1,), (0, -1))]
    check(main([data], results), [x])


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_floats(dtype, variable, main, check):
    x = numbers(np.random.default_rng(3), dtype)
    data = variable("x", x.shape, dtype)
    names = ("sum", "mean", "max", "min")
    module = main([data], [call(name, data, axis=(1, 3)) for name in names])
    check(module, [x], rtol=float(np.finfo(dtype).eps) * 2, labels=names)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32"])
@pytest.mark.parametrize("axis", [None, (1,), (0, 3)], ids=str)
@pytest.mark.parametrize("last", [False, True])
def test_searches(dtype, axis, last, variable, main, check):
    x = np.random.default_rng(4).integers(0, 5, SHAPE).astype(dtype)
    if dtype == "float32":
        x[1, 2, 0, 3:5] = np.nan
    data = variable("x", x.shape, dtype)
    names = ("argmax", "argmin")
    attrs = {"axis": axis, "select_last_index": last}
    results = [call(name, data, keepdims=last, **attrs) for name in names]
    check(main([data], results), [x], labels=names)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_softmax(dtype, axis, variable, main, check):
    x = np.random.default_rng(5).normal(0, 4, (3, 12, 5)).astype(dtype)
    data = variable("x", x.shape, dtype)
    names = ("nn.softmax", "nn.log_softmax")
    module = main([data], [call(name, data, axis=axis) for name in names])
    # The argument of exp, up to 30, is off by half a unit: as much relative to the result.
    eps = max(float(np.finfo(dtype).eps), 2.0**-52)
    error = 40 * (2.0**-23 if dtype == "float16" else eps) + eps
    check(module, [x], rtol=error, atol=error, labels=names)


@pytest.mark.parametrize("cpu", [None, "x86-64"])
@pytest.mark.parametrize(
    ("shape", "axis"), [((3, 100), -1), ((2, 37, 50), 1), ((4, 7), 1), ((2, 5000), 1), ((9, 1), 1)]
)
def test_softmax_of_any_length_is_fused_with_what_follows(
    shape, axis, cpu, variable, constant, main, check
):
    x = np.random.default_rng(15).normal(0, 4, shape).astype(np.float32)
    data, bias = variable("x", shape), constant(np.arange(shape[-1]), "float32")
    shares = call("nn.softmax", data, axis=axis)
    logs = call("nn.log_softmax", data, axis=axis)
    results = [call("multiply", shares, bias), call("tanh", call("add", logs, bias))]
    check(main([data], results), [x], cpu, rtol=2e-6, atol=4e-6)


def test_softmax_of_masked_elements_is_zero(variable, main, execute):
    x = np.array([[1.0, -np.inf, 3.0, -1e9] * 9, [-np.inf, np.nan, 0, 0] * 9], np.float32)
    (found,) = execute(main([data := variable("x", x.shape)], call("nn.softmax", data)), [x])
    assert not found[0, 1::2].any() and np.isnan(found[1]).all()


@pytest.mark.parametrize("cpu", [None, "x86-64-v3", "x86-64"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("shape", "axis"), [((5, 256), -1), ((3, 33, 20), 1), ((2, 4, 77), 2)])
def test_layer_norm(shape, axis, dtype, cpu, variable, constant, main, check):
    if dtype == "float16" and cpu == "x86-64":
        pytest.skip("float16 needs x86-64-v3")
    rng = np.random.default_rng(16)
    x = rng.normal(2, 3, shape).astype(dtype)
    vectors = [constant(rng.normal(1, 0.3, shape[axis]), dtype) for _ in range(2)]
    data = variable("x", shape, dtype)
    plain = call("nn.layer_norm", data, *vectors, axis=axis, epsilon=1e-12)
    bare = call("nn.layer_norm", data, *vectors, axis=axis, center=False, scale=False)
    # The mean and the variance of up to 256 numbers, each sum off by a few roundings.
    error = 16 * max(float(np.finfo(dtype).eps) / (16 if dtype == "float16" else 1), 2.0**-52)
    check(main([data], [call("negative", plain), bare]), [x], cpu, rtol=error, atol=4 * error)


@pytest.mark.parametrize("dtype", ["int8", "int32", "float32", "float64"])
@pytest.mark.parametrize("axis", [(1,), (0, 2), (2,), (0, 1, 2)], ids=str)
def test_reduction_along_contiguous_axes(axis, dtype, variable, main, check):
    x = np.random.default_rng(17).normal(0, 30, (6, 5, 83)).astype(dtype)
    data = variable("x", x.shape, dtype)
    names = ("sum", "max", "min", "mean")
    module = main([data], [call(name, data, axis=axis) for name in names])
    # Sums of up to 2490 numbers of up to 120, in another order than numpy's.
    error = 0.0 if dtype.startswith("int") else 120 * 50 * float(np.finfo(dtype).eps)
    check(module, [x], atol=error, labels=names)


def test_reduction_is_fused_with_what_follows(variable, constant, main, check):
    x = np.random.default_rng(6).normal(size=(2, 6, 5, 17)).astype(np.float32)
    data = variable("x", x.shape)
    mean = call("mean", data, axis=(1, 2), keepdims=True)
    shifted = call("add", mean, constant(np.arange(17), "float32"))
    check(main([data], call("sigmoid", shifted)), [x], rtol=1e-6)


@pytest.mark.parametrize("axis", [(1,), (), (0, 2)], ids=str)
def test_l2_normalize(axis, variable, main, check):
    x = np.random.default_rng(7).normal(size=(3, 7, 5)).astype(np.float32)
    data = variable("x", x.shape)
    # 105 squares, a root and a division.
    check(
        main([data], call("nn.l2_normalize", data, eps=1e-3, axis=axis)), [x], rtol=110 * 2.0**-24
    )
