"""Fixtures: programs as text, compiled and run natively, compared with the interpreter."""

import numpy as np
import pytest

from compiler.backends.cpu import compile_host
from compiler.infer import infer
from compiler.interpreter import evaluate, same_value
from compiler.prelude import parse_with_prelude
from driver.host import HostProgram
from tests.compiler.native_values import from_native, run_native, to_native


@pytest.fixture
def native():
    """`native(module, *inputs)` is what the compiled module gives, as the interpreter's values."""
    return run_native


@pytest.fixture
def compiled():
    """`compiled(module, threads=1)` is a function of the inputs; the result as `native`'s."""

    def make(module, threads=1):
        program = HostProgram(compile_host(module, {}), threads=threads)
        names = [param.name for param in module["main"].params]
        return lambda *inputs: from_native(program.evaluate(names, list(map(to_native, inputs))))

    return make


@pytest.fixture
def typed():
    """`typed(text)` is the module of a program's text, with what it uses of the prelude."""
    return lambda text: infer(parse_with_prelude(f'#[version = "0.0.5"]\n{text}', "test.relay"))


@pytest.fixture
def agree(native):
    """`agree(module, *inputs)` compares the compiled module with the interpreter; the value."""

    def compare(module, *inputs, tolerance=1e-5, where=""):
        given = [np.asarray(one) if np.isscalar(one) else one for one in inputs]
        wanted, found = evaluate(module, *given), native(module, *given)
        assert same_value(found, wanted, tolerance), f"{where}: {found} is not {wanted}"
        return found

    return compare
