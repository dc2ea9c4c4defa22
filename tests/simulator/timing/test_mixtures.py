"""Random legal programs, all engines at once: nothing is exact there, but nothing is far off."""

import numpy as np
import pytest

from isa.assembler import disassemble
from isa.config import preset
from simulator.fuzz import Sizes, random_program
from simulator.timing import Memory, predict
from simulator.timing.calibration import run_verilated

SIZES = Sizes(param_start=1 << 16, dram_start=1 << 17, dram_bytes=1 << 18)
INSTRUCTIONS = 60
SEEDS = range(12)
# Of one program, and of all together.
ONE, ALL = 0.08, 0.025


@pytest.mark.verilator
@pytest.mark.parametrize("config", ["tiny", "vta"])
def test_random_programs(config):
    errors = []
    for seed in SEEDS:
        program = random_program(np.random.default_rng(seed), preset(config), INSTRUCTIONS, SIZES)
        seen = run_verilated(program, 40)
        found = predict(program.words, preset(config), Memory(40))
        errors.append(found.cycles / seen.cycles - 1)
        assert abs(errors[-1]) < ONE, f"seed {seed}:\n{disassemble(program)}"
    assert np.mean(np.abs(errors)) < ALL, dict(zip(SEEDS, errors, strict=True))
