"""Arithmetic on elements: broadcasting, wrapping, conversions."""

import math
import re

import numpy as np
import pytest

from compiler.errors import TypeInferenceError
from compiler.ir import Any, TensorType

FLOATS = np.array([[-2.5, -0.5, 0.0], [0.5, 1.5, 3.0]], "float32")


@pytest.mark.parametrize(
    "name, function",
    [
        ("exp", math.exp),
        ("tanh", math.tanh),
        ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
        ("erf", math.erf),
        ("negative", lambda x: -x),
        ("abs", abs),
        ("floor", math.floor),
        ("ceil", math.ceil),
        ("trunc", math.trunc),
        ("round", lambda x: math.copysign(math.floor(abs(x) + 0.5), x)),
        ("sign", lambda x: (x > 0) - (x < 0)),
        ("nn.relu", lambda x: max(x, 0)),
        ("nn.leaky_relu", lambda x: x if x > 0 else x / 4),
    ],
)
def test_unary(name, function, apply):
    result = apply(name, FLOATS)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, [[function(x) for x in row] for row in FLOATS.tolist()])


def test_roots_and_logarithms(apply):
    x = np.array([0.25, 1, 9], "float32")
    np.testing.assert_array_equal(apply("sqrt", x), np.array([0.5, 1, 3], "float32"))
    np.testing.assert_allclose(apply("rsqrt", x), [2, 1, 1 / 3], rtol=1e-6)
    np.testing.assert_allclose(apply("log", x), np.log([0.25, 1, 9]), rtol=1e-6)
    assert np.isnan(apply("sqrt", np.float32(-1))) and np.isinf(apply("log", np.float32(0)))


@pytest.mark.parametrize(
    "name, expected",
    [
        ("add", [[127 - 128, 1], [-126, 4]]),
        ("subtract", [[-1, -3], [126, 2]]),
        ("multiply", [[-128, -2], [-127, 3]]),
        ("maximum", [[127, 2], [127, 3]]),
        ("minimum", [[-128, -1], [1, 1]]),
    ],
)
def test_binary_broadcasts_and_wraps(name, expected, apply):
    lhs = np.array([[127, -1], [127, 3]], "int8")
    rhs = np.array([[-128, 2], [-1, 1]], "int8")
    if name == "maximum":
        expected = np.maximum(lhs, rhs)
    elif name == "minimum":
        expected = np.minimum(lhs, rhs)
    else:
        function = {"add": int.__add__, "subtract": int.__sub__, "multiply": int.__mul__}[name]
        pairs = zip(lhs.ravel().tolist(), rhs.ravel().tolist(), strict=True)
        expected = [(function(a, b) + 128) % 256 - 128 for a, b in pairs]
    np.testing.assert_array_equal(apply(name, lhs, rhs).ravel(), np.ravel(expected))
    column, row = np.arange(3, dtype="int32")[:, None], np.arange(2, dtype="int32")
    assert apply(name, column, row).shape == (3, 2)


def test_integer_division_truncates(apply):
    lhs, rhs = np.array([7, -7, 7, -7, 5], "int32"), np.array([2, 2, -2, -2, 0], "int32")
    assert apply("divide", lhs, rhs).tolist() == [3, -3, -3, 3, 0]
    lowest = np.array([-128], "int8")
    assert apply("divide", lowest, np.array([-1], "int8")).tolist() == [-128]
    unsigned = np.array([2**64 - 1], "uint64")
    assert apply("divide", unsigned, np.array([2], "uint64")).tolist() == [2**63 - 1]
    assert apply("divide", np.float32(1), np.float32(4)) == np.float32(0.25)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("less", [True, False, False]),
        ("less_equal", [True, True, False]),
        ("greater", [False, False, True]),
        ("greater_equal", [False, True, True]),
        ("equal", [False, True, False]),
        ("not_equal", [True, False, True]),
    ],
)
def test_comparison_gives_bool(name, expected, apply):
    result = apply(name, np.array([1, 2, 3], "int8"), np.int8(2))
    assert result.dtype == np.bool_ and result.tolist() == expected
    if name == "equal":
        assert apply("logical_not", result).tolist() == [True, False, True]
        assert apply("where", result, np.int8(1), np.int8(0)).tolist() == [0, 1, 0]


def test_cast_wraps_integers_and_saturates_floats(apply):
    integers = np.array([300, -1, 128], "int32")
    assert apply("cast", integers, dtype="int8").tolist() == [44, -1, -128]
    floats = np.array([1.9, -1.9, 1e20, -1e20, np.nan, np.inf], "float32")
    top, bottom = 2**31 - 1, -(2**31)
    assert apply("cast", floats, dtype="int32").tolist() == [1, -1, top, bottom, 0, top]
    top, bottom = 2**63 - 1, -(2**63)
    assert apply("cast", floats, dtype="int64").tolist() == [1, -1, top, bottom, 0, top]
    assert apply("cast", floats[:2], dtype="uint8").tolist() == [1, 0]
    assert apply("cast", np.array([0, 2], "int8"), dtype="bool").tolist() == [False, True]


def test_clip_converts_its_bounds(apply):
    x = np.array([-128, 0, 127], "int8")
    assert apply("clip", x, a_min=-10, a_max=6.5).tolist() == [-10, 0, 6]
    assert apply("clip", x, a_min=-1e9, a_max=float("inf")).tolist() == [-128, 0, 127]


def test_unknown_sizes_broadcast(infer_type):
    unknown, known = TensorType((Any(), 3)), TensorType((4, 1))
    assert str(infer_type("add", unknown, known)) == "Tensor[(4, 3), float32]"
    assert str(infer_type("add", unknown, TensorType((1, 3)))) == "Tensor[(n, 3), float32]"


@pytest.mark.parametrize(
    "name, types, attrs, message",
    [
        (
            "add",
            (TensorType((2, 3)), TensorType((4,))),
            {},
            "add: shapes (2, 3) and (4) do not broadcast: axis -1 is 3 and 4; sizes must be equal, "
            "or one of them 1 (lhs is Tensor[(2, 3), float32], rhs is Tensor[(4), float32])",
        ),
        (
            "add",
            (TensorType((2,)), TensorType((2,), "int8")),
            {},
            "add: lhs and rhs must have one data type, not float32 and int8; cast one of them: "
            'cast(..., dtype="float32")',
        ),
        ("exp", (TensorType((2,), "int8"),), {}, "exp: data must be floating point, not int8; "),
        ("clip", (TensorType(()),), {"a_min": 2, "a_max": 1}, "clip: a_min must be <= a_max, not "),
        ("where", (TensorType(()),) * 3, {}, "where: condition must be bool, not float32; compare"),
    ],
)
def test_errors(name, types, attrs, message, infer_type):
    with pytest.raises(TypeInferenceError, match="^" + re.escape(message)):
        infer_type(name, *types, **attrs)
