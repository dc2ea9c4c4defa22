"""Each cause of an error stop on the Verilated machine.

The machine stops with the cause, the engine and the index; no byte of DRAM outside the windows open
for writing has changed; and the next program runs as on the functional simulator, byte for byte.
"""

import numpy as np
import pytest

from isa.assembler import assemble
from isa.config import preset
from isa.instructions import INSTRUCTION_BYTES, Engine
from isa.registers import Cause, Control, Interrupt, Status
from simulator import FunctionalMachine
from simulator.verilator import VerilatorMachine

CONFIG = preset("tiny")
MEMORY_BYTES = 1 << 16
PROGRAM = 0x8000
READ, WRITE = 1, 2
# Between them, and beyond DRAM, bytes that no window holds.
WINDOWS = [
    (PROGRAM, 0x1000, READ),
    (0x1010, 0x2000, READ),
    (0x4008, 0x1001, WRITE),
    (0xFF00, 0x1000, READ | WRITE),
]
# Works first, so that there is something to disturb; it writes inside the window only.
GOOD = """
load address=0x1011 x_bytes=50 y_count=3 y_stride=60 y_step=16 signal=matrix|store
load memory=weight address=0x1101 x_bytes=64 signal=matrix
sync engine=matrix wait=load
matrix wait=load count4=4 act4=1 acc4=1 weight4=1 signal=vector
vector wait=matrix a_memory=acc count4=4 a4=1 output=40 output4=1 signal=store
store wait=load|vector source=0 address=0x4009 x_bytes=200
"""
# Stores what it made only: the scratchpads still hold what the program before left there.
NEXT = """
load address=0x1013 x_bytes=77 destination=3 signal=store|matrix
load memory=weight address=0x1200 x_bytes=16 destination=5 signal=matrix
sync engine=matrix wait=load
matrix wait=load act=3 weight=5 count5=6 act5=1 acc5=1 signal=vector
vector wait=matrix a_memory=acc count4=6 a4=1 output=60 output4=1 zero_point=3 signal=store
store wait=load|vector source=3 address=0x4100 x_bytes=80
store source=60 address=0x4200 x_bytes=24
end
"""
AT = 6


def fault(text, cause, engine, index=AT, **options):
    return pytest.param(text, options, (cause, engine, index), id=options.pop("name"))


WINDOW, BUS, ILLEGAL = Cause.WINDOW_FAULT, Cause.BUS_ERROR, Cause.ILLEGAL_INSTRUCTION
LOAD, STORE, VECTOR = Engine.LOAD, Engine.STORE, Engine.VECTOR
FAULTS = [
    fault("load address=0x100f", WINDOW, LOAD, name="read-before"),
    fault("load address=0x300c x_bytes=5", WINDOW, LOAD, name="read-beyond"),
    fault("load address=0x2f80 x_bytes=200", WINDOW, LOAD, name="read-in-the-end"),
    fault("load address=0x4008 x_bytes=4", WINDOW, LOAD, name="read-write-only"),
    fault("load address=0x0", WINDOW, LOAD, name="read-nowhere"),
    fault("load address=0xfffffff0 x_bytes=64", WINDOW, LOAD, name="read-wraps"),
    fault("store address=0x4007", WINDOW, STORE, name="write-before"),
    fault("store address=0x5008 x_bytes=2", WINDOW, STORE, name="write-beyond"),
    fault("store address=0x4f00 x_bytes=1000", WINDOW, STORE, name="write-in-the-end"),
    fault("store address=0x1010 x_bytes=4", WINDOW, STORE, name="write-read-only"),
    fault("store address=0x8000 x_bytes=64", WINDOW, STORE, name="write-the-program"),
    fault(
        "store address=0x4fff x_bytes=9 y_count=2 y_stride=0x800", WINDOW, STORE, name="second-run"
    ),
    fault("load address=0xfff0 x_bytes=17", BUS, LOAD, name="read-error"),
    fault("store address=0xfff0 x_bytes=40", BUS, STORE, name="write-error"),
    fault("sync engine=vector wait=store", Cause.WATCHDOG, VECTOR, name="deadlock"),
    fault("", Cause.PROGRAM_CUT_SHORT, LOAD, cut=True, name="cut-short"),
    fault("end", Cause.PROGRAM_CUT_SHORT, LOAD, 0, length=0, name="empty"),
    fault("end", WINDOW, LOAD, 0, address=0x7000, name="fetch-outside"),
    fault("end", WINDOW, LOAD, 2, address=0x8F80, name="fetch-beyond"),
    fault("end", WINDOW, LOAD, 2, address=0x8F80, length=2**32 - 1, name="longest"),
    fault("end", BUS, LOAD, 4, address=0xFF00, name="fetch-error"),
    fault("end", ILLEGAL, LOAD, word=0xF, name="opcode"),
    fault("end", ILLEGAL, LOAD, word=1 << 511, name="reserved-bit"),
    fault("end", ILLEGAL, LOAD, word=(1 << 4) | 0, name="waits-for-itself"),
    fault("end", ILLEGAL, LOAD, word=(1 << 8) | 0, name="signals-itself"),
    fault("end", ILLEGAL, LOAD, word=(7 << 12) | 2, name="operation"),
]


