"""Patterns: what they match and what their parts are bound to."""

import numpy as np

from compiler.ir import Constant, Tuple, TupleGetItem, Var
from compiler.ir.pattern import constant, match, op, tuple_of, variable, wildcard
from compiler.ops import call

X, W = Var("x"), Constant(np.ones((4, 3, 3, 3), "float32"))
CONV = call("nn.conv2d", X, W, strides=2)
RELU = call("nn.relu", CONV)


def test_a_call_binds_its_parts():
    data, weight = wildcard(), constant()
    convolution = op("nn.conv2d")(data, weight)
    found = match(convolution, CONV)
    assert found is not None and found.root is CONV
    assert found[data] is X and found[weight] is W and found[convolution] is CONV
    assert match(op("nn.relu")(data), CONV) is None
    assert match(op("nn.conv2d")(data), CONV) is None
    assert match(op("nn.conv2d")(constant(), weight), CONV) is None
    assert match(op("nn.conv2d")(variable(), weight), CONV) is not None


def test_attributes_and_conditions():
    any_convolution = op("nn.conv2d")(wildcard(), wildcard())
    assert match(any_convolution.has_attr(strides=(2, 2), groups=1), CONV) is not None
    assert match(any_convolution.has_attr(strides=(1, 1)), CONV) is None
    assert match(any_convolution.has_attr(no_such=1), CONV) is None
    assert match(wildcard().where(lambda expr: expr is X), X) is not None
    assert match(wildcard().where(lambda expr: expr is X), CONV) is None


def test_alternatives_forget_what_failed():
    data, weight = wildcard(), wildcard()
    first = op("nn.conv2d")(data, op("exp")(weight))
    second = op("nn.conv2d")(weight, data)
    found = match(first | second, CONV)
    assert found is not None and found[weight] is X and found[data] is W
    assert first not in found and second in found


def test_optional():
    convolution = op("nn.conv2d")(wildcard(), wildcard())
    relu = []
    pattern = convolution.optional(lambda x: relu.append(op("nn.relu")(x)) or relu[0])
    assert relu[0] in match(pattern, RELU)
    found = match(pattern, CONV)
    assert found is not None and relu[0] not in found and found[convolution] is CONV


def test_one_part_is_one_expression():
    part = wildcard()
    double = op("add")(part, part)
    assert match(double, call("add", X, X)) is not None
    assert match(double, call("add", X, Var("x"))) is None
    one = (Constant(np.float32(1)) for _ in range(2))
    assert match(double, call("add", *one)) is not None


def test_tuples_and_fields():
    first, second = variable(), constant()
    pair = tuple_of(first, second)
    found = match(pair.field(1), TupleGetItem(Tuple((X, W)), 1))
    assert found is not None and found[first] is X and found[second] is W
    assert match(pair.field(0), TupleGetItem(Tuple((X, W)), 1)) is None
    assert match(pair, Tuple((X,))) is None
