"""dyn.*: the same as the operators without, and what values decide is refused when they come."""

import re

import numpy as np
import pytest

from compiler.errors import InvalidInput, TypeInferenceError
from compiler.ir import Any, TensorType
from compiler.ops import lookup

X = np.arange(24, dtype="float32").reshape(2, 3, 4)
IMAGE = np.arange(48, dtype="float32").reshape(1, 3, 4, 4)
ONE = np.float32(1), np.float32(0)


@pytest.mark.parametrize(
    "name, args, attrs, moved",
    [
        ("reshape", (X,), {}, {"newshape": [0, -1]}),
        ("tile", (X,), {}, {"reps": [2, 1, 1, 3]}),
        ("broadcast_to", (X[:1],), {}, {"shape": [5, 3, 4]}),
        ("full", (np.int8(3),), {}, {"shape": [0, 2]}),
        ("zeros", (), {"dtype": "int8"}, {"shape": [3]}),
        ("ones", (), {"dtype": "float16"}, {"shape": []}),
        ("one_hot", (np.int32([1, 0]), *ONE), {"axis": 0}, {"depth": 3}),
        (
            "strided_slice",
            (X,),
            {},
            {"begin": [0, -1], "end": [2, -9], "strides": [1, -2]},
        ),
        ("expand_dims", (X,), {"num_newaxis": 2}, {"axis": -2}),
        ("squeeze", (X[:1, :, :1],), {}, {"axis": [0, 2]}),
        ("topk", (X,), {"axis": 1}, {"k": 2}),
        (
            "sparse_to_dense",
            (np.int64([[0, 1], [2, 3]]), np.float32([5, 6]), np.float32(0)),
            {},
            {"output_shape": [3, 4]},
        ),
        ("image.resize2d", (IMAGE,), {"method": "cubic"}, {"size": [3, 6], "roi": [0.0, 0, 1, 1]}),
        ("nn.upsampling", (IMAGE,), {}, {"scale_h": 2.0, "scale_w": 1.5}),
        ("nn.upsampling3d", (IMAGE[None],), {}, {"scale_d": 1.0, "scale_h": 2.0, "scale_w": 1.5}),
    ],
)
def test_like_the_operator_without(name, args, attrs, moved, apply):
    expected = apply(name, *args, **attrs, **moved)
    values = [np.asarray(v, "float32" if "." in str(v) else "int64") for v in moved.values()]
    result = apply(f"dyn.{name}", *args, *values, **attrs)
    if isinstance(expected, tuple):
        assert all(np.array_equal(a, b) for a, b in zip(result, expected, strict=True))
    else:
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected)
    shapes = lookup(f"dyn.{name}").result_shape
    full = {a: attrs.get(a, k.default) for a, k in lookup(f"dyn.{name}").attributes.items()}
    parts = expected if isinstance(expected, tuple) else (expected,)
    assert shapes(full, *args, *values) == tuple(part.shape for part in parts)


def test_pad(apply):
    width = np.int64([[1, 0], [0, 2], [0, 0]])
    result = apply("dyn.nn.pad", X, width, np.float32(7))
    np.testing.assert_array_equal(result, np.pad(X, width, constant_values=7))


def test_types(infer_type):
    x, shape = TensorType((2, 3)), TensorType((3,), "int32")
    assert infer_type("dyn.reshape", x, shape) == TensorType((Any(),) * 3)
    assert infer_type("dyn.tile", x, TensorType((1,), "int64")) == TensorType((Any(),) * 2)
    k = TensorType((), "int32")
    assert infer_type("dyn.topk", x, k, ret_type="values") == TensorType((2, Any()))
    ends = [TensorType((1,), "int32")] * 3
    assert infer_type("dyn.strided_slice", x, *ends) == TensorType((Any(), 3))


@pytest.mark.parametrize(
    "name, args, attrs, message",
    [
        ("dyn.reshape", (X, [5]), {}, "dyn.reshape: data (2, 3, 4) has 24 elements, which newshap"),
        ("dyn.reshape", (X, [-2]), {}, "dyn.reshape: the result must have 1 axes, not 3; write si"),
        ("dyn.tile", (X, [-1]), {}, "dyn.tile: reps must be >= 0, not [-1]; correct reps"),
        ("dyn.broadcast_to", (X, [5, 3, 5]), {}, "dyn.broadcast_to: shapes (2, 3, 4) and (5, 3, 5"),
        ("dyn.squeeze", (X, [0]), {}, "dyn.squeeze: axis 0 must have size 1 to be squeezed, not 2"),
        ("dyn.expand_dims", (X, 9), {}, "dyn.expand_dims: axis must be in -4..3 and num_newaxis >"),
        ("dyn.topk", (X, 5), {}, "dyn.topk: k must be at most 4, not 5; axis 2 has 4 elements"),
        ("dyn.one_hot", (np.int32([1]), *ONE, 0), {}, "dyn.one_hot: depth must be >= 1, not 0; gi"),
    ],
)
def test_values_that_do_not_fit(name, args, attrs, message, apply):
    arrays = [np.asarray(a, "int32") if isinstance(a, list | int) else a for a in args]
    with pytest.raises(InvalidInput, match="^" + re.escape(message)):
        apply(name, *arrays, **attrs)


@pytest.mark.parametrize(
    "name, types, attrs, message",
    [
        (
            "dyn.reshape",
            (TensorType((2,)), TensorType((1,))),
            {},
            "dyn.reshape: newshape must be integers, not float32; cast it",
        ),
        (
            "dyn.reshape",
            (TensorType((2,)), TensorType((Any(),), "int32")),
            {},
            "dyn.reshape: the length of newshape must be known, not ",
        ),
        (
            "dyn.tile",
            (TensorType((2,)), TensorType((1,), "int32")),
            {"reps": [2]},
            "dyn.tile: attribute reps must be left out: reps says it; use tile for one that is kno",
        ),
        (
            "dyn.topk",
            (TensorType((2,)), TensorType((1,), "int32")),
            {},
            "dyn.topk: k must be a scalar, not Tensor[(1), int32]; take one element out of it",
        ),
    ],
)
def test_types_that_do_not_fit(name, types, attrs, message, infer_type):
    with pytest.raises(TypeInferenceError, match="^" + re.escape(message)):
        infer_type(name, *types, **attrs)
