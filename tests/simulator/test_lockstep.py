"""Random legal programs leave the same bytes everywhere on the hardware and on its simulator.

After each program a second one stores every on-chip memory, so what is compared is all of DRAM,
act, weight, param, the tables and acc.
"""

import numpy as np
import pytest

from isa.assembler import disassemble
from isa.config import Config, preset
from isa.registers import Status
from simulator.functional import FunctionalMachine
from simulator.fuzz import Sizes, random_dram, random_program, readback
from simulator.verilator import VerilatorMachine

# Nothing is a power of two that need not be, and nothing is as large as in a preset.
ODD = Config(
    "odd",
    rows=12,
    columns=24,
    act_words=1000,
    weight_tiles=37,
    acc_words=64,
    param_words=20,
    tables=3,
    act_banks=2,
    bus_bytes=8,
    address_bits=20,
    requantize_lanes=3,
    queue_depth=2,
    reads_in_flight=3,
    burst_beats=4,
    windows=2,
)
CONFIGS = (preset("tiny"), ODD)
COUNTERS = ("instructions", "read_bytes", "write_bytes")
MEMORY_BYTES = 1 << 20
PROGRAM_ADDRESS = 1 << 15
READBACK_ADDRESS = 1 << 19
SIZES = Sizes(param_start=1 << 16, dram_start=1 << 17, dram_bytes=1 << 18)
INSTRUCTIONS = 60
SEEDS = range(13)


@pytest.fixture(scope="module", params=CONFIGS, ids=lambda config: config.name)
def machines(request):
    """Return the hardware, with random stalls, and the functional simulator."""
    config = request.param
    hardware = VerilatorMachine(config, MEMORY_BYTES, stall_probability=0.15, seed=1)
    yield hardware, FunctionalMachine(config, MEMORY_BYTES)
    hardware.close()


@pytest.mark.verilator
@pytest.mark.parametrize("seed", SEEDS)
def test_same_bytes(machines, seed, start_program, get_register):
    config = machines[0].config
    random = np.random.default_rng(seed)
    dram = random_dram(random, SIZES)
    program = random_program(random, config, INSTRUCTIONS, SIZES)
    reader = readback(config, READBACK_ADDRESS)
    found = []
    for device in machines:
        device.write(0, dram)
        start_program(device, program.words, PROGRAM_ADDRESS)
        note = f"seed {seed}, {device.name}:\n{disassemble(program)}"
        assert get_register(device, "status") == Status.DONE, note
        counters = [get_register(device, name) for name in COUNTERS]
        content = device.read(0, SIZES.dram_bytes)
        device.write(reader.address, reader.constants)
        start_program(device, reader.program.words, PROGRAM_ADDRESS)
        assert get_register(device, "status") == Status.DONE, note
        found.append((counters, content, device.read(reader.output_address, reader.output_bytes)))
    note = f"seed {seed}:\n{disassemble(program)}"
    for ours, theirs, what in zip(*found, ("counters", "DRAM", "scratchpads"), strict=True):
        assert ours == theirs, f"{what} differ; {note}"
