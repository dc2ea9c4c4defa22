"""Mathematical functions against numpy's extended precision, in units in the last place."""

import math

import numpy as np
import pytest

from compiler.backends.cpu.functions import FUNCTIONS, coefficients, fit
from compiler.ops import call

# The largest errors allowed, in units in the last place: float32, float64. What is computed in
# float64 and rounded is the nearest float32, but for one case in a million.
BOUNDS = {
    "acos": (0.501, 1.5),
    "acosh": (0.501, 3.0),
    "asin": (0.501, 1.5),
    "asinh": (0.501, 3.0),
    "atan": (0.501, 2.0),
    "atanh": (0.501, 3.0),
    "cos": (0.501, 1.0),
    "cosh": (0.501, 2.0),
    # The reference of erf itself is off by one.
    "erf": (1.5, 2.0),
    "exp": (1.5, 1.5),
    "log": (1.0, 1.0),
    "log10": (0.501, 1.5),
    "log2": (0.501, 1.5),
    "sigmoid": (2.5, 2.5),
    "sin": (0.501, 1.0),
    "sinh": (0.501, 3.0),
    "tan": (0.501, 2.5),
    "tanh": (2.5, 3.0),
}
NUMPY = {"acos": "arccos", "asin": "arcsin", "atan": "arctan"}
NUMPY |= {f"{short}h": f"{name}h" for short, name in NUMPY.items()}
CPUS = (None, "x86-64-v3", "x86-64-v2", "x86-64")


def reference(name, *operands):
    """Return the function's values in extended precision."""
    with np.errstate(all="ignore"):
        wide = [x.astype(np.longdouble) for x in operands]
        if name == "erf":
            exact = np.frompyfunc(math.erf, 1, 1)(operands[0].astype(np.float64))
            return exact.astype(np.longdouble)
        if name == "sigmoid":
            return 1 / (1 + np.exp(-wide[0]))
        return getattr(np, NUMPY.get(name, name))(*wide)


def errors(found, want):
    """Return errors in units in the last place; infinite where special values differ."""
    dtype = found.dtype
    smallest = np.finfo(dtype).tiny
    with np.errstate(all="ignore"):
        near = want.astype(dtype)
        unit = np.spacing(np.maximum(np.abs(near), smallest)).astype(np.longdouble)
        error = np.abs(found.astype(np.longdouble) - want) / unit
    special = ~np.isfinite(near) | ~np.isfinite(found)
    same = (np.isnan(near) & np.isnan(found)) | (near == found)
    return np.where(special, np.where(same, 0, np.inf), error)


def samples(seed, dtype, count):
    """Return numbers of all sizes, many of moderate size, neighbours of zeros, special ones."""
    rng, info = np.random.default_rng(seed), np.finfo(dtype)
    size = np.dtype(dtype).itemsize
    patterns = rng.integers(0, 256, count * size, dtype=np.uint8).view(dtype)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 0.5, -0.5, 2, -2]
    edges = [info.tiny, info.tiny / 8, info.max, -info.max, info.smallest_subnormal]
    parts = (
        patterns,
        *(rng.normal(0, scale, count) for scale in (0.1, 1, 30)),
        *(rng.uniform(-limit, limit, count) for limit in (1, 110, 800, 1e7)),
        1 + rng.normal(0, 1e-3, count),
        np.arange(-64, 64) * np.pi / 4,
        special,
        edges,
    )
    with np.errstate(all="ignore"):
        return np.concatenate([np.asarray(part, dtype) for part in parts])


def run(names, operands, cpu, variable, main, execute):
    """Return the results of functions of the same operands."""
    params = [variable(f"x{number}", x.shape, str(x.dtype)) for number, x in enumerate(operands)]
    return execute(main(params, [call(name, *params) for name in names]), operands, cpu)


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_errors_are_within_the_bounds(dtype, cpu, variable, main, execute):
    seed = 11
    x = samples(seed, dtype, 4000)
    found = run(BOUNDS, [x], cpu, variable, main, execute)
    for (name, bounds), values in zip(BOUNDS.items(), found, strict=True):
        want = reference(name, x)
        if name == "sigmoid":
            # Subnormal results are 0.
            tiny = np.abs(want) < 1.01 * np.finfo(dtype).tiny
            assert np.all(values[tiny] <= np.finfo(dtype).tiny)
            values, want = values[~tiny], want[~tiny]
        error = errors(values, want)
        worst = np.argmax(error)
        assert error[worst] <= bounds[dtype == "float64"], (name, dtype, x[worst], seed)


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_signs_of_zeros_are_kept(dtype, cpu, variable, main, execute):
    odd = ("asin", "asinh", "atan", "atanh", "erf", "sin", "sinh", "tan", "tanh")
    x = np.array([0.0, -0.0] * 4, dtype)
    for name, values in zip(odd, run(odd, [x], cpu, variable, main, execute), strict=True):
        assert np.array_equal(np.signbit(values), np.signbit(x)) and not values.any(), name


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_power(dtype, cpu, variable, main, execute):
    seed = 12
    rng, info = np.random.default_rng(seed), np.finfo(dtype)
    special = np.array(
        [
            0.0,
            -0.0,
            1,
            -1,
            2,
            -2,
            0.5,
            -0.5,
            3,
            -3,
            1e30,
            -1e30,
            np.inf,
            -np.inf,
            np.nan,
            info.tiny,
        ],
        dtype,
    )
    left, right = (part.ravel() for part in np.meshgrid(special, special))
    x = np.concatenate([left, *(np.exp(rng.normal(0, size, 3000)) for size in (0.01, 1, 50))])
    y = np.concatenate([right, rng.normal(0, 30, 3000), rng.normal(0, 3, 6000)])
    with np.errstate(all="ignore"):
        x, y = x.astype(dtype), y.astype(dtype)
    (found,) = run(["power"], [x, y], cpu, variable, main, execute)
    error = errors(found, reference("power", x, y))
    worst = np.argmax(error)
    bound = 1.5 if dtype == "float64" else 0.501
    assert error[worst] <= bound, (x[worst], y[worst], found[worst], seed)


def test_float16_is_rounded_once_from_float32(variable, main, execute):
    x = np.arange(2**16, dtype=np.uint16).view(np.float16)
    names = [name for name in BOUNDS if name != "sigmoid"]
    for name, values in zip(names, run(names, [x], None, variable, main, execute), strict=True):
        error = errors(values, reference(name, x))
        assert error.max() <= 0.51, (name, x[np.argmax(error)])


def test_angles_of_any_size(variable, main, execute):
    # The double that comes closest to a multiple of pi/2: Kahan, "Minimizing q m - n", 1983.
    x = np.array([6381956970095103.0 * 2.0**797, 1e22, 2.0**1023, -(2.0**300), 1e300])
    names = ("sin", "cos", "tan")
    for name, values in zip(names, run(names, [x], None, variable, main, execute), strict=True):
        error = errors(values, reference(name, x))
        assert error.max() <= 2.0, (name, values, error)


@pytest.mark.parametrize("name", fit.FITS)
def test_coefficients_are_what_the_fit_gives(name):
    assert getattr(coefficients, name) == fit.fit(name)


def test_every_function_has_a_bound():
    assert set(FUNCTIONS) == {*BOUNDS, "power"}
