"""The clocks that stand still change nothing: every cycle is that of the machine without them."""

import numpy as np
import pytest

from hardware.verilog import to_verilog
from isa.registers import COUNTERS, Control
from simulator.fuzz.configs import fuzz_config
from simulator.fuzz.instructions import Sizes, random_dram
from simulator.fuzz.program import random_program
from simulator.verilator import VerilatorMachine

SIZES = Sizes()
INSTRUCTIONS = 150


@pytest.fixture(scope="module")
def verilog():
    """Return (Config, what `verilog` is for VerilatorMachine) without gates and with them."""
    config = fuzz_config("tiny")
    return config, (to_verilog(config), None)


@pytest.mark.verilator
@pytest.mark.parametrize("seed", range(4))
def test_every_cycle_is_the_same(verilog, start_program, set_register, get_register, seed):
    """A program is stopped somewhere; another one runs to its end; at the same cycles in both."""
    config, texts = verilog
    random = np.random.default_rng(seed)
    dram = random_dram(random, SIZES)
    stopped, whole = (random_program(random, config, INSTRUCTIONS, SIZES) for _ in range(2))
    cycles = int(random.integers(1, 4000))
    seen = []
    for text in texts:
        machine = VerilatorMachine(
            config, SIZES.dram_bytes, stall_probability=0.1, seed=seed, verilog=text
        )
        machine.write(0, dram)
        machine.write(0, stopped.words)
        for name, value in (("window0_bytes", SIZES.dram_bytes), ("window0_access", 3)):
            set_register(machine, name, value)
        set_register(machine, "program_length", len(stopped))
        set_register(machine, "control", Control.START)
        machine.run(cycles)
        set_register(machine, "control", Control.STOP)
        machine.wait(100_000)
        state = [machine.cycles, machine.instruction_trace().tolist()]
        state.append(get_register(machine, "error_instruction"))
        start_program(machine, whole.words)
        state += [machine.cycles, machine.instruction_trace().tolist()]
        state += [get_register(machine, counter.name) for counter in COUNTERS]
        state.append(machine.read(0, SIZES.dram_bytes))
        machine.close()
        seen.append(state)
    assert seen[0] == seen[1], f"seed {seed}, stopped after {cycles} cycles"


def test_only_the_simulation_has_gates(verilog):
    config, (text, _) = verilog
    assert "negedge" not in text
    assert "negedge" in to_verilog(config, gated=True)