@pytest.fixture(scope="module")
def machine():
    machine = VerilatorMachine(CONFIG, MEMORY_BYTES, stall_probability=0.1, seed=3)
    yield machine
    machine.close()


def run(put, machine, words, address=PROGRAM, length=None, stop_after=None):
    """Start a program behind the windows, stop it where that is asked for, and wait."""
    machine.write(address, words[: MEMORY_BYTES - address])
    for index, window in enumerate(WINDOWS):
        for part, value in zip(("address", "bytes", "access"), window, strict=True):
            put(machine, f"window{index}_{part}", value)
    put(machine, "program_address", address)
    put(machine, "program_length", len(words) // INSTRUCTION_BYTES if length is None else length)
    put(machine, "watchdog", 2000)
    put(machine, "interrupt_status", Interrupt.DONE | Interrupt.ERROR)
    before = np.frombuffer(machine.read(0, MEMORY_BYTES), np.uint8)
    put(machine, "control", Control.START)
    if stop_after is not None:
        machine.run(stop_after)
        put(machine, "control", Control.STOP)
    machine.wait(100_000)
    return before


def check_stop(machine, get, put, before, expected, seed):
    """Compare what the machine says, and DRAM; then let it run a program."""
    error = get(machine, "error_cause")
    found = Cause(error & 0xFF), Engine(error >> 8), get(machine, "error_instruction")
    assert get(machine, "status") == Status.ERROR, f"seed {seed}"
    assert get(machine, "interrupt_status") == Interrupt.ERROR
    assert found[: len(expected)] == expected, f"seed {seed}: {found}"
    changed = np.flatnonzero(np.frombuffer(machine.read(0, MEMORY_BYTES), np.uint8) != before)
    for address in changed:
        assert any(
            access & WRITE and start <= address < start + size for start, size, access in WINDOWS
        ), f"seed {seed}: the byte at {address:#x} has changed"
    program = assemble(NEXT, CONFIG)
    twin = FunctionalMachine(CONFIG, MEMORY_BYTES)
    twin.write(0, machine.read(0, MEMORY_BYTES))
    for device in (machine, twin):
        run(put, device, program.words)
        assert get(device, "status") == Status.DONE, f"seed {seed}: {device.name}"
        assert get(device, "error_cause") == Cause.NONE
        assert get(device, "instructions") == len(program) - 1
    assert machine.read(0, MEMORY_BYTES) == twin.read(0, MEMORY_BYTES), f"seed {seed}"


def random_dram(machine, seed):
    random = np.random.default_rng(seed)
    machine.write(0, random.integers(0, 256, MEMORY_BYTES, np.uint8))


@pytest.mark.verilator
@pytest.mark.parametrize(("text", "options", "expected"), FAULTS)
def test_fault(machine, get_register, set_register, text, options, expected):
    seed = sum(map(ord, text))
    random_dram(machine, seed)
    good = "" if "address" in options or "length" in options else GOOD
    tail = "" if options.get("cut") else "\nend"
    if "address" in options:
        text = "sync\n" * 4
    words = assemble(good + text * ("word" not in options) + tail, CONFIG).words
    if "word" in options:
        bad = options["word"].to_bytes(INSTRUCTION_BYTES, "little")
        words = assemble(GOOD, CONFIG).words + bad + assemble("end", CONFIG).words
    settings = {name: options[name] for name in ("address", "length") if name in options}
    before = run(set_register, machine, words, **settings)
    check_stop(machine, get_register, set_register, before, expected, seed)


@pytest.mark.verilator
@pytest.mark.parametrize("cycles", [*range(0, 60, 7), *range(100, 700, 41)])
def test_stop(machine, get_register, set_register, cycles):
    """STOP at any time: while it fetches, loads, computes and stores."""
    random_dram(machine, cycles)
    words = assemble(GOOD + "sync engine=vector wait=store\nend", CONFIG).words
    before = run(set_register, machine, words, stop_after=cycles)
    check_stop(machine, get_register, set_register, before, (Cause.STOPPED,), cycles)
