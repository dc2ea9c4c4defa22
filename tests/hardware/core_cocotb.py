"""Cocotb tests of the whole machine: programs, faults, and that it works again after them."""

import random

import cocotb
from control import parameters
from machine import LOAD, MATRIX, PROGRAM, STORE, Machine, work

from isa.instructions import INSTRUCTION_BYTES, Engine, Memory, Opcode
from isa.registers import COUNTERS, Cause, Control, Status


def load(**fields):
    """Return a load of a few bytes into act."""
    return Opcode.LOAD, {"memory": Memory.ACT, "address": 0x100, "x_bytes": 16, **fields}


def store(**fields):
    """Return a store of a few bytes from act."""
    return Opcode.STORE, {"address": 0x3000, "x_bytes": 16, **fields}


END = (Opcode.END, {})


@cocotb.test()
async def a_program_with_every_engine(dut):
    seed = parameters()["seed"]
    for round_ in range(3):
        machine = Machine(dut, seed + round_, stall=0.3 * round_)
        await machine.start()
        program = await machine.works()
        counters = {counter.name: await machine.read(counter.name) for counter in COUNTERS}
        assert counters["instructions"] == len(program) - 1
        size = machine.config.bus_bytes
        beats = sum(beats for _, beats in machine.memory.reads)
        assert counters["read_bytes"] == beats * size
        assert counters["write_bytes"] == 3 * 4 * machine.config.columns
        for engine in Engine:
            name = engine.name.lower()
            assert 0 < counters[f"{name}_busy"] <= counters["cycles"], name
            assert counters[f"{name}_stalled"] <= counters[f"{name}_busy"], name
        machine.memory.reads.clear()
        await machine.works()
        beats = sum(beats for _, beats in machine.memory.reads)
        assert await machine.read("read_bytes") == beats * size, "cleared at start"


@cocotb.test()
async def a_store_that_waits_for_a_load(dut):
    machine = Machine(dut, parameters()["seed"] + 5)
    await machine.start()
    rows, size = 60, machine.config.act_word_bytes
    await machine.begin([load(x_bytes=rows * size, y_count=3, signal=STORE), store(wait=LOAD), END])
    assert (await machine.finish())[0] == Status.DONE
    waits = {
        counter.name: await machine.read(counter.name)
        for counter in COUNTERS
        if "_waits_" in counter.name
    }
    assert waits.pop("store_waits_load") > 0
    assert not any(waits.values()), waits


@cocotb.test()
async def each_error_and_the_machine_after_it(dut):
    seed = parameters()["seed"] + 10
    good = [load(signal=STORE), store(wait=LOAD)]
    machine = Machine(dut, seed)
    await machine.start()
    bad_read, bad_write = 0x1000, 0x4000
    rows = [
        (
            [*good, load(address=0x7FF0, x_bytes=17), END],
            (Cause.WINDOW_FAULT, Engine.LOAD, 2),
        ),
        (
            [*good, store(address=0x8001), END],
            (Cause.WINDOW_FAULT, Engine.STORE, 2),
        ),
        ([*good, load(address=bad_read), END], (Cause.BUS_ERROR, Engine.LOAD, 2)),
        ([*good, store(address=bad_write), END], (Cause.BUS_ERROR, Engine.STORE, 2)),
        ([*good, 15, END], (Cause.ILLEGAL_INSTRUCTION, 0, 2)),
        ([*good, 1 << 511, END], (Cause.ILLEGAL_INSTRUCTION, 0, 2)),
        (good, (Cause.PROGRAM_CUT_SHORT, 0, 2)),
        ([], (Cause.PROGRAM_CUT_SHORT, 0, 0)),
        ([*good, store(wait=MATRIX), load(), END], (Cause.WATCHDOG, Engine.STORE, 2)),
        ([load(wait=MATRIX), *good[1:], END], (Cause.WATCHDOG, Engine.LOAD, 0)),
    ]
    for program, expected in rows:
        machine.memory.bad = {bad_read, bad_write}
        machine.place(program)
        outside = bytes(machine.memory.data[0x8000:])
        await machine.begin(program, watchdog=600, window=(0, 0x8000, 3))
        result = await machine.finish()
        what = f"seed {seed}: {program}"
        assert result == (Status.ERROR, *expected), f"{what}: {result}"
        assert bytes(machine.memory.data[0x8000:]) == outside, what
        await machine.works()


@cocotb.test()
async def a_fetch_that_fails(dut):
    """An error ahead of the end does no harm; an instruction that cannot be read stops."""
    machine = Machine(dut, parameters()["seed"] + 20)
    await machine.start()
    edge = PROGRAM + 2 * INSTRUCTION_BYTES
    program = [load(signal=STORE), store(wait=LOAD), END]
    for length, bad in ((20, edge + INSTRUCTION_BYTES), (3, edge)):
        machine.memory.bad = {bad}
        await machine.begin(program, length=length)
        result = await machine.finish()
        if bad == edge:
            assert result == (Status.ERROR, Cause.BUS_ERROR, 0, 2), result
        else:
            assert result == (Status.DONE, Cause.NONE, 0, 0), result
    await machine.begin(program)
    await machine.finish()
    machine.memory.bad.clear()
    await machine.write("window1_bytes", 2 * INSTRUCTION_BYTES)
    await machine.write("window0_bytes", 0x8000)
    await machine.write("control", Control.START)
    result = await machine.finish()
    assert result == (Status.ERROR, Cause.WINDOW_FAULT, 0, 2), result
    await machine.works()


@cocotb.test()
async def a_stop_at_any_time(dut):
    seed = parameters()["seed"] + 30
    rng = random.Random(seed)
    machine = Machine(dut, seed)
    await machine.start()
    program = work(machine.config)
    for round_ in range(8):
        what = f"seed {seed}, round {round_}"
        await machine.begin(program)
        await machine.step(rng.randint(0, 400))
        assert await machine.read("status") == Status.RUNNING, what
        await machine.write("control", Control.STOP)
        status, cause, _, _ = await machine.finish()
        assert (status, cause) == (Status.ERROR, Cause.STOPPED), what
        if round_ % 3 == 0:
            await machine.works()


@cocotb.test()
async def a_reset_at_any_time(dut):
    seed = parameters()["seed"] + 40
    rng = random.Random(seed)
    machine = Machine(dut, seed)
    await machine.start()
    program = work(machine.config)
    for round_ in range(4):
        await machine.begin(program)
        await machine.step(rng.randint(0, 400))
        machine.memory.reset()
        await machine.reset()
        assert await machine.read("status") == 0, f"seed {seed}, round {round_}"
        assert await machine.read("program_length") == 0
        await machine.works()


@cocotb.test()
async def a_memory_that_does_not_answer_in_time(dut):
    """The watchdog sees it; the machine stops once the memory has answered."""
    machine = Machine(dut, parameters()["seed"] + 50)
    await machine.start()
    machine.memory.answering = False
    await machine.begin(work(machine.config), watchdog=100)
    await machine.step(400)
    assert await machine.read("status") == Status.RUNNING
    assert await machine.read("error_cause") == Cause.WATCHDOG
    machine.memory.answering = True
    result = await machine.finish()
    assert result == (Status.ERROR, Cause.WATCHDOG, 0, 0), result
    await machine.works()
