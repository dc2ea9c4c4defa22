"""Parts of tensors that are read and written where they lie."""

import numpy as np
import pytest

from compiler.backends.cpu.expansion import expand
from compiler.backends.cpu.placement import place
from compiler.backends.cpu.trace import trace
from compiler.ir import Tuple, TupleGetItem
from compiler.ops import call


def names(module):
    """Return the names of the steps that are left."""
    graph = trace(module, {})
    return [step.name for step in place(graph, expand(graph.steps))]


@pytest.fixture
def agree(check):
    """Return a function that checks a module on random data, and which steps it has."""

    def compare(module, expected):
        rng = np.random.default_rng(3)
        inputs = [
            rng.normal(size=param.type.shape).astype(param.type.dtype)
            for param in module["main"].params
        ]
        assert names(module) == expected
        check(module, inputs, rtol=1e-6, atol=1e-6)

    return compare


def test_parts_that_lie_together_are_not_copied(variable, main, agree):
    x = variable("x", (6, 40))
    rows = call("split", call("exp", x), indices_or_sections=(1, 4), axis=0)
    row = call("strided_slice", TupleGetItem(rows, 0), begin=(0, 7), end=(1, 20))
    agree(main([x], [call("tanh", row), TupleGetItem(rows, 2)]), ["exp", "tanh"])


def test_parts_that_lie_apart_are_copied(variable, main, agree):
    x = variable("x", (6, 40))
    half = call("strided_slice", call("exp", x), begin=(0, 0), end=(6, 20))
    every = call("strided_slice", x, begin=(0, 0), end=(6, 40), strides=(2, 1))
    results = [call("tanh", half), call("tanh", every)]
    agree(main([x], results), ["exp", "strided_slice", "tanh", "strided_slice", "tanh"])


@pytest.mark.parametrize("name", ["concatenate", "stack"])
def test_parts_are_written_where_they_go(name, variable, main, agree):
    x, y = variable("x", (1, 20)), variable("y", (1, 20))
    first, second = call("exp", x), call("add", x, y)
    whole = call(name, Tuple((first, second)), axis=0)
    # What is part of another tensor is also read by itself.
    agree(main([x, y], [whole, call("tanh", first)]), ["exp", "add", "tanh"])


def test_chain_through_parts_of_one_tensor(variable, main, agree):
    x = variable("x", (1, 33))
    states = [x]
    for _ in range(4):
        states.append(call("tanh", call("add", states[-1], x)))
    whole = call("concatenate", Tuple(tuple(states[1:])), axis=0)
    agree(main([x], whole), ["add", "tanh"] * 4)


def test_parts_that_are_held_elsewhere_are_copied(variable, constant, main, agree):
    x = variable("x", (1, 20))
    made, fixed = call("exp", x), constant(np.ones((1, 20)), "float32")
    twice = call("concatenate", Tuple((made, made)), axis=0)
    given = call("concatenate", Tuple((x, fixed)), axis=0)
    other = call("negative", x)
    both = call("concatenate", Tuple((other, call("abs", x))), axis=0)
    agree(
        main([x], [twice, given, both, other]),
        ["exp", "concatenate", "concatenate", "negative", "abs", "concatenate"],
    )


def test_parts_beside_each_other_along_an_inner_axis_are_copied(variable, main, agree):
    x = variable("x", (3, 20))
    whole = call("concatenate", Tuple((call("exp", x), call("abs", x))), axis=1)
    agree(main([x], whole), ["exp", "abs", "concatenate"])


def test_part_is_a_result(variable, main, agree):
    x = variable("x", (4, 20))
    parts = call("split", call("exp", x), indices_or_sections=2, axis=0)
    agree(main([x], [TupleGetItem(parts, 1), TupleGetItem(parts, 1)]), ["exp"])
