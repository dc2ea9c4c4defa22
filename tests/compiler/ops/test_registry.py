"""The table of operators, and the attributes of calls."""

import re

import numpy as np
import pytest

from compiler.errors import TypeInferenceError, Unsupported
from compiler.ir import Span, Var
from compiler.ops import call, find, lookup, operators
from compiler.ops.catalog import ABSENT

X = Var("x")


def test_rows_are_complete():
    for name, row in operators().items():
        assert row.name == name
        assert callable(row.relation) and callable(row.meaning)
        for attribute in row.attributes.values():
            assert not (attribute.required and attribute.default is not None), name
    assert ("qnn.conv2d" in operators()) and find("qnn.conv3d") is None
    assert len(operators()) >= 250


def test_an_unknown_operator_names_the_nearest():
    place = Span("net.relay", 3, 8)
    message = r"^net.relay:3:8: operator nn.conv2 not found; did you mean nn.conv2d or .*\?$"
    with pytest.raises(Unsupported, match=message) as caught:
        lookup("nn.conv2", place)
    assert caught.value.span == place
    with pytest.raises(
        Unsupported, match=r"^operator zzz not found; see docs/operators.md for all$"
    ):
        lookup("zzz")


def test_what_relay_has_and_this_does_not_is_refused_by_name():
    place = Span("net.relay", 3, 8)
    message = (
        r"^net.relay:3:8: operator nn.sparse_dense of Relay is not taken here; "
        r"near ones are [a-z_.]+, [a-z_.]+, nn\.dense; see docs/operators.md$"
    )
    with pytest.raises(Unsupported, match=message):
        lookup("nn.sparse_dense", place)
    absent = [name for names in ABSENT.values() for name in names]
    assert len(set(absent)) == len(absent) == 47
    assert not set(absent) & set(operators())
    for name in absent:
        with pytest.raises(Unsupported, match=rf"^operator {re.escape(name)} of Relay is not tak"):
            lookup(name)


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
