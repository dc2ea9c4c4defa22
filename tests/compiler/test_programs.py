"""Random programs: their text, inference, evaluation, and what both say of shapes."""

from collections import Counter

import pytest

from compiler.errors import InvalidInput
from compiler.infer import infer
from compiler.interpreter import evaluate, same_value
from compiler.ir import structural_equal
from compiler.ir.visitor import global_vars, post_order
from compiler.text import parse, to_text
from compiler.verify import verify

# Each parameter is this many programs: one a test would spend more time on pytest than on itself.
BATCH = 50


@pytest.mark.parametrize("batch", range(2000 // BATCH))
def test_text_and_inference_agree_with_evaluation(random_program, batch):
    """The interpreter checks every value against its inferred type, symbols included."""
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        program = random_program(seed)
        try:
            text = to_text(program.module)
            module = parse(text)
            assert structural_equal(module, program.module)
            typed = infer(verify(module))
            assert to_text(typed) == text
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
    seen = Counter()
    for seed in range(200):
        module = random_program(seed).module
        nodes = [node for name in module for node in post_order(module[name])]
        seen.update({type(node).__name__ for node in nodes})
        seen["unknown size"] += any("?" in str(param.annotation) for param in module["main"].params)
        seen["recursion"] += any(name in global_vars(module[name]) for name in module)
    wanted = "Call Constant Constructor Function GlobalVar If Let Match RefCreate RefRead RefWrite"
    wanted = [*wanted.split(), "TupleGetItem", "unknown size", "recursion"]
    assert min(seen[kind] for kind in wanted) > 20, seen
