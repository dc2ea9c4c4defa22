"""Running one operator the way a program does: inferred, then evaluated."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Function, Module, TensorType, Tuple, Var
from compiler.ops import call


def as_vars(value, made):
    if isinstance(value, tuple):
        return Tuple(tuple(as_vars(part, made) for part in value))
    array = np.asarray(value)
    made.append((Var(f"x{len(made)}", TensorType(array.shape, str(array.dtype))), array))
    return made[-1][0]


@pytest.fixture
def apply():
    """A function from an operator's name, arguments and attributes to its result."""

    def run(name, *args, **attrs):
        made = []
        body = call(name, *(as_vars(arg, made) for arg in args), **attrs)
        module = Module({"main": Function(tuple(var for var, _ in made), body)})
        return evaluate(infer(module), *(array for _, array in made))

    return run


@pytest.fixture
def infer_type():
    """A function from an operator's name, argument types and attributes to the result's type."""

    def run(name, *types, **attrs):
        params = tuple(Var(f"x{number}", kind) for number, kind in enumerate(types))
        module = infer(Module({"main": Function(params, call(name, *params, **attrs))}))
        return module["main"].body.type

    return run
