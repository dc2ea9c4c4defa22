"""What a driver sees of a device, the same on the functional simulator and on the hardware."""

import pytest

from isa.assembler import assemble
from isa.config import preset
from isa.instructions import Engine
from isa.program import Program
from isa.registers import (
    COUNTERS,
    IDENTITY,
    VERSION,
    Cause,
    Control,
    Features,
    Interrupt,
    Status,
    register_map,
)
from simulator import AddressError, FunctionalMachine
from simulator.verilator import VerilatorMachine

CONFIG = preset("tiny")
MEMORY_BYTES = 1 << 16
END = assemble("end", CONFIG)


@pytest.fixture(params=["functional", pytest.param("verilator", marks=pytest.mark.verilator)])
def device(request):
    kind = FunctionalMachine if request.param == "functional" else VerilatorMachine
    device = kind(CONFIG, MEMORY_BYTES)
    yield device
    device.close()


@pytest.fixture
def failed(start_program, get_register, device):
    """Return a function that runs program text and returns cause, engine and index of its error.

    It then checks that the device runs the next program as if nothing had been.
    """

    def run(text, **options):
        program = assemble(text, CONFIG) if isinstance(text, str) else text
        start_program(device, program.words, **options)
        assert get_register(device, "status") == Status.ERROR
        assert get_register(device, "interrupt_status") & Interrupt.ERROR
        error = get_register(device, "error_cause")
        result = Cause(error & 0xFF), Engine(error >> 8), get_register(device, "error_instruction")
        start_program(device, END.words)
        assert get_register(device, "status") == Status.DONE
        assert get_register(device, "error_cause") == Cause.NONE
        return result

    return run


def test_identity(device, get_register):
    assert get_register(device, "identity") == IDENTITY
    assert get_register(device, "version") == VERSION
    assert get_register(device, "features") == Features.TABLES
    assert get_register(device, "digest") == CONFIG.digest
    assert device.config == CONFIG
    assert device.memory_bytes == MEMORY_BYTES


def test_memory_keeps_what_is_written(device):
    device.write(16, b"abc")
    device.write(17, memoryview(b"xy"))
    assert device.read(15, 5) == b"\0axy\0"


@pytest.mark.parametrize(("address", "size"), [(MEMORY_BYTES - 1, 2), (-1, 1)])
def test_memory_ends(device, address, size):
    for verb, access in (("read", size), ("write", bytes(size))):
        with pytest.raises(
            AddressError,
            match=rf"^DRAM {verb} of {size} bytes at {address:#x} must lie in 0x0\.\.0x10000; "
            r"open the device with a larger memory_bytes$",
        ):
            getattr(device, verb)(address, access)


def test_registers_keep_the_bits_that_exist(device, set_register, get_register):
    for name in ("program_length", "watchdog", "window3_address", "window1_bytes"):
        set_register(device, name, 0x89ABCDEF)
        assert get_register(device, name) == 0x89ABCDEF
    set_register(device, "program_address", 0x123456789ABCDEFF)
    assert get_register(device, "program_address") == 0x123456789ABCDEC0
    for name in ("interrupt_enable", "window0_access"):
        set_register(device, name, 0xFFFFFFFF)
        assert get_register(device, name) == 3


def test_read_only_registers_ignore_writes(device, set_register, get_register):
    for name in ("identity", "status", "error_cause", "cycles"):
        before = get_register(device, name)
        set_register(device, name, ~before & 0xFFFFFFFF)
        assert get_register(device, name) == before
    assert get_register(device, "control") == 0


def test_unknown_register(device):
    message = "^there is no register at offset 0x3fc; see isa.registers$"
    with pytest.raises(AddressError, match=message):
        device.read_register(0x3FC)
    with pytest.raises(AddressError, match=message):
        device.write_register(0x3FC, 0)


def test_interrupt_status_clears_with_ones(device, start_program, set_register, get_register):
    set_register(device, "interrupt_enable", Interrupt.DONE)
    start_program(device, END.words)
    assert get_register(device, "interrupt_status") == Interrupt.DONE
    set_register(device, "interrupt_status", Interrupt.ERROR)
    assert get_register(device, "interrupt_status") == Interrupt.DONE
    set_register(device, "interrupt_status", Interrupt.DONE)
    assert get_register(device, "interrupt_status") == 0


def test_counters(device, start_program, get_register):
    program = assemble(
        "load address=0x1003 x_bytes=10 y_count=2 y_stride=64 y_step=3 signal=store\n"
        "store address=0x2001 x_bytes=5 z_count=3 z_stride=7 wait=load\n"
        "sync engine=vector\nend",
        CONFIG,
    )
    start_program(device, program.words)
    assert get_register(device, "instructions") == 3
    # Each run of 10 bytes touches 4 beats of 4 bytes; then the four instructions are fetched.
    assert get_register(device, "read_bytes") == 2 * 16 + 4 * 64
    assert get_register(device, "write_bytes") == 15
    start_program(device, END.words)
    assert get_register(device, "instructions") == 0
    assert get_register(device, "write_bytes") == 0
    assert all(get_register(device, counter.name) >= 0 for counter in COUNTERS)


def test_illegal_instruction(failed):
    words = END.words
    illegal = Program(CONFIG, (15).to_bytes(64, "little") + words)
    assert failed(illegal) == (Cause.ILLEGAL_INSTRUCTION, Engine.LOAD, 0)


def test_reserved_bit(failed):
    reserved = bytearray(END.words)
    reserved[63] = 0x80
    program = Program(CONFIG, assemble("sync", CONFIG).words + bytes(reserved))
    assert failed(program) == (Cause.ILLEGAL_INSTRUCTION, Engine.LOAD, 1)


