"""The same networks, compiled ahead of time."""

import numpy as np
import pytest

from compiler.backends.cpu import compile_host
from compiler.infer import infer
from compiler.interpreter import Data, evaluate, same_value
from compiler.text import parse
from driver.host import HostProgram
from tests.compiler.native_values import run_native


def values(random, *shapes):
    return [random.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]


def random_tree(random, depth):
    """Return a tree as a value of the program."""
    below = [random_tree(random, depth - 1) for _ in range(random.integers(0, 3))] if depth else []
    items = Data("Nil")
    for child in below:
        items = Data("Cons", (child, items))
    return Data("Rose", (values(random, (1, 4))[0], items))


@pytest.mark.parametrize("seed", range(2))
def test_a_tree_lstm(program, seed):
    random = np.random.default_rng(seed)
    weights = values(random, (9, 4), (9, 3), (9,), (3, 4), (3, 3), (3,))
    inputs = Data("Weights", tuple(weights)), random_tree(random, 5)
    module = infer(program("tree_lstm"))
    assert same_value(run_native(module, *inputs), evaluate(module, *inputs), 1e-5), f"seed {seed}"


@pytest.mark.parametrize("batch", (1, 5))
def test_an_lstm_by_foldl(program, batch):
    """Its batch has no known size."""
    random = np.random.default_rng(batch)
    items = Data("Nil")
    for x in values(random, *[(batch, 4)] * 7):
        items = Data("Cons", (x, items))
    start = np.zeros((batch, 3), np.float32)
    inputs = items, start, *values(random, (12, 4), (12, 3), (12,))
    module = infer(program("lstm"))
    assert same_value(run_native(module, *inputs), evaluate(module, *inputs), 1e-5)


def test_a_transformer_of_a_thousand_bindings(transformer_text):
    """A program without control flow stays one flat graph."""
    text, shapes, bindings = transformer_text(21)
    assert bindings >= 1_000
    random = np.random.default_rng(1)
    given = [random.normal(0, 0.3, shape).astype("f4") for shape in shapes.values()]
    length = shapes["x"][0]
    mask = np.broadcast_to(np.tril(np.ones((length, length), bool)), (2, length, length))
    inputs = [*given, np.ascontiguousarray(mask)]
    module = infer(parse(text))
    host = compile_host(module, {})
    assert host.interface is None
    found = np.empty(shapes["x"], np.float32)
    assert HostProgram(host).run(inputs, [found]) == 0
    np.testing.assert_allclose(found, evaluate(module, *inputs), rtol=1e-3, atol=1e-3)
