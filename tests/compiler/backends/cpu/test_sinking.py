"""Reshapes and transposes behind the element-wise steps that follow them."""

import numpy as np
import pytest

from compiler.backends.cpu.expansion import expand
from compiler.backends.cpu.fusion import fuse
from compiler.backends.cpu.graph import Tensor
from compiler.backends.cpu.sinking import sink
from compiler.backends.cpu.trace import trace
from compiler.ops import call


def shapes(module):
    """Return name and shape of the result of the steps."""
    graph = trace(module, {})
    steps = sink(graph, expand(graph.steps))
    return [(step.name, step.result.shape) for step in steps if isinstance(step.result, Tensor)]


@pytest.fixture
def agree(check):
    """Return a function that checks a module on random data, and which steps it has."""

    def compare(module, expected):
        rng = np.random.default_rng(4)
        inputs = [
            rng.normal(size=param.type.shape).astype(param.type.dtype)
            for param in module["main"].params
        ]
        assert shapes(module) == expected
        check(module, inputs, rtol=1e-6, atol=1e-6)

    return compare


def test_reshape_follows_what_broadcasts_along_the_last_axis(variable, constant, main, agree):
    x, y = variable("x", (6, 8)), variable("y", (2, 3, 8))
    reshaped = call("reshape", call("exp", x), newshape=(2, 3, 8))
    biased = call("add", constant(np.arange(8), "float32"), reshaped)
    scaled = call("multiply", biased, constant(0.5, "float32"))
    result = call("maximum", scaled, call("tanh", call("add", y, scaled)))
    names = ("exp", "add", "multiply", "add", "tanh", "maximum")
    agree(main([x, y], result), [(name, (6, 8)) for name in names])


def test_reshape_stays_before_what_broadcasts_otherwise(variable, constant, main, agree):
    x = variable("x", (6, 8))
    reshaped = call("reshape", call("exp", x), newshape=(2, 3, 8))
    result = call("add", reshaped, constant(np.arange(3).reshape(3, 1), "float32"))
    split = call(
        "add", call("reshape", reshaped, newshape=(12, 4)), constant(np.ones(4), "float32")
    )
    expected = [("exp", (6, 8)), ("add", (2, 3, 8)), ("add", (12, 4))]
    agree(main([x], [result, split]), expected)


def test_axis_of_a_bias_is_renamed(variable, constant, main, agree):
    x, bias = variable("x", (6, 8)), constant(np.arange(8), "float32")
    reshaped = call("reshape", call("exp", x), newshape=(2, 3, 8))
    last = call("nn.bias_add", reshaped, bias, axis=2)
    other = call("nn.bias_add", reshaped, constant(np.arange(3), "float32"), axis=1)
    expected = [("exp", (6, 8)), ("nn.bias_add", (6, 8)), ("nn.bias_add", (2, 3, 8))]
    agree(main([x], [last, other]), expected)


def test_transpose_follows_steps_of_one_tensor(variable, constant, main, agree):
    x = variable("x", (6, 8))
    heads = call("reshape", call("exp", x), newshape=(1, 6, 2, 4))
    turned = call("transpose", heads, axes=(0, 2, 1, 3))
    merged = call("reshape", turned, newshape=(2, 6, 4))
    scale, point = constant(0.1, "float32"), constant(-3, "int32")
    quantized = call("qnn.quantize", call("negative", merged), scale, point, out_dtype="int8")
    names = ("exp", "negative", "qnn.quantize")
    expected = [*((name, (6, 8)) for name in names), ("transpose", (1, 2, 6, 4))]
    agree(main([x], quantized), expected)


def test_transpose_that_others_use_stays(variable, main, agree):
    x = variable("x", (6, 8))
    turned = call("transpose", call("exp", x))
    both = [call("negative", turned), call("add", turned, turned)]
    expected = [("exp", (6, 8)), ("transpose", (8, 6)), ("negative", (8, 6)), ("add", (8, 6))]
    agree(main([x], both), expected)


def test_both_sides_of_a_fork_follow(variable, constant, main, agree):
    x = variable("x", (6, 8))
    base = call("reshape", call("exp", x), newshape=(1, 6, 8))
    result = call("multiply", base, call("tanh", call("divide", base, constant(2, "float32"))))
    names = ("exp", "divide", "tanh", "multiply")
    module = main([x], result)
    agree(module, [(name, (6, 8)) for name in names])
    (group,) = fuse(graph := trace(module, {}), sink(graph, expand(graph.steps)))
    assert len(group.steps) == len(names)
