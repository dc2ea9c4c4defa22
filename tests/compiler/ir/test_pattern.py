"""Patterns: what they match and what their parts are bound to."""

import numpy as np

from compiler.infer import infer
from compiler.ir import Constant, Function, If, Let, Module, TensorType, Tuple, TupleGetItem, Var
from compiler.ir.pattern import (
    constant,
    dominated,
    expression,
    function_of,
    if_of,
    let_of,
    op,
    tuple_of,
    variable,
    wildcard,
)
from compiler.ir.pattern_match import match
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


def test_types_of_typed_expressions():
    x = Var("x", TensorType((1, 4), "int8"))
    body = infer(Module({"main": Function((x,), call("abs", x))}))["main"].body
    for pattern in (
        wildcard().has_type(TensorType((1, 4), "int8")),
        wildcard().has_dtype("int8"),
        wildcard().has_shape(1, 4),
    ):
        assert match(pattern, body) is not None
        assert match(pattern, CONV) is None
    assert match(wildcard().has_dtype("int32"), body) is None
    assert match(wildcard().has_shape(4, 1), body) is None


def test_choices_bindings_functions_and_nodes():
    choice = If(X, CONV, RELU)
    found = wildcard()
    assert match(if_of(variable(), found, wildcard()), choice)[found] is CONV
    assert match(if_of(constant(), wildcard(), wildcard()), choice) is None
    binding = Let(Var("t"), CONV, RELU)
    assert match(let_of(found, wildcard()), binding)[found] is CONV
    assert match(let_of(wildcard(), wildcard()), choice) is None
    assert match(function_of(found), Function((), RELU))[found] is RELU
    assert match(expression(CONV), CONV) is not None and match(expression(CONV), RELU) is None


def test_a_dominated_expression_has_one_source():
    join = call("add", call("exp", RELU), call("nn.relu", call("exp", RELU)))
    source = op("nn.relu")(op("nn.conv2d")(wildcard(), wildcard()))
    path = op("exp")(wildcard()) | op("nn.relu")(wildcard())
    pattern = dominated(op("add")(wildcard(), wildcard()), path=path, by=source)
    assert match(pattern, join)[source] is RELU
    other = call("add", call("exp", RELU), call("exp", X))
    assert match(pattern, other) is None
    narrow = dominated(op("add")(wildcard(), wildcard()), path=op("exp")(wildcard()), by=source)
    assert match(narrow, join) is None
