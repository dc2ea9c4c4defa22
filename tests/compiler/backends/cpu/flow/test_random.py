"""Random programs of the whole language give, compiled, what the interpreter gives."""

import pytest

from compiler.backends.cpu.flow import is_straight
from compiler.errors import InvalidInput
from compiler.infer import infer
from compiler.interpreter import evaluate, same_value
from driver.errors import DeviceFault

BATCH = 20
MISSING = r"^match has no clause for a value; add one, or do not run it on this$"


def run_batch(seeds, random_program, native):
    """Return how many of the programs have an interface, after comparing all of these."""
    compiled = 0
    for seed in seeds:
        program = random_program(seed)
        module = infer(program.module)
        if is_straight(module, ()):
            continue
        compiled += 1
        try:
            wanted = evaluate(module, *program.inputs)
        except InvalidInput as error:
            # Native code says where the match is, not what the value was.
            assert error.problem.startswith("match has no clause for "), f"seed {seed}"
            with pytest.raises(DeviceFault, match=MISSING):
                native(module, *program.inputs)
            continue
        try:
            assert same_value(native(module, *program.inputs), wanted, 1e-4), f"seed {seed}"
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
    return compiled


@pytest.mark.parametrize("batch", range(11))
def test_random_programs(random_program, native, batch):
    seeds = range(batch * BATCH, (batch + 1) * BATCH)
    assert run_batch(seeds, random_program, native) > BATCH // 2


@pytest.mark.exhaustive
@pytest.mark.parametrize("batch", range(100))
def test_many_random_programs(random_program, native, batch):
    start = 10_000 + batch * BATCH
    assert run_batch(range(start, start + BATCH), random_program, native) > BATCH // 2
