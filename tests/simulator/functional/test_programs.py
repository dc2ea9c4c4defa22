"""A program that runs again is not decoded again, and does what it would do the first time."""

import numpy as np
import pytest

from isa.assembler import assemble, format_instruction
from isa.config import Config
from isa.instructions import INSTRUCTION_BYTES, Engine, Opcode
from isa.program import Instruction, Program
from isa.registers import Cause, Status
from simulator.functional import FunctionalMachine
from simulator.functional.programs import Programs
from simulator.fuzz import Sizes, random_instruction

CONFIG = Config("square", 4, 4, 64, 7, 8, 5, tables=2, bus_bytes=4)
SIZES = Sizes(
    iterations=400, run_bytes=40, runs=12, param_start=2048, dram_start=8192, dram_bytes=16384
)
ILLEGAL = (15).to_bytes(INSTRUCTION_BYTES, "little")
END = assemble("end", CONFIG).words
READ, WRITE = 1, 2


@pytest.fixture
def stopped(get_register):
    """Return a function that tells cause, engine, index and instructions done."""

    def read(machine):
        error = get_register(machine, "error_cause")
        index, done = (
            get_register(machine, name) for name in ("error_instruction", "instructions")
        )
        return Cause(error & 0xFF), Engine(error >> 8), index, done

    return read


def everything(machine):
    """Return DRAM and the scratchpads as bytes."""
    pads = machine.scratchpads
    memories = [memory.tobytes() for memory in (pads.act, pads.weight, pads.param, pads.table)]
    return [machine.read(0, machine.memory_bytes), *memories, pads.acc.tobytes()]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("opcode", [Opcode.LOAD, Opcode.STORE, Opcode.MATRIX, Opcode.VECTOR])
def test_again_equals_fresh(opcode, seed, fill_scratchpads, memories, start_program):
    random = np.random.default_rng([seed, opcode])
    warm = FunctionalMachine(CONFIG, SIZES.dram_bytes)
    for number in range(30):
        instruction = random_instruction(random, CONFIG, opcode, SIZES)
        words = Program.encode(CONFIG, [instruction, Instruction(Opcode.END)]).words
        for run in range(3):
            fresh = FunctionalMachine(CONFIG, SIZES.dram_bytes)
            fill_scratchpads(CONFIG, fresh.scratchpads, random)
            for name, memory in vars(memories(fresh.scratchpads)).items():
                getattr(warm.scratchpads, name)[...] = memory
            dram = random.integers(0, 256, SIZES.dram_bytes, np.uint8)
            for machine in (warm, fresh):
                machine.write(0, dram)
                start_program(machine, words)
            text = format_instruction(CONFIG, instruction)
            assert everything(warm) == everything(fresh), f"seed {seed}: {number}, {run}: {text}"


@pytest.mark.parametrize("opcode", [Opcode.LOAD, Opcode.STORE])
def test_windows_are_checked_in_every_run(opcode, start_program, get_register, stopped):
    machine = FunctionalMachine(CONFIG, 4096)
    program = assemble(f"{opcode.name.lower()} address=0x800 x_bytes=40\nend", CONFIG)
    whole, without = [(0, 4096, READ | WRITE)], [(0, 0x820, READ | WRITE)]
    for windows in (whole, without, whole, without):
        start_program(machine, program.words, windows=windows)
        if windows is whole:
            assert get_register(machine, "status") == Status.DONE
        else:
            assert stopped(machine) == (Cause.WINDOW_FAULT, Engine(opcode), 0, 0)


def test_the_host_writes_another_program(start_program, get_register):
    machine = FunctionalMachine(CONFIG, 4096)
    for fill in (3, 5, 3):
        text = f"load address=0x800 line_bytes=1 x_origin=1 x_bytes=4 fill={fill}\nend"
        start_program(machine, assemble(text, CONFIG).words)
        assert get_register(machine, "status") == Status.DONE
        assert machine.scratchpads.act.reshape(-1)[:4].tolist() == [fill] * 4


