"""Passes of the whole language on generated programs: they keep the meaning, bit by bit."""

import pytest

from compiler.errors import InvalidInput
from compiler.infer import infer
from compiler.interpreter import evaluate, same_value
from compiler.ir import structural_equal
from compiler.passes.registry import find_pass
from compiler.verify import verify
from tests.compiler.generator.programs import random_program as make_program

NAMES = (
    *("defunctionalise", "eliminate_common", "eliminate_dead", "eta_expand", "fold_constants"),
    *("inline", "inline_lets", "lambda_lift", "monomorphise", "partial_evaluate"),
    *("to_a_normal_form", "to_basic_block_normal_form", "to_cps", "to_graph_normal_form"),
    *("canonicalise_casts", "canonicalise_ops", "dynamic_to_static", "fuse", "simplify"),
)
BATCH = 50


def outcome(module, inputs):
    """The result of a program, None if a partial match ends it."""
    try:
        return evaluate(module, *inputs)
    except InvalidInput as error:
        assert error.problem.startswith("match has no clause for ")
        return None


def run_passes_on(seed, names):
    """Run passes one after the other; every step must be well formed and mean the same."""
    program = make_program(seed)
    module = infer(verify(program.module))
    expected = outcome(module, program.inputs)
    for name in names:
        try:
            module = find_pass(name).function(module)
            assert structural_equal(infer(verify(module)), module)
            # What never gives a result may be left out, and so may its failure.
            if expected is not None:
                assert same_value(evaluate(module, *program.inputs), expected)
        except Exception as error:
            error.add_note(f"seed {seed}, pass {name} of {names}")
            raise


@pytest.mark.parametrize("batch", range(2000 // BATCH))
def test_a_pass_keeps_the_meaning(batch):
    """Each program goes through one pass; together they see all of them equally often."""
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        run_passes_on(seed, (NAMES[seed % len(NAMES)],))


@pytest.mark.parametrize("seed", range(5000, 5040))
def test_passes_in_a_row_keep_the_meaning(seed):
    """Any pass must take what any other gives."""
    first, step = seed % len(NAMES), 1 + seed % 5
    run_passes_on(seed, tuple(NAMES[(first + n * step) % len(NAMES)] for n in range(3)))


@pytest.mark.parametrize("seed", range(6000, 6040))
def test_continuations_and_back(seed):
    run_passes_on(seed, ("to_cps", "un_cps"))


@pytest.mark.parametrize(
    ("seed", "names"),
    [
        # A module that is in continuation-passing style already is plain for `to_cps`.
        (8013, ("eliminate_common", "to_a_normal_form", "to_cps", "to_cps")),
        # Functions whose sizes differ share a data type.
        (8026, ("inline", "to_cps", "eta_expand", "defunctionalise")),
        # What copies of a shared value share is no part of either block.
        (187, ("defunctionalise",)),
        # So they do if they give what they took from around them.
        (9158, ("defunctionalise", "lambda_lift", "eliminate_common", "defunctionalise")),
        # A lifted function that is used as a value has one type.
        (8123, ("to_cps", "eliminate_dead", "lambda_lift", "monomorphise")),
        # What a folded branch said of a parameter's type must not be lost.
        (8310, ("to_basic_block_normal_form", "monomorphise", "fold_constants")),
    ],
)
def test_rows_of_passes_that_failed_once(seed, names):
    run_passes_on(seed, names)
