"""Cocotb tests of the whole machine: cocotbext-axi's slave, and resets in the middle of work."""

import functools

import cocotb
from cocotbext.axi import AxiResp
from control import parameters
from core_cocotb import END, load, store
from machine import LOAD, MATRIX, PROGRAM, SIZE, STORE, VECTOR, Machine, functional
from slave import AxiSlaveMemory

from isa.instructions import INSTRUCTION_BYTES, AMemory, Engine, Memory, Opcode
from isa.registers import Cause, Status

RESET_CYCLES = 240


def small_work(config):
    """Return a short program in which every engine works, each after the one before it."""
    return [
        load(x_bytes=config.tile_bytes, memory=Memory.WEIGHT),
        load(x_bytes=2 * config.act_word_bytes, signal=MATRIX),
        (Opcode.MATRIX, {"count5": 2, "acc5": 1, "act5": 1, "wait": LOAD, "signal": VECTOR}),
        (
            Opcode.VECTOR,
            {"a_memory": AMemory.ACC, "count4": 2, "a4": 1, "output4": 1, "wait": MATRIX}
            | {"output": 4 * config.act_word_bytes // config.columns, "signal": STORE},
        ),
        store(source=4, x_bytes=2 * config.columns, wait=VECTOR),
        END,
    ]


@cocotb.test()
async def a_reset_in_any_cycle(dut):
    """Reset after 0, `step`, ... cycles from start; then the program runs as if it were new."""
    seed = parameters()["seed"]
    machine = Machine(dut, seed, stall=0.0, latency=3)
    await machine.start()
    program = small_work(machine.config)
    machine.place(program)
    expected = functional(machine.config, machine.memory.data, program)
    await machine.begin(program)
    first = machine.cycle
    assert (await machine.finish())[0] == Status.DONE
    # What is reset is everything from the first fetch to the last response.
    assert machine.cycle - first < RESET_CYCLES, machine.cycle - first
    assert machine.memory.data == expected
    blank = bytes(2 * machine.config.columns)
    for cycles in range(0, machine.cycle - first, parameters()["step"]):
        machine.memory.data[0x3000 : 0x3000 + len(blank)] = blank
        await machine.begin(program)
        await machine.step(cycles)
        machine.memory.reset()
        await machine.reset()
        await machine.begin(program)
        result = await machine.finish()
        assert result == (Status.DONE, Cause.NONE, 0, 0), f"reset after {cycles}: {result}"
        assert machine.memory.data == expected, f"reset after {cycles} cycles"


@cocotb.test()
async def programs_on_a_slave(dut):
    seed = parameters()["seed"] + 1
    machine = Machine(dut, seed, 0.2, 30, memory=AxiSlaveMemory)
    await machine.start()
    for _ in range(2):
        await machine.works()


async def each_bus_error(dut, response):
    """On load, store and fetch; after each, a program runs right."""
    seed = parameters()["seed"] + 2
    memory = functools.partial(AxiSlaveMemory, response=response)
    machine = Machine(dut, seed, 0.2, 30, memory=memory)
    await machine.start()
    good = [load(signal=STORE), store(wait=LOAD)]
    rows = [
        (0x1000, [*good, load(address=0x1000), END], (Cause.BUS_ERROR, Engine.LOAD, 2)),
        (0x4000, [*good, store(address=0x4000), END], (Cause.BUS_ERROR, Engine.STORE, 2)),
        (PROGRAM + 2 * INSTRUCTION_BYTES, [*good, END], (Cause.BUS_ERROR, 0, 2)),
    ]
    for bad, program, expected in rows:
        machine.memory.bad = {bad}
        machine.place(program)
        before = bytes(machine.memory.data)
        await machine.begin(program, watchdog=5000)
        result = await machine.finish()
        what = f"seed {seed}, {AxiResp(response).name} at {bad:#x}"
        assert result == (Status.ERROR, *expected), f"{what}: {result}"
        # What the two stores may write; the good one may not have had its turn.
        for start, end in ((0, 0x3000), (0x3010, 0x4000), (0x4010, SIZE)):
            assert machine.memory.data[start:end] == before[start:end], what
        await machine.works()


@cocotb.test()
async def each_bus_error_as_slverr(dut):
    await each_bus_error(dut, AxiResp.SLVERR)


@cocotb.test()
async def each_bus_error_as_decerr(dut):
    await each_bus_error(dut, AxiResp.DECERR)