# A store to the last byte of the word that follows, or to all of it.
@pytest.mark.parametrize(("offset", "size"), [(0, 64), (63, 1)])
def test_a_program_that_changes_itself(start_program, stopped, offset, size):
    machine = FunctionalMachine(CONFIG, 4096)
    program = assemble(
        f"load address={0x800 + offset} x_bytes={size}\n"
        f"store address={3 * INSTRUCTION_BYTES + offset} x_bytes={size}\n"
        "sync\nend",
        CONFIG,
    )
    reserved = bytearray(END)
    reserved[-1] = 0x80
    machine.write(0x800, bytes(reserved))
    for _ in range(3):
        # Each run begins with the legal words, and meets the word that it has written.
        start_program(machine, program.words)
        assert stopped(machine) == (Cause.ILLEGAL_INSTRUCTION, Engine.LOAD, 3, 3)


def test_what_it_writes_is_executed(start_program, get_register):
    machine = FunctionalMachine(CONFIG, 4096)
    written = assemble("load address=0x900 line_bytes=1 x_origin=1 x_bytes=4 fill=9", CONFIG).words
    machine.write(0x800, written)
    program = assemble("load address=0x800 x_bytes=64\nstore address=128 x_bytes=64\nend", CONFIG)
    for _ in range(2):
        machine.scratchpads.act[...] = 0
        start_program(machine, program.words + END, length=4)
        assert get_register(machine, "status") == Status.DONE
        assert get_register(machine, "instructions") == 3
        assert machine.scratchpads.act.reshape(-1)[:4].tolist() == [9] * 4


def test_an_illegal_word_counts_when_it_is_reached(start_program, get_register, stopped):
    machine = FunctionalMachine(CONFIG, 4096)
    load = assemble("load address=0x800 line_bytes=1 x_origin=1 x_bytes=4 fill=6", CONFIG).words
    start_program(machine, load + END + ILLEGAL)
    assert get_register(machine, "status") == Status.DONE
    assert get_register(machine, "instructions") == 1
    machine.scratchpads.act[...] = 0
    start_program(machine, load + ILLEGAL + END)
    assert stopped(machine) == (Cause.ILLEGAL_INSTRUCTION, Engine.LOAD, 1, 1)
    assert machine.scratchpads.act.reshape(-1)[:4].tolist() == [6] * 4


def test_a_program_in_two_windows(start_program, get_register):
    # No window holds all of it: word by word, with the same results and counters.
    text = "load address=0x800 x_bytes=64\nvector output=8 count4=4 a4=1 output4=1\n"
    words = assemble(text + "store address=0x900 source=8 x_bytes=16\nend", CONFIG).words
    split = [(0, 128, READ), (128, 4096 - 128, READ | WRITE)]
    data = np.random.default_rng(4).integers(0, 256, 64, np.uint8)
    found = []
    for windows in (None, split):
        machine = FunctionalMachine(CONFIG, 4096)
        machine.write(0x800, data)
        start_program(machine, words, windows=windows)
        assert get_register(machine, "status") == Status.DONE
        names = ("instructions", "read_bytes", "write_bytes")
        found.append((everything(machine), [get_register(machine, name) for name in names]))
    assert found[0] == found[1]
    assert found[0][1] == [3, 4 * INSTRUCTION_BYTES + 64, 16]
    assert found[0][0][0][0x900:0x910] == data[:16].tobytes()


def test_what_ran_last_is_kept():
    programs = Programs(CONFIG)
    half = END * (1 << 15)
    small, other = END * 2, END * 3
    kept = programs.find(small)
    assert len(kept.steps) == len(kept.works) == 2
    assert programs.find(half) is programs.find(half)
    assert programs.find(small) is kept
    # With this one there are more than may be kept; the one found longest ago goes.
    before = programs.find(half)
    programs.find(small)
    programs.find(END * (1 << 15) + other)
    assert programs.find(small) is kept
    assert programs.find(half) is not before


@pytest.mark.parametrize("words", [END + ILLEGAL, END * ((1 << 16) + 1)], ids=["illegal", "long"])
def test_what_is_not_kept(words):
    assert Programs(CONFIG).find(words) is None
