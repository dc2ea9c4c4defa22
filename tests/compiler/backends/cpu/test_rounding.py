"""Rounding on CPUs without instructions for it: the same bits as numpy, and no C library."""

import re

import numpy as np
import pytest

from compiler.backends.cpu import compile_host, find_machine
from compiler.backends.cpu.machine import assemble
from compiler.ops import call
from driver.host import HostProgram

MEANINGS = {
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "round": lambda x: np.copysign(np.trunc(np.abs(x)) + (np.abs(x) % 1 >= 0.5), x),
}


def values(dtype, seed):
    """Return all kinds of numbers: halves, their neighbours, large ones, zeros, random bits."""
    kind = np.dtype(dtype)
    halves = np.arange(-20, 20).astype(kind) / 2
    edge = kind.type(2.0 ** (22 if dtype == "float32" else 51))
    edges = [edge, 2 * edge - kind.type(0.5), 2 * edge, 4 * edge, np.inf, np.nan, 0.0, 0.49999997]
    random = np.random.default_rng(seed).integers(0, 256, 400 * kind.itemsize, np.uint8)
    numbers = np.concatenate([halves, np.array(edges, kind), random.view(kind)])
    with np.errstate(all="ignore"):
        return np.concatenate([numbers, -numbers, np.nextafter(numbers, kind.type(9e30))])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MEANINGS)
def test_every_kind_of_number(variable, main, name, dtype):
    x = values(dtype, seed=7)
    data = variable("x", x.shape, dtype)
    y = np.empty_like(x)
    HostProgram(compile_host(main([data], call(name, data)), {}, cpu="x86-64")).run([x], [y])
    with np.errstate(all="ignore"):
        wanted = MEANINGS[name](x)
    np.testing.assert_array_equal(y, wanted, err_msg="seed 7")
    np.testing.assert_array_equal(np.signbit(y), np.signbit(wanted), err_msg="seed 7")


@pytest.mark.parametrize("name", MEANINGS)
def test_no_library_is_called(name):
    text = (
        f"declare double @llvm.{name}.f64(double) nounwind\n"
        f"define double @f(double %x) {{\n  %y = call double @llvm.{name}.f64(double %x)\n"
        "  ret double %y\n}\n"
    )
    code = assemble(text, find_machine("x86-64", "x86_64-linux-gnu"), ["f"])
    assert re.search(rb"\0(floor|ceil|trunc|round)\0", code) is None
