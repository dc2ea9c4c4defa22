"""The pipeline: its passes hand typed modules to each other."""

import pytest

from compiler.infer import infer
from compiler.ir import structural_equal
from compiler.pipeline import PASSES, optimise
from compiler.verify import verify


@pytest.mark.parametrize("seed", range(4))
def test_every_step_is_typed_and_verified(seed, random_program):
    """What a pass gives holds after inferring it again: no step relies on an inference between."""
    steps = []

    def observe(name, module):
        steps.append(name)
        verify(module)
        assert all(module[function].type is not None for function in module), (seed, name)
        assert structural_equal(infer(module), module), (seed, name)

    result = optimise(random_program(seed, 25), observe)
    assert steps == ["import", *(apply.__name__ for apply in PASSES)]
    assert structural_equal(optimise(infer(random_program(seed, 25))), result), seed
