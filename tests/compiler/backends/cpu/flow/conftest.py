"""Fixtures: programs as text, compiled and run natively, compared with the interpreter."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate, same_value
from compiler.prelude import parse_with_prelude
from tests.compiler.native_values import run_native


@pytest.fixture
def native():
    """`native(module, *inputs)` is what the compiled module gives, as the interpreter's values."""
    return run_native


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
