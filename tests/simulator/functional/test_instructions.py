"""Each instruction of the functional simulator against loops over every iteration."""

import numpy as np
import pytest

from isa.assembler import format_instruction
from isa.config import Config
from isa.instructions import Opcode
from isa.program import Instruction, Program
from isa.registers import Status
from simulator.functional import FunctionalMachine
from simulator.fuzz import Sizes, random_instruction

CONFIGS = (
    Config("square", 4, 4, 64, 7, 8, 5, tables=2, bus_bytes=4),
    Config("wide", 2, 8, 36, 5, 8, 4, tables=1, act_banks=2, bus_bytes=4),
    Config("tall", 16, 4, 40, 6, 4, 3, tables=0, bus_bytes=4),
    Config("twelve", 12, 12, 40, 6, 4, 3, tables=1, bus_bytes=4),
)
SIZES = Sizes(
    iterations=120, run_bytes=40, runs=12, param_start=2048, dram_start=8192, dram_bytes=16384
)
SEEDS = range(6)
INSTRUCTIONS = 25


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
@pytest.mark.parametrize("opcode", [Opcode.LOAD, Opcode.STORE, Opcode.MATRIX, Opcode.VECTOR])
def test_equals_the_oracle(
    opcode, config, seed, oracle, fill_scratchpads, memories, start_program, get_register
):
    random = np.random.default_rng([seed, opcode])
    fast, slow = (FunctionalMachine(config, SIZES.dram_bytes) for _ in range(2))
    pads = slow.scratchpads
    for number in range(INSTRUCTIONS):
        instruction = random_instruction(random, config, opcode, SIZES)
        fill_scratchpads(config, pads, random)
        dram = random.integers(0, 256, SIZES.dram_bytes, np.uint8)
        for name, memory in vars(memories(pads)).items():
            getattr(fast.scratchpads, name)[...] = memory
        fast.write(0, dram)
        program = Program.encode(config, [instruction, Instruction(Opcode.END)])
        start_program(fast, program.words)
        dram[: len(program.words)] = np.frombuffer(program.words, np.uint8)
        oracle(config, instruction, pads, dram)
        note = f"seed {seed}, number {number}: {format_instruction(config, instruction)}"
        assert get_register(fast, "status") == Status.DONE, note
        assert fast.read(0, dram.size) == dram.tobytes(), note
        for name, expected in vars(memories(pads)).items():
            np.testing.assert_array_equal(getattr(fast.scratchpads, name), expected, note)
