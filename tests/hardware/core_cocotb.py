"""Cocotb tests of the whole machine: programs, faults, and that it works again after them."""

import random

import cocotb
import numpy as np
from control import AxiMemory, Bench, configuration, number, parameters

from isa.instructions import INSTRUCTION_BYTES, AMemory, Engine, Memory, Opcode, instruction_set
from isa.registers import COUNTERS, Cause, Control, Interrupt, Status, register_map
from simulator.functional import FunctionalMachine

SIZE = 1 << 16
PROGRAM = 0xC000
LOAD, MATRIX, VECTOR, STORE = (1 << engine for engine in Engine)


class RegisterPort:
    """The driver's side of the registers' bus; does one access at a time.

    Parameters
    ----------
    dut : the cocotb handle
    """

    def __init__(self, dut):
        self.dut = dut
        self.request = None
        self.answer = None
        for name in ("awvalid", "wvalid", "arvalid"):
            getattr(dut, f"s_axil_{name}").value = 0
        dut.s_axil_wstrb.value = 15
        dut.s_axil_bready.value = 1
        dut.s_axil_rready.value = 1

    def drive(self):
        dut = self.dut
        writes = self.request is not None and self.request[1] is not None
        reads = self.request is not None and self.request[1] is None
        if self.request is not None:
            dut.s_axil_awaddr.value = dut.s_axil_araddr.value = self.request[0]
        if writes:
            dut.s_axil_wdata.value = self.request[1]
        dut.s_axil_awvalid.value = dut.s_axil_wvalid.value = writes
        dut.s_axil_arvalid.value = reads

    def sample(self):
        dut = self.dut
        if self.request is not None and (
            dut.s_axil_awready.value if self.request[1] is not None else dut.s_axil_arready.value
        ):
            self.request = None
        if dut.s_axil_bvalid.value:
            self.answer = 0
        if dut.s_axil_rvalid.value:
            self.answer = number(dut.s_axil_rdata)


class Machine(Bench):
    """The machine on a memory that stalls.

    Parameters
    ----------
    dut : the cocotb handle
    seed : int, of the memory's content and stalls
    """

    def __init__(self, dut, seed, stall=0.2, latency=20):
        self.config = configuration()
        self.isa = instruction_set(self.config)
        self.map = register_map(self.config)
        self.memory = AxiMemory(dut, self.config, seed, SIZE, latency, stall)
        self.port = RegisterPort(dut)
        self.trace = Trace(dut)
        super().__init__(dut, self.memory, self.port, self.trace)

    async def access(self, offset, value):
        """Write the word `value`, or read one where it is None."""
        self.port.answer, self.port.request = None, (offset, value)
        await self.until(lambda: self.port.answer is not None, 20, f"register {offset:#x}")
        return self.port.answer

    async def write(self, name, value):
        row = self.map[name]
        for word in range(row.words):
            await self.access(row.offset + 4 * word, value >> 32 * word & 0xFFFF_FFFF)

    async def read(self, name):
        row = self.map[name]
        words = [await self.access(row.offset + 4 * n, None) for n in range(row.words)]
        return sum(word << 32 * n for n, word in enumerate(words))

    def place(self, program, address=PROGRAM):
        """Put instructions (opcode, fields), or raw words, into DRAM."""
        for row in program:
            word = row if isinstance(row, int) else self.isa.encode(*row)
            self.memory.data[address : address + INSTRUCTION_BYTES] = word.to_bytes(
                INSTRUCTION_BYTES, "little"
            )
            address += INSTRUCTION_BYTES

    async def begin(self, program, length=None, watchdog=0, window=(0, SIZE, 3)):
        """Start a program."""
        self.place(program)
        settings = {
            "program_address": PROGRAM,
            "program_length": len(program) if length is None else length,
            "watchdog": watchdog,
            "window0_address": window[0],
            "window0_bytes": window[1],
            "window0_access": window[2],
            "window1_address": PROGRAM,
            "window1_bytes": SIZE - PROGRAM,
            "window1_access": 1,
            "interrupt_enable": Interrupt.DONE | Interrupt.ERROR,
        }
        for name, value in settings.items():
            await self.write(name, value)
        await self.write("control", Control.START)

    async def finish(self, limit=20000):
        """Wait for the interrupt; return (status, cause, engine, index)."""
        await self.until(lambda: self.dut.interrupt.value, limit, "interrupt")
        status = await self.read("status")
        cause = await self.read("error_cause")
        pending = Interrupt.ERROR if status == Status.ERROR else Interrupt.DONE
        assert await self.read("interrupt_status") == pending
        await self.write("interrupt_status", pending)
        assert not self.dut.interrupt.value
        assert self.memory.quiet, "it stopped before the bus was quiet"
        return status, cause & 0xFF, cause >> 8, await self.read("error_instruction")

    async def works(self):
        """Run a program and compare DRAM with the functional simulator's."""
        program = work(self.config)
        self.memory.bad.clear()
        self.trace.clear()
        await self.begin(program)
        self.place(program)
        expected = functional(self.config, self.memory.data, program)
        result = await self.finish()
        assert result == (Status.DONE, Cause.NONE, 0, 0), result
        assert self.memory.data == expected
        self.trace.check(program)
        return program


