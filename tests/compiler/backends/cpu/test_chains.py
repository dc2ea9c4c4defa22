"""Layer normalisation that is written out."""

import numpy as np
import pytest

from compiler.backends.cpu.chains import put_together
from compiler.backends.cpu.expansion import expand
from compiler.backends.cpu.trace import trace
from compiler.ops import call


def names(module):
    """Return the names of the steps that are left."""
    graph = trace(module, {})
    return [step.name for step in put_together(graph, expand(graph.steps))]


def written_out(x, constant, square="power", end="divide", mean=None, axis=-1):
    """Return x normalised, by steps that each exporter writes in its own way."""
    mean = mean or call("mean", x, axis=(axis,), keepdims=True)
    centred = call("subtract", x, mean)
    if square == "power":
        squared = call("power", centred, constant(2, "float32"))
    elif square == "product":
        squared = call("multiply", centred, centred)
    else:
        again = call("subtract", x, mean)
        squared = call("multiply", again, again)
    variance = call("mean", squared, axis=(axis,), keepdims=True)
    raised = call("add", variance, constant(1e-5, "float32"))
    if end == "divide":
        return call("divide", centred, call("sqrt", raised))
    if end == "rsqrt":
        return call("multiply", call("rsqrt", raised), centred)
    inverse = call("divide", constant(1, "float32"), call("sqrt", raised))
    return call("multiply", centred, inverse)


@pytest.mark.parametrize("square", ["power", "product", "again"])
@pytest.mark.parametrize("end", ["divide", "rsqrt", "inverse"])
def test_chain_is_a_norm(square, end, variable, constant, main, check):
    rng = np.random.default_rng(6)
    x = variable("x", (5, 96))
    normal = written_out(x, constant, square, end)
    gamma, beta = (constant(rng.normal(size=96), "float32") for _ in range(2))
    module = main([x], call("add", call("multiply", normal, gamma), beta))
    assert names(module) == ["nn.layer_norm", "multiply", "add"]
    check(module, [rng.normal(3, 2, (5, 96)).astype(np.float32)], rtol=1e-5, atol=1e-5)


def test_what_others_use_is_kept(variable, constant, main, check):
    x = variable("x", (5, 96))
    mean = call("mean", x, axis=(1,), keepdims=True)
    normal = written_out(x, constant, mean=mean)
    module = main([x], [normal, call("negative", mean)])
    assert names(module) == ["mean", "nn.layer_norm", "negative"]
    data = np.random.default_rng(7).normal(size=(5, 96)).astype(np.float32)
    check(module, [data], rtol=1e-5, atol=1e-5)


def test_other_chains_stay(variable, constant, main, check):
    x, y = variable("x", (5, 96)), variable("y", (5, 96))
    other_axis = written_out(x, constant, axis=0)
    centred = call("subtract", x, call("mean", y, axis=(1,), keepdims=True))
    squares = call("mean", call("multiply", centred, centred), axis=(1,), keepdims=True)
    raised = call("add", squares, constant(1.0, "float32"))
    other_mean = call("divide", centred, call("sqrt", raised))
    module = main([x, y], [other_axis, other_mean])
    assert "nn.layer_norm" not in names(module)
    data = [np.random.default_rng(n).normal(size=(5, 96)).astype(np.float32) for n in (8, 9)]
    check(module, data, rtol=1e-5, atol=1e-5)
