"""Every row in a program of one call: written, read back, inferred and evaluated."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import Function, Module, TensorType, Tuple, Var, structural_equal
from compiler.ops import call, operators
from compiler.text import parse, to_text


def as_vars(value, made):
    """Return an expression of new variables for arrays, and add both to `made`."""
    if isinstance(value, tuple):
        return Tuple(tuple(as_vars(part, made) for part in value))
    made.append((Var(f"x{len(made)}", TensorType(value.shape, str(value.dtype))), value))
    return made[-1][0]


def flat(value):
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, tuple) else [value]


@pytest.mark.parametrize("name", operators())
def test_a_call_is_written_read_and_run(name, sample):
    for seed in range(2):
        row, args, attrs = sample(name, seed)
        made = []
        body = call(name, *(as_vars(arg, made) for arg in args), **attrs)
        module = infer(Module({"main": Function(tuple(var for var, _ in made), body)}))
        text = to_text(module)
        read = parse(text)
        assert structural_equal(read, module), f"seed {seed}: {text}"
        assert to_text(read) == text, f"seed {seed}"
        found = evaluate(read, *(array for _, array in made))
        with np.errstate(all="ignore"):
            expected = row.meaning(attrs, *args)
        for one, other in zip(flat(found), flat(expected), strict=True):
            np.testing.assert_array_equal(one, other, f"seed {seed}")