def test_program_cut_short(failed):
    assert failed("sync\nsync") == (Cause.PROGRAM_CUT_SHORT, Engine.LOAD, 2)


def test_empty_program(failed):
    assert failed("end", length=0) == (Cause.PROGRAM_CUT_SHORT, Engine.LOAD, 0)


def test_deadlock(failed):
    text = "sync engine=matrix\nsync engine=vector wait=load\nend"
    assert failed(text, watchdog=1000) == (Cause.WATCHDOG, Engine.VECTOR, 1)


@pytest.mark.parametrize(
    ("text", "engine", "index"),
    [
        ("load address=0x3ffc x_bytes=5\nend", Engine.LOAD, 0),
        ("load address=0x0fff x_bytes=4\nend", Engine.LOAD, 0),
        ("sync\nload address=0x5000 x_bytes=1\nend", Engine.LOAD, 1),
        ("sync\nsync\nstore address=0x3000\nend", Engine.STORE, 2),
        ("store address=0x5ffd x_bytes=8\nend", Engine.STORE, 0),
    ],
    ids=["end", "start", "write-only", "read-only", "write-end"],
)
def test_window_fault(failed, text, engine, index):
    windows = [(0, 0x1000, 1), (0x1000, 0x3000, 1), (0x5000, 0x1000, 2)]
    if "0x0fff" in text:
        windows[0] = (0, 0xFFF, 1)
    assert failed(text, windows=windows) == (Cause.WINDOW_FAULT, engine, index)


def test_neighbouring_windows_join_at_a_burst(device, start_program, get_register):
    # A run may cross from a window to the next where a burst ends: here at 4 KiB.
    windows = [(0, 0x1000, 1), (0x1000, 0x1000, 1)]
    start_program(
        device, assemble("load address=0x0ff0 x_bytes=32\nend", CONFIG).words, windows=windows
    )
    assert get_register(device, "status") == Status.DONE


def test_program_outside_the_windows(failed):
    found = failed("end", address=0x2000, windows=[(0, 0x1000, 1)])
    assert found == (Cause.WINDOW_FAULT, Engine.LOAD, 0)


def test_program_beyond_the_address_space(device, set_register, get_register):
    set_register(device, "window0_bytes", MEMORY_BYTES)
    set_register(device, "window0_access", 1)
    set_register(device, "program_address", 1 << 40)
    set_register(device, "program_length", 1)
    set_register(device, "control", Control.START)
    device.wait(10_000)
    assert get_register(device, "error_cause") == Cause.WINDOW_FAULT


@pytest.mark.parametrize("engine", [Engine.LOAD, Engine.STORE])
def test_bus_error(failed, engine):
    text = f"sync engine=matrix\n{engine.name.lower()} address={MEMORY_BYTES:#x} x_bytes=4\nend"
    windows = [(0, 2 * MEMORY_BYTES, 3)]
    assert failed(text, windows=windows) == (Cause.BUS_ERROR, engine, 1)


def test_padding_reads_nothing(device, start_program, get_register):
    # Neither the lines nor the bytes of a line that do not exist lie in a window.
    program = assemble(
        "load address=0x1000 x_bytes=64 z_count=3 z_stride=0x100 z_step=16 z_origin=-1 "
        "x_origin=-30 line_bytes=4 line_count=1 fill=7 signal=store\n"
        "store address=0x1100 x_bytes=64 source=16 wait=load\nend",
        CONFIG,
    )
    windows = [(0, 0x1000, 1), (0x1000, 4, 1), (0x1100, 64, 2)]
    device.write(0x1000, bytes([1, 2, 3, 4]))
    start_program(device, program.words, windows=windows)
    assert get_register(device, "status") == Status.DONE
    assert device.read(0x1100, 64) == bytes([7] * 30 + [1, 2, 3, 4] + [7] * 30)
    assert get_register(device, "read_bytes") == 4 + 3 * 64


def test_stop(device, set_register, get_register, start_program):
    program = assemble("sync engine=store wait=load\nend", CONFIG)
    device.write(0, program.words)
    set_register(device, "window0_bytes", MEMORY_BYTES)
    set_register(device, "window0_access", 3)
    set_register(device, "program_length", len(program))
    set_register(device, "control", Control.START)
    set_register(device, "control", Control.STOP)
    device.wait(10_000)
    assert get_register(device, "status") == Status.ERROR
    assert get_register(device, "error_cause") & 0xFF == Cause.STOPPED
    start_program(device, END.words)
    assert get_register(device, "status") == Status.DONE


def test_tokens_start_anew(device, start_program, get_register):
    start_program(device, assemble("sync engine=load signal=store\nend", CONFIG).words)
    start_program(device, assemble("sync engine=store wait=load\nend", CONFIG).words, watchdog=1000)
    assert get_register(device, "error_cause") & 0xFF == Cause.WATCHDOG


def test_scratchpads_outlive_a_program(device, start_program):
    device.write(0x1000, b"kept")
    start_program(
        device, assemble("load address=0x1000 x_bytes=4 destination=9\nend", CONFIG).words
    )
    start_program(device, assemble("store address=0x2000 x_bytes=4 source=9\nend", CONFIG).words)
    assert device.read(0x2000, 4) == b"kept"


def test_every_register_answers(device):
    for register in register_map(CONFIG).registers:
        for word in range(register.words):
            assert 0 <= device.read_register(register.offset + 4 * word) < 1 << 32
