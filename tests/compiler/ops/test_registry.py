"""The table of operators, and the attributes of calls."""

import re

import numpy as np
import pytest

from compiler.errors import TypeInferenceError, Unsupported
from compiler.ir import Span, Var
from compiler.ops import call, find, lookup, operators

X = Var("x")


def test_rows_are_complete():
    for name, row in operators().items():
        assert row.name == name
        assert callable(row.relation) and callable(row.meaning)
        for attribute in row.attributes.values():
            assert not (attribute.required and attribute.default is not None), name
    assert ("qnn.conv2d" in operators()) and find("qnn.conv3d") is None


def test_an_unknown_operator_names_the_nearest():
    place = Span("net.relay", 3, 8)
    message = r"^net.relay:3:8: operator nn.conv2 not found; did you mean nn.conv2d or .*\?$"
    with pytest.raises(Unsupported, match=message) as caught:
        lookup("nn.conv2", place)
    assert caught.value.span == place
    with pytest.raises(Unsupported, match=r"^operator zzz not found; see compiler/ops for all$"):
        lookup("zzz")


def test_attributes_are_completed_and_have_one_form():
    attrs = call("nn.conv2d", X, X, strides=2, padding=[1, 2], groups=np.int64(3)).attrs
    assert attrs["strides"] == (2, 2) and attrs["padding"] == (1, 2, 1, 2)
    assert attrs["dilation"] == (1, 1) and attrs["groups"] == 3 and type(attrs["groups"]) is int
    assert attrs["channels"] is None and attrs["data_layout"] == "NCHW"
    assert call("clip", X, a_min=0, a_max=6).attrs["a_max"] == 6.0
    assert type(call("clip", X, a_min=0, a_max=6).attrs["a_max"]) is float
    assert call("sum", X, axis=1).attrs["axis"] == (1,)
    assert call("qnn.requantize", *[X] * 5, rounding="None").attrs["rounding"] == "UPWARD"


@pytest.mark.parametrize(
    "name, attrs, message",
    [
        ("nn.softmax", {"axes": 1}, "nn.softmax: there is no attribute axes; did you mean axis?"),
        ("nn.softmax", {"z": 1}, "nn.softmax: there is no attribute z; its attributes are: axis"),
        ("nn.relu", {"z": 1}, "nn.relu: there is no attribute z; its attributes are: none"),
        ("cast", {}, "cast: attribute dtype must be given: write dtype=..."),
        ("cast", {"dtype": "int7"}, "cast: attribute dtype must be a data type such as float32, "),
        ("nn.softmax", {"axis": 1.5}, "nn.softmax: attribute axis must be an integer, not 1.5"),
        ("nn.softmax", {"axis": True}, "nn.softmax: attribute axis must be an integer, not True"),
        ("sum", {"keepdims": 3}, "sum: attribute keepdims must be True or False, not 3"),
        ("sum", {"axis": [0.5]}, "sum: attribute axis must be a list of integers, not [0.5]"),
        ("clip", {"a_min": "x", "a_max": 1}, "clip: attribute a_min must be a number, not 'x'"),
        ("nn.pad", {"pad_width": [1]}, "nn.pad: attribute pad_width must be a list of pairs of in"),
        (
            "nn.max_pool2d",
            {"pool_size": [1, 2, 3]},
            "nn.max_pool2d: attribute pool_size must be two integers, not [1, 2, 3]",
        ),
        (
            "nn.max_pool2d",
            {"pool_size": 1, "padding": [1, 2, 3]},
            "nn.max_pool2d: attribute padding must be 1, 2 or 4 integers (top, left, bottom, right",
        ),
        (
            "take",
            {"mode": "raise"},
            'take: attribute mode must be one of "clip", "wrap", "fast", not \'raise\'',
        ),
    ],
)
def test_wrong_attributes(name, attrs, message):
    with pytest.raises(TypeInferenceError, match="^" + re.escape(message)):
        call(name, X, **attrs)
