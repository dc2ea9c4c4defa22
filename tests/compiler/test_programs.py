"""Random programs: inference, evaluation, and what both say of shapes."""

import pytest

from compiler.errors import InvalidInput
from compiler.infer import infer
from compiler.interpreter import evaluate, same_value
from compiler.ir import structural_equal
from compiler.ir.visitor import post_order
from compiler.verify import verify

# Each parameter is this many programs: one a test would spend more time on pytest than on itself.
BATCH = 50


@pytest.mark.parametrize("batch", range(2000 // BATCH))
def test_inference_agrees_with_evaluation(random_program, batch):
    """The interpreter checks every value against its inferred type, symbols included."""
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        program = random_program(seed)
        try:
            typed = infer(verify(program.module))
            assert structural_equal(typed, program.module)
            assert all(node.type is not None for name in typed for node in post_order(typed[name]))
            result = evaluate(typed, *program.inputs)
            if seed % 10 == 0:
                assert same_value(evaluate(infer(typed), *program.inputs), result)
        except InvalidInput as error:
            assert error.problem.startswith("match has no clause for "), f"seed {seed}"
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise


def test_programs_are_of_all_kinds(random_program):
    """What passes are tested on: every kind of node, symbols, closures, and enough of each."""
    seen = {}
    for seed in range(200):
        typed = infer(random_program(seed).module)
        kinds = {type(node).__name__ for name in typed for node in post_order(typed[name])}
        for kind in kinds | {"symbols"} if "n" in str(typed["main"].type) else kinds:
            seen[kind] = seen.get(kind, 0) + 1
    wanted = (
        "Call Constant Constructor Function GlobalVar If Let Match Op RefCreate RefRead RefWrite"
    )
    rare = {kind for kind in wanted.split() if kind != "Op" and seen.get(kind, 0) < 20}
    assert not rare, seen
    assert seen["symbols"] > 20
