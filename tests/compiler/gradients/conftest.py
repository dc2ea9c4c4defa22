"""Gradients by central differences, to compare with."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Constant, Function, Module, Tuple, TupleGetItem, TupleType
from compiler.ops import call

STEP = 1e-5


def leaves(value):
    if isinstance(value, tuple):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def total(value):
    """The sum of all floating-point elements."""
    return sum(float(leaf.sum()) for leaf in leaves(value) if leaf.dtype.kind == "f")


def numeric(module, inputs, size=STEP):
    """Return the gradient of the sum of @main's results by each floating-point input."""
    found = []
    for place, value in enumerate(inputs):
        slope = np.zeros(np.shape(value))
        if value.dtype.kind == "f":
            for index in np.ndindex(*value.shape):
                ends = []
                for step in (size, -size):
                    moved = np.array(value)
                    moved[index] += step
                    ends.append(
                        total(evaluate(module, *inputs[:place], moved, *inputs[place + 1 :]))
                    )
                slope[index] = (ends[0] - ends[1]) / (2 * size)
        found.append(slope)
    return found


def weighted(body, kind, random):
    """Return `body` times random numbers, so that every element of a result counts differently."""
    if isinstance(kind, TupleType):
        parts = enumerate(kind.fields)
        return Tuple(tuple(weighted(TupleGetItem(body, n), part, random) for n, part in parts))
    return call("multiply", body, Constant(random.uniform(0.5, 2, kind.shape).astype(kind.dtype)))


@pytest.fixture
def with_weights():
    """`with_weights(params, body, random)`: a typed module of `body`, weighted."""

    def make(params, body, random):
        kind = infer(Module({"main": Function(params, body)}))["main"].body.type
        return infer(Module({"main": Function(params, weighted(body, kind, random))}))

    return make


@pytest.fixture
def check_gradient():
    """`check_gradient(module, gradient, inputs, why)`: the modules' @main agree.

    `gradient`'s gives what `module`'s does, and the gradient by each input. What is linear in an
    input may be asked with a large step, so that float32 will do.
    """

    def check(module, gradient, inputs, why, rtol=1e-5, atol=1e-6, step=STEP):
        result, slopes = evaluate(gradient, *inputs)
        for a, b in zip(leaves(result), leaves(evaluate(module, *inputs)), strict=True):
            np.testing.assert_allclose(a, b, err_msg=why)
        for place, (a, b) in enumerate(zip(slopes, numeric(module, inputs, step), strict=True)):
            text = f"{why}, by input {place}"
            assert a.dtype == inputs[place].dtype and a.shape == b.shape, text
            np.testing.assert_allclose(a, b, rtol, atol, err_msg=text)

    return check
