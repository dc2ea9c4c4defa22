"""Every pass keeps the meaning of generated programs, is pure, and gives well-formed modules."""

import numpy as np
import pytest

from compiler.infer import infer
from compiler.interpreter import evaluate
from compiler.ir import structural_equal
from compiler.passes import (
    convert_layout,
    eliminate_common,
    eliminate_dead,
    fold_constants,
    simplify,
)
from compiler.text import parse, to_text
from compiler.verify import verify

PASSES = (convert_layout, eliminate_common, eliminate_dead, fold_constants, simplify)
SEEDS = range(40)


def flatten(value):
    if isinstance(value, tuple):
        return [leaf for part in value for leaf in flatten(part)]
    return [value]


def assert_same(left, right, why):
    for a, b in zip(flatten(left), flatten(right), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape, why
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6, err_msg=why)
        if a.dtype.kind != "f":
            np.testing.assert_array_equal(a, b, err_msg=why)


@pytest.mark.parametrize("seed", SEEDS)
def test_generated_programs_keep_their_meaning(seed, random_program, program_inputs):
    module = infer(verify(random_program(seed)))
    inputs = program_inputs(seed, module)
    expected = evaluate(module, *inputs)
    for apply in PASSES:
        why = f"{apply.__name__}, seed {seed}:\n{to_text(module)}"
        before = to_text(module)
        after = verify(apply(module))
        assert to_text(module) == before, why
        assert_same(expected, evaluate(after, *inputs), why)
        assert structural_equal(parse(to_text(after)), after), why


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pass_twice_is_the_pass_once(seed, random_program):
    for apply in (eliminate_common, eliminate_dead, fold_constants):
        once = apply(random_program(seed))
        assert structural_equal(apply(once), once), f"{apply.__name__}, seed {seed}"


@pytest.mark.parametrize("seed", SEEDS)
def test_all_passes_in_a_row_keep_the_meaning(seed, random_program, program_inputs):
    module = infer(random_program(seed, 25))
    inputs = program_inputs(seed, module)
    after = module
    for apply in (simplify, fold_constants, convert_layout, simplify, *PASSES):
        after = verify(apply(after))
    assert_same(evaluate(module, *inputs), evaluate(after, *inputs), f"seed {seed}")
