"""Gradients of losses, running products and sorting, where a case needs special values."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Constant, Function, Module, TensorType, TupleGetItem, Var
from compiler.ops import call
from compiler.passes.gradient import gradient


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2), (3,)])
def test_negative_log_likelihood(shape, reduction, check_gradient, with_weights):
    """One of the targets is to be ignored."""
    random = np.random.default_rng(10)
    p, w = Var("p", TensorType(shape, "float64")), Var("w", TensorType((3,), "float64"))
    targets = np.asarray(random.integers(0, 3, shape[:1] + shape[2:] if shape[1:] else ()))
    targets = targets.astype(np.int32)
    attrs = {"reduction": reduction, "ignore_index": (int(targets.flat[0]) + 1) % 3}
    module = with_weights((p, w), call("nn.nll_loss", p, Constant(targets), w, **attrs), random)
    inputs = [random.uniform(-2, -0.1, shape), random.uniform(0.5, 2, (3,))]
    check_gradient(module, gradient(module), inputs, f"nn.nll_loss of {shape}, seed 10")


@pytest.mark.parametrize("exclusive", [False, True])
def test_running_products_with_factors_of_zero(exclusive, check_gradient, with_weights):
    x = Var("x", TensorType((2, 4), "float64"))
    body = call("cumprod", x, axis=1, exclusive=exclusive)
    module = with_weights((x,), body, np.random.default_rng(11))
    value = np.array([[2.0, 0.0, 0.5, -1.0], [1.5, 0.0, 0.0, 3.0]])
    check_gradient(module, gradient(module), [value], "cumprod, zeros at 1 and 1, 2, seed 11")


@pytest.mark.parametrize(("name", "attrs"), [("topk", {"k": 3}), ("unique", {"sorted": False})])
def test_fields_of_operators_that_choose(name, attrs, check_gradient):
    """The values have a gradient; the other fields are integers."""
    x = Var("x", TensorType((5,), "float64"))
    body = call("multiply", TupleGetItem(call(name, x, **attrs), 0), Constant(np.array(2.0)))
    module = infer(Module({"main": Function((x,), call("sin", body))}))
    value = np.random.default_rng(12).uniform(-1, 1, 5)
    check_gradient(module, gradient(module), [value], f"{name}, seed 12")


def test_elements_that_occur_twice_count_once():
    """A distinct element stands for its first occurrence, and is followed by zeros."""
    x = Var("x", TensorType((4,), "float64"))
    body = TupleGetItem(call("unique", x), 0)
    module = infer(Module({"main": Function((x,), body)}))
    _, (slope,) = evaluate(gradient(module), np.array([3.0, 1.0, 3.0, 2.0]))
    assert slope.tolist() == [1.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("name", ["random.uniform", "random.normal"])
def test_random_numbers_by_what_they_are_drawn_with(name, check_gradient):
    low, high = (Var(n, TensorType((), "float64")) for n in ("low", "high"))
    key = Constant(np.arange(10, dtype=np.uint64))
    body = call("sin", TupleGetItem(call(name, key, low, high, out_shape=(2, 3)), 1))
    module = infer(Module({"main": Function((low, high), body)}))
    inputs = [np.array(0.3), np.array(1.4)]
    check_gradient(module, gradient(module), inputs, f"{name}, key 0..9")