class Trace:
    """Collects what the machine says of starts and ends of instructions."""

    def __init__(self, dut):
        self.dut = dut
        self.clear()

    def clear(self):
        self.cycle = 0
        self.rows = {"start": [], "finish": []}

    def drive(self):
        self.cycle += 1

    def sample(self):
        for what, rows in self.rows.items():
            bits = number(getattr(self.dut, f"trace_{what}"))
            for engine in Engine:
                if bits >> engine & 1:
                    index = number(getattr(self.dut, f"trace_{what}_index{engine:d}"))
                    rows.append((engine, index, self.cycle))

    def check(self, program):
        """Check that each instruction started and finished once, in its engine, in order."""
        for engine in Engine:
            mine = [
                index
                for index, (opcode, fields) in enumerate(program)
                if opcode == engine or (opcode == Opcode.SYNC and fields["engine"] == engine)
            ]
            for rows in self.rows.values():
                assert [index for where, index, _ in rows if where == engine] == mine
        starts = {index: cycle for _, index, cycle in self.rows["start"]}
        assert all(starts[index] < cycle for _, index, cycle in self.rows["finish"])


def work(config):
    """Return a program in which every engine works and waits for others."""
    rows = []
    word_bytes = config.act_word_bytes
    for turn in range(3):
        act = 8 * turn
        rows += [
            (
                Opcode.LOAD,
                {"memory": Memory.ACT, "destination": act, "address": 0x100 + 37 * turn}
                | {"x_bytes": 4 * word_bytes, "x_origin": -3, "line_bytes": 4 * word_bytes - 5}
                | ({"wait": STORE} if turn else {}),
            ),
            (
                Opcode.LOAD,
                {"memory": Memory.WEIGHT, "destination": turn, "address": 0x403 + turn}
                | {"x_bytes": config.tile_bytes, "signal": MATRIX},
            ),
            (
                Opcode.MATRIX,
                {"acc": turn, "act": act * word_bytes // config.rows, "weight": turn}
                | {"count5": 4, "acc5": 1, "act5": 1, "wait": LOAD, "signal": VECTOR},
            ),
            (Opcode.SYNC, {"engine": Engine.VECTOR, "wait": MATRIX}),
            (
                Opcode.VECTOR,
                {"a_memory": AMemory.ACC, "a": turn, "count4": 4, "a4": 1, "output4": 1}
                | {"output": (act + 4) * word_bytes // config.columns, "zero_point": turn}
                | {"signal": STORE},
            ),
            (
                Opcode.STORE,
                {"source": act + 4, "address": 0x2001 + 64 * turn, "x_bytes": 4 * config.columns}
                | {"wait": VECTOR, "signal": LOAD},
            ),
        ]
    return [*rows, (Opcode.END, {})]


def functional(config, data, program):
    """Return DRAM after the program, by the functional simulator."""
    machine = FunctionalMachine(config, SIZE)
    machine.write(0, bytes(data))
    registers = register_map(config)
    settings = {"program_address": PROGRAM, "program_length": len(program)}
    settings |= {"window0_bytes": SIZE, "window0_access": 3, "control": Control.START}
    for name, value in settings.items():
        machine.write_register(registers[name].offset, value)
    machine.wait()
    assert machine.read_register(registers["status"].offset) == Status.DONE
    return np.frombuffer(machine.read(0, SIZE), np.uint8).tobytes()


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
