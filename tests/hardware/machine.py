"""What the cocotb tests of the whole machine share: the driver's side, the trace, a program."""

import numpy as np
from control import AxiMemory, Bench, configuration, number

from isa.instructions import INSTRUCTION_BYTES, AMemory, Engine, Memory, Opcode, instruction_set
from isa.registers import Cause, Control, Interrupt, Status, register_map
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

    def __init__(self, dut, seed, stall=0.2, latency=20, memory=AxiMemory):
        self.config = configuration()
        self.isa = instruction_set(self.config)
        self.map = register_map(self.config)
        self.memory = memory(dut, self.config, seed, SIZE, latency, stall)
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
