"""Long sums of few results: made in parts, of any length and data type."""

import numpy as np
import pytest

from compiler.ops import call


@pytest.mark.parametrize(
    "rows, inputs, units", [(1, 64, 1), (1, 131, 10), (3, 257, 40), (2, 66, 9)]
)
def test_long_sums_of_bytes(rows, inputs, units, cpu, variable, constant, main, check):
    rng = np.random.default_rng(inputs)
    x = rng.integers(-128, 128, (rows, inputs)).astype(np.int8)
    w = rng.integers(-128, 128, (units, inputs)).astype(np.int8)
    data, zero, one = variable("x", x.shape, "int8"), constant(0, "int32"), constant(1.0, "float32")
    point = constant(-7, "int32")
    total = call("qnn.dense", data, constant(w), point, zero, one, one, units=units)
    check(main([data], total), [x], cpu=cpu)


@pytest.mark.parametrize("inputs", [64, 1283])
def test_long_sums_of_floats(inputs, cpu, variable, constant, main, execute):
    """The error is at most about that of adding one product after the other."""
    rng = np.random.default_rng(inputs)
    x, w = rng.uniform(size=(1, inputs)), rng.uniform(size=(200, inputs))
    x, w = x.astype(np.float32), w.astype(np.float32)
    data = variable("x", x.shape)
    dense = call("nn.dense", data, constant(w), units=200)
    (found,) = execute(main([data], dense), [x], cpu)
    exact = x.astype(np.float64) @ w.astype(np.float64).T
    in_order = np.cumsum(x * w, axis=1, dtype=np.float32)[:, -1]
    worst = np.abs(in_order - exact).max()
    assert 0 < np.abs(found - exact).max() <= 1.5 * worst
