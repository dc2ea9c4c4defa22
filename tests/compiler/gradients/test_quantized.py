"""Gradients of dequantisation: linear in data and scale, so that float32 tells them exactly."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Constant, Function, Module, TensorType, Var
from compiler.ops import call
from compiler.passes.gradient import gradient

SCALES = [((), -1), ((3,), 1), ((4,), -1), ((2,), 0)]
"""Shape of the scale of data [2, 3, 4], axis along which it runs."""


def values(random, shape):
    """Return float32 numbers of few bits, so that sums are exact."""
    return (random.integers(-16, 17, shape) / 8).astype(np.float32)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "axis"), SCALES)
def test_dequantisation_by_its_scale(shape, axis, dtype, check_gradient):
    random = np.random.default_rng(60)
    data = Constant(random.integers(-128, 128, (2, 3, 4)).astype(np.int8))
    point = Constant(random.integers(-5, 5, shape).astype(np.int32))
    scale = Var("scale", TensorType(shape, dtype))
    body = call("qnn.dequantize", data, scale, point, axis=axis)
    weighted = call("multiply", body, Constant(values(random, (2, 3, 4))))
    module = infer(Module({"main": Function((scale,), weighted)}))
    inputs = [values(random, shape).astype(dtype)]
    check_gradient(module, gradient(module), inputs, f"scale {shape}, seed 60", step=0.25)


@pytest.mark.parametrize("code", [0, 1, 3])
@pytest.mark.parametrize(("shape", "axis"), SCALES)
def test_simulated_dequantisation_by_data_and_scale(shape, axis, code, check_gradient):
    random = np.random.default_rng(61)
    x, kind, scale = (
        Var("x", TensorType((2, 3, 4), "float32")),
        Var("code", TensorType((), "int32")),
        Var("scale", TensorType(shape, "float32")),
    )
    point = Constant(random.integers(-5, 5, shape).astype(np.int32))
    body = call("qnn.simulated_dequantize", x, kind, scale, point, axis=axis)
    weighted = call("multiply", body, Constant(values(random, (2, 3, 4))))
    module = infer(Module({"main": Function((x, kind, scale), weighted)}))
    inputs = [values(random, (2, 3, 4)), np.array(code, np.int32), values(random, shape)]
    check_gradient(module, gradient(module), inputs, f"code {code}, seed 61", step=0.25)


@pytest.mark.parametrize("order", ["first", "higher"])
def test_integers_carry_no_gradient(order):
    """Between quantisation and dequantisation a network is integers: only the last scale counts."""
    x, scale = Var("x", TensorType((3,), "float32")), Var("scale", TensorType((), "float32"))
    point = Constant(np.int32(0))
    whole = call("qnn.quantize", x, scale, point)
    module = infer(
        Module({"main": Function((x, scale), call("qnn.dequantize", whole, scale, point))})
    )
    given = np.float32([1.1, 2.0, -3.0]), np.float32(0.5)
    _, (by_x, by_scale) = evaluate(gradient(module, order=order), *given)
    assert by_x.tolist() == [0.0, 0.0, 0.0] and by_scale.item() == 2 + 4 - 6
