"""Random programs are legal and free of races; the readback shows every byte on chip."""

import numpy as np
import pytest

from isa.config import Config, preset
from isa.instructions import AMemory, Engine, Opcode
from isa.program import Instruction
from isa.registers import Status
from simulator.functional import FunctionalMachine
from simulator.fuzz import Sizes, order, random_dram, random_program, readback

CONFIGS = (
    preset("tiny"),
    preset("zu"),
    Config("odd", 12, 24, 1000, 37, 64, 20, tables=3, act_banks=2, address_bits=20),
)
SIZES = Sizes(param_start=1 << 16, dram_start=1 << 17, dram_bytes=1 << 18)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_programs_run_to_their_end(config, seed, start_program, get_register):
    random = np.random.default_rng(seed)
    machine = FunctionalMachine(config, 1 << 20)
    machine.write(0, random_dram(random, SIZES))
    program = random_program(random, config, 50, SIZES)
    start_program(machine, program.words)
    assert get_register(machine, "status") == Status.DONE, f"seed {seed}"
    assert get_register(machine, "instructions") == 50, f"seed {seed}"


def test_order_of_a_chain():
    config = preset("tiny")
    chain = [
        Instruction(Opcode.LOAD, {"address": 0x1000, "x_bytes": 4}),
        Instruction(Opcode.MATRIX, {}),
        Instruction(Opcode.VECTOR, {"a_memory": AMemory.ACC, "output": 4}),
        Instruction(Opcode.STORE, {"address": 0x2000, "source": 4}),
        Instruction(Opcode.LOAD, {"address": 0x2000, "x_bytes": 4}),
    ]
    ordered = order(np.random.default_rng(0), config, chain, extra=0)
    masks = [(item.fields["wait"], item.fields["signal"]) for item in ordered]
    load, matrix, vector, store = (1 << engine for engine in Engine)
    # The second load writes what matrix read, and reads what store wrote.
    assert masks == [
        (0, matrix),
        (load, vector | load),
        (matrix, store),
        (vector, load),
        (matrix | store, 0),
    ]


@pytest.mark.parametrize(
    "config", [CONFIGS[2], Config("few", 8, 4, 600, 20, 8, 9, tables=1, bus_bytes=4)]
)
def test_readback_shows_everything(config, start_program):
    random = np.random.default_rng(7)
    machine = FunctionalMachine(config, 1 << 20)
    pads = machine.scratchpads
    for memory in (pads.act, pads.weight, pads.param, pads.table):
        memory[...] = random.integers(0, 256, memory.shape)
    pads.acc[...] = random.integers(-(2**31), 2**31, pads.acc.shape)
    parts = [memory.tobytes() for memory in (pads.act, pads.param)]
    for byte in range(4):
        shifted = (pads.acc << np.int32(24 - 8 * byte)).astype(np.int64)
        rounded = np.clip((shifted + (1 << 23)) >> 24, -128, 127)
        parts.append(rounded.astype(np.int8).tobytes())
    parts += [np.repeat(table, config.columns).tobytes() for table in pads.table]
    parts.append(pads.tiles.transpose(0, 2, 1).tobytes())
    reader = readback(config, 1 << 16)
    machine.write(reader.address, reader.constants)
    start_program(machine, reader.program.words)
    output = machine.read(reader.output_address, reader.output_bytes)
    place = 0
    for part in parts:
        chunks = b""
        while len(chunks) < len(part):
            assert place < len(output)
            size = min(len(part) - len(chunks), _chunk(config, part, parts))
            chunks += output[place : place + size]
            place += -(-size // 64) * 64
        assert chunks == part


def _chunk(config, part, parts):
    """Return the bytes of one store: the content is read in as many pieces as fit into act."""
    room = config.act_column_vectors // 2
    columns = config.columns
    if part is parts[0]:
        return len(part)
    if part is parts[1]:
        return room // 9 * 9 * columns
    if part is parts[-1]:
        return min(2 * config.acc_words, room) // config.rows * config.rows * columns
    return room * columns
