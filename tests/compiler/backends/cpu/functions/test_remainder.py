"""Remainders of floats are exact, as numpy's."""

import numpy as np
import pytest

from compiler.ops import call

SPECIAL = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, "tiny", "least", "-max", "max"]


def special(dtype):
    limits = np.finfo(dtype)
    named = {
        "tiny": limits.tiny,
        "least": limits.smallest_subnormal,
        "-max": limits.min,
        "max": limits.max,
    }
    return np.array([named.get(one, one) for one in SPECIAL], dtype)


@pytest.mark.parametrize("cpu", [None, "x86-64-v3"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_remainders(dtype, cpu, variable, main, check):
    seed = 7
    rng = np.random.default_rng(seed)
    spread = 4 if dtype == "float16" else 30
    numbers = rng.normal(size=400) * 10.0 ** rng.uniform(-spread, spread, 400)
    x = np.concatenate([numbers.astype(dtype), special(dtype)])
    y = np.concatenate([rng.permutation(numbers).astype(dtype), rng.permutation(special(dtype))])
    pairs = np.array(np.meshgrid(special(dtype), special(dtype))).reshape(2, -1)
    x, y = np.concatenate([x, pairs[0]]), np.concatenate([y, pairs[1]])
    left, right = variable("x", x.shape, dtype), variable("y", y.shape, dtype)
    results = [call(name, left, right) for name in ("mod", "floor_mod", "trunc_mod")]
    check(main([left, right], results), [x, y], cpu)
