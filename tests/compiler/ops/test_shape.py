"""Operators that change shapes, join, and take parts, against numpy."""

import re

import numpy as np
import pytest

from compiler.errors import TypeInferenceError
from compiler.ir import Any, TensorType
from compiler.ops.operator import Mismatch
from compiler.ops.shape import reshaped

X = np.arange(24, dtype="int32").reshape(2, 3, 4)


@pytest.mark.parametrize(
    "shape, newshape, expected",
    [
        ((2, 3, 4), (4, 0, 2), (4, 3, 2)),
        ((2, 3, 4), (2, 0, 0), (2, 3, 4)),
        ((2, 3, 4), (6, 1, -1), (6, 1, 4)),
        ((2, 3, 4), (3, -1, 8), (3, 1, 8)),
        ((2, 3, 4), (-2,), (2, 3, 4)),
        ((2, 3, 4), (2, -2), (2, 3, 4)),
        ((2, 3, 4), (-2, 1, 1), (2, 3, 4, 1, 1)),
        ((2, 3, 4), (-3, 4), (6, 4)),
        ((2, 3, 4, 5), (-3, -3), (6, 20)),
        ((2, 3, 4), (0, -3), (2, 12)),
        ((2, 3, 4), (-3, -2), (6, 4)),
        ((2, 3, 4), (-4, 1, 2, -2), (1, 2, 3, 4)),
        ((2, 3, 4), (2, -4, -1, 3, -2), (2, 1, 3, 4)),
        ((), (1, 1), (1, 1)),
        ((0, 3), (3, 0), (3, 3)),
    ],
)
def test_reshape_codes(shape, newshape, expected):
    """The cases of relay.reshape's documentation, and some more."""
    if shape == (0, 3):
        with pytest.raises(Mismatch, match=r"^data \(0, 3\) has 0 elements, which newshape \[3, 0"):
            reshaped(shape, newshape, False)
        assert reshaped(shape, newshape, True) == (3, 0)
    else:
        assert reshaped(shape, newshape, False) == expected


@pytest.mark.parametrize(
    "newshape, message",
    [
        ((5, 5), "data (2, 3, 4) has 24 elements, which newshape [5, 5] cannot hold"),
        ((-1, 5), "data (2, 3, 4) has 24 elements, which newshape [-1, 5] cannot hold"),
        ((-1, -1), "newshape [-1, -1] has -1 twice"),
        ((2, 3, 4, 0), "newshape [2, 3, 4, 0] copies an axis that data (2, 3, 4) does not have"),
        ((-4, 2, 2, 12), "newshape [-4, 2, 2, 12] splits 2 into 2 and 2"),
        ((-5,), "newshape [-5] cannot be read at -5"),
    ],
)
def test_reshape_refuses(newshape, message):
    with pytest.raises(Mismatch, match=f"^{re.escape(message)}$"):
        reshaped((2, 3, 4), newshape, False)


def test_reshape_of_unknown_sizes():
    assert reshaped((Any(), 4), (-1, 2), False) == (Any(), 2)
    assert reshaped((Any(), 4), (0, 2, 2), False) == (Any(), 2, 2)


