"""Gradients of operators that put elements at places which other arguments say."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Constant, Function, Module, TensorType, Tuple, TupleGetItem, Var
from compiler.ops import call
from compiler.passes.gradient import gradient


def places(*values):
    """A vector of places."""
    return np.array(values, np.int64)


CASES = [
    ("strided_set", [(4, 3), (2, 3), places(1), places(4), places(2)], {}),
    ("matrix_set_diag", [(2, 3, 4), (2, 3)], {}),
    ("matrix_set_diag", [(3, 3), (3, 3)], {"k1": -1, "k2": 1}),
    ("nn.fifo_buffer", [(2, 1, 2), (2, 3, 2)], {"axis": 1}),
    ("sparse_to_dense", [np.array([[0, 1], [2, 0]]), (2,), ()], {"output_shape": [3, 2]}),
    ("dyn.reshape", [(2, 6), places(3, -1)], {}),
    ("dyn.tile", [(2, 3), places(2, 1)], {}),
    ("dyn.broadcast_to", [(3, 1), places(3, 4)], {}),
    ("dyn.full", [(), places(2, 3)], {}),
    ("dyn.strided_slice", [(4, 5), places(1, 4), places(4, 0), places(1, -2)], {}),
    ("dyn.expand_dims", [(2, 3), np.array(1)], {"num_newaxis": 1}),
    ("dyn.squeeze", [(2, 1, 3), places(1)], {}),
    ("dyn.nn.pad", [(2, 3), np.array([[1, 0], [2, 1]]), ()], {}),
    ("dyn.one_hot", [places(0, 2, 1), (), (), np.array(3)], {}),
    ("dyn.sparse_to_dense", [np.array([[0], [2]]), (2,), (), places(4)], {}),
    ("one_hot", [places(0, 2, 1), (), ()], {"depth": 4, "axis": 0}),
    ("dyn.topk", [(3, 4), np.array(2)], {"ret_type": "values"}),
]
"""Name, arguments (a shape stands for random numbers), attributes."""


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: f"{CASES[n][0]}-{n}")
def test_elements_at_places_of_arguments(number, check_gradient):
    name, given, attrs = CASES[number]
    random = np.random.default_rng(number)
    params, inputs = [], []
    for place, item in enumerate(given):
        value = np.asarray(random.uniform(-1, 1, item)) if isinstance(item, tuple) else item
        params.append(Var(f"x{place}", TensorType(value.shape, str(value.dtype))))
        inputs.append(value)
    # Elements count differently by their value, as the shape may not be known.
    body = call("sin", call(name, *params, **attrs))
    module = infer(Module({"main": Function(tuple(params), body)}))
    check_gradient(module, gradient(module), inputs, f"{name}, seed {number}")


def test_advanced_index_adds_what_it_takes_twice(check_gradient, with_weights):
    x = Var("x", TensorType((4, 3, 2), "float64"))
    chosen = (Constant(np.array([[0], [3]])), Constant(np.array([1, 1, 2])))
    random = np.random.default_rng(20)
    module = with_weights((x,), call("adv_index", Tuple((x, *chosen))), random)
    inputs = [random.uniform(-1, 1, (4, 3, 2))]
    check_gradient(module, gradient(module), inputs, "adv_index, seed 20")


def test_values_of_a_topk_whose_count_is_an_argument(check_gradient):
    x, k = Var("x", TensorType((5,), "float64")), Var("k", TensorType((), "int64"))
    values = call("sin", TupleGetItem(call("dyn.topk", x, k), 0))
    module = infer(Module({"main": Function((x, k), values)}))
    inputs = [np.random.default_rng(21).uniform(-1, 1, 5), np.array(3)]
    check_gradient(module, gradient(module), inputs, "dyn.topk, seed 21")


@pytest.mark.parametrize("name", ["one_hot", "dyn.one_hot"])
def test_elements_of_another_data_type(name):
    """Values of float64 in a result of float32; whole numbers have no gradient."""
    for dtype, expected in (("float64", (1.0, 3.0)), ("int32", (0, 0))):
        on, off = (Var(n, TensorType((), dtype)) for n in ("on", "off"))
        depth = (Constant(np.array(2)),) if name.startswith("dyn") else ()
        attrs = {} if depth else {"depth": 2}
        hot = call(name, Constant(places(1, 5)), on, off, *depth, dtype="float32", **attrs)
        module = infer(Module({"main": Function((on, off), hot)}))
        found = evaluate(gradient(module), np.array(4, dtype), np.array(2, dtype))[1]
        assert [(value.item(), str(value.dtype)) for value in found] == [
            (value, dtype) for value in expected
        ]