@pytest.mark.parametrize(
    "name, args, attrs, expected",
    [
        ("reshape", (X,), {"newshape": [4, -1]}, X.reshape(4, 6)),
        ("transpose", (X,), {"axes": [2, 0, -2]}, X.transpose(2, 0, 1)),
        ("transpose", (X,), {}, X.T),
        ("squeeze", (X[:1, :, :1],), {}, X[0, :, 0]),
        ("squeeze", (X[:1, :, :1],), {"axis": [-1]}, X[:1, :, 0]),
        ("expand_dims", (X,), {"axis": -1, "num_newaxis": 2}, X[..., None, None]),
        ("expand_dims", (X,), {"axis": 1}, X[:, None]),
        ("broadcast_to", (X[:, :1],), {"shape": [5, 2, 3, 4]}, np.stack([X[:, [0] * 3]] * 5)),
        ("concatenate", ((X, X[:, :1]),), {"axis": 1}, np.concatenate((X, X[:, :1]), 1)),
        ("concatenate", ((X, X),), {"axis": -1}, np.concatenate((X, X), -1)),
        ("stack", ((X, X),), {"axis": 1}, np.stack((X, X), 1)),
        ("strided_slice", (X,), {"begin": [0, 1], "end": [2, 9]}, X[:, 1:]),
        (
            "strided_slice",
            (X,),
            {"begin": [3], "end": [-9], "strides": [-2], "axes": [2]},
            X[..., ::-2],
        ),
        (
            "strided_slice",
            (X,),
            {"begin": [0, 1], "end": [-1, 2], "slice_mode": "size"},
            X[:, 1:3],
        ),
        ("take", (X, np.array([[1, 0]])), {"axis": 2}, np.take(X, [[1, 0]], 2)),
        ("take", (X, np.array([-5, 99])), {}, np.array([0, 23], "int32")),
        ("take", (X, np.array([-1])), {"axis": 0, "mode": "wrap"}, X[-1:]),
        ("nn.batch_flatten", (X,), {}, X.reshape(2, 12)),
        (
            "nn.pad",
            (X, np.int32(7)),
            {"pad_width": [[0, 0], [1, 0], [0, 2]]},
            np.pad(X, ((0, 0), (1, 0), (0, 2)), constant_values=7),
        ),
        (
            "nn.pad",
            (X, np.int32(7)),
            {"pad_width": [[0, 0], [1, 1], [2, 2]], "pad_mode": "reflect"},
            np.pad(X, ((0, 0), (1, 1), (2, 2)), mode="reflect"),
        ),
        ("zeros", (), {"shape": [2, 0], "dtype": "int8"}, np.zeros((2, 0), "int8")),
        ("ones", (), {"shape": [3], "dtype": "bool"}, np.ones(3, "bool")),
        ("full", (np.int16(9),), {"shape": [2]}, np.full(2, 9, "int16")),
    ],
)
def test_like_numpy(name, args, attrs, expected, apply):
    result = apply(name, *args, **attrs)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_split(apply):
    parts = apply("split", X, indices_or_sections=2, axis=2)
    np.testing.assert_array_equal(parts[1], X[..., 2:])
    sizes = [part.shape[1] for part in apply("split", X, indices_or_sections=[1, 1], axis=1)]
    assert sizes == [1, 0, 2]


@pytest.mark.parametrize(
    "name, types, attrs, message",
    [
        ("transpose", ((2, 3),), {"axes": [0]}, "transpose: axes must name all 2 axes of data, no"),
        (
            "transpose",
            ((2, 3),),
            {"axes": [0, -2]},
            "transpose: axes must differ, not be [0, -2]; ",
        ),
        ("squeeze", ((2, 3),), {"axis": [0]}, "squeeze: axis 0 must have size 1 to be squeezed, n"),
        ("expand_dims", ((2,),), {"axis": 3}, "expand_dims: axis must be in -2..1 and num_newaxis"),
        ("broadcast_to", ((2,),), {"shape": [3]}, "broadcast_to: shapes (2) and (3) do not broadc"),
        ("broadcast_to", ((3, 2),), {"shape": [2]}, "broadcast_to: data (3, 2) does not broadcast"),
        ("nn.softmax", ((2,),), {"axis": 1}, "nn.softmax: axis must be in -1..0, not 1; the data "),
        ("nn.softmax", ((),), {}, "nn.softmax: axis -1 does not exist: data is a scalar; expand_d"),
        (
            "split",
            ((5,),),
            {"indices_or_sections": 2},
            "split: 5 elements do not split into 2 equa",
        ),
        (
            "split",
            ((5,),),
            {"indices_or_sections": [3, 2]},
            "split: places [3, 2] must rise within",
        ),
        ("strided_slice", ((5,),), {"begin": [0, 0], "end": [1]}, "strided_slice: begin [0, 0], e"),
        ("strided_slice", ((5,),), {"begin": [0], "end": [1], "strides": [0]}, "strided_slice: st"),
        ("nn.pad", ((5,), ()), {"pad_width": []}, "nn.pad: pad_width must have one pair an axis, "),
        ("concatenate", ((5,),), {}, "concatenate: data must be a tuple of at least one tensor, n"),
    ],
)
def test_errors(name, types, attrs, message, infer_type):
    with pytest.raises(TypeInferenceError, match="^" + re.escape(message)):
        infer_type(name, *(TensorType(shape) for shape in types), **attrs)


def test_joined_tensors_must_agree(apply):
    for other, message in (
        (X.astype("int8"), "concatenate: all fields must be int32, but field 1 is int8; cast it"),
        (X[:, :, :2], "concatenate: axis 2 of field 1 must be 4 (as of field 0), not 2; tensors "),
        (X[0], "concatenate: field 1 must have 3 axes, not 2; reshape field 1 first"),
    ):
        with pytest.raises(TypeInferenceError, match="^" + re.escape(message)):
            apply("concatenate", (X, other), axis=0)
