"""Cocotb tests of registers and counters, on the bench of test_units."""

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster
from control import configuration, number, parameters

from hardware.counters import increment_bits
from hardware.windows import window_layout
from isa.instructions import Engine
from isa.registers import (
    COUNTERS,
    IDENTITY,
    VERSION,
    Access,
    Cause,
    Control,
    Features,
    Interrupt,
    Status,
    register_map,
)

INPUTS = ("running", "started", "done", "failed", "cause", "engine", "index")


class Host:
    """A driver on the AXI4-Lite port.

    Parameters
    ----------
    dut : the cocotb handle
    """

    def __init__(self, dut):
        self.dut = dut
        self.config = configuration()
        self.map = register_map(self.config)

    async def start(self):
        dut = self.dut
        for name in INPUTS:
            getattr(dut, f"registers_{name}").value = 0
        dut.counters_clear.value = 0
        for counter in COUNTERS:
            getattr(dut, f"counters_increments__{counter.name}").value = 0
        cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        dut.rst.value = 1
        await ClockCycles(dut.clk, 3)
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        await ClockCycles(dut.clk, 2)

    async def read(self, name):
        register = self.map[name]
        data = await self.bus.read(register.offset, 4 * register.words)
        return int.from_bytes(data.data, "little")

    async def write(self, name, value):
        register = self.map[name]
        await self.bus.write(register.offset, value.to_bytes(4 * register.words, "little"))

    async def pulse(self, name):
        """Raise an input for one cycle."""
        await FallingEdge(self.dut.clk)
        getattr(self.dut, name).value = 1
        await FallingEdge(self.dut.clk)
        getattr(self.dut, name).value = 0
        await FallingEdge(self.dut.clk)


def existing(register):
    """Return the bits of a register that keep what is written."""
    if register.name == "program_address":
        return 0xFFFF_FFFF_FFFF_FFC0
    if register.name == "interrupt_enable" or register.name.endswith("_access"):
        return 3
    return (1 << 32 * register.words) - 1


@cocotb.test()
async def values_after_reset(dut):
    host = Host(dut)
    await host.start()
    constants = {
        "identity": IDENTITY,
        "version": VERSION,
        "features": Features.TABLES if host.config.tables else 0,
        "digest": host.config.digest,
    }
    for register in host.map.registers:
        assert await host.read(register.name) == constants.get(register.name, 0), register


@cocotb.test()
async def what_a_write_does(dut):
    """Read-write registers keep it, bytes alone too; nothing else changes."""
    seed = parameters()["seed"]
    rng = random.Random(seed)
    host = Host(dut)
    await host.start()
    rows = [r for r in host.map.registers if r.access != Access.WRITE_ONE]
    values = {row.name: await host.read(row.name) for row in rows}
    for round_ in range(80):
        row = rng.choice(rows)
        size = 4 * row.words
        first = rng.randrange(size)
        data = rng.randbytes(rng.choice([size - first, 1]))
        await host.bus.write(row.offset + first, data)
        if row.access == Access.READ_WRITE:
            old = bytearray(values[row.name].to_bytes(size, "little"))
            old[first : first + len(data)] = data
            values[row.name] = int.from_bytes(old, "little") & existing(row)
        assert await host.read(row.name) == values[row.name], f"seed {seed}, round {round_}: {row}"
    for row in rows:
        assert await host.read(row.name) == values[row.name], f"seed {seed}: {row}"
    assert number(dut.registers_program_address) == values["program_address"]
    assert number(dut.registers_program_length) == values["program_length"]
    assert number(dut.registers_watchdog) == values["watchdog"]


@cocotb.test()
async def addresses_without_a_register(dut):
    host = Host(dut)
    await host.start()
    used = {r.offset + 4 * word for r in host.map.registers for word in range(r.words)}
    for offset in range(0, 1024, 4):
        if offset not in used:
            await host.bus.write(offset, b"\xff\xff\xff\xff")
            assert (await host.bus.read(offset, 4)).data == bytes(4), hex(offset)
    for register in host.map.registers:
        if register.access == Access.READ_WRITE:
            assert await host.read(register.name) == 0, register


@cocotb.test()
async def windows_reach_the_bus(dut):
    host = Host(dut)
    await host.start()
    layout = window_layout(host.config)
    for index in range(host.config.windows):
        address = (0x1234_5678 + index) % (1 << host.config.address_bits)
        await host.write(f"window{index}_address", address)
        await host.write(f"window{index}_bytes", 4096 + index)
        await host.write(f"window{index}_access", 3 - index % 3)
        window = layout.from_bits(number(getattr(dut, f"registers_windows__{index}")))
        access = window.read | window.write << 1
        assert (window.address, window.bytes, access) == (address, 4096 + index, 3 - index % 3)
        await host.write(f"window{index}_address", address + (1 << host.config.address_bits))
        window = layout.from_bits(number(getattr(dut, f"registers_windows__{index}")))
        assert (window.read, window.write) == (0, 0), "a window out of reach is closed"


@cocotb.test()
async def commands_are_pulses(dut):
    host = Host(dut)
    await host.start()
    seen = {"start": 0, "stop": 0}

    async def watch():
        while True:
            await FallingEdge(dut.clk)
            for name in seen:
                seen[name] += bool(getattr(dut, f"registers_{name}").value)

    cocotb.start_soon(watch())
    await host.write("control", Control.START)
    await host.write("control", Control.STOP)
    await host.write("control", 0)
    await host.bus.write(host.map["control"].offset + 1, b"\xff")
    assert await host.read("control") == 0
    assert seen == {"start": 1, "stop": 1}


@cocotb.test()
async def status_errors_and_interrupts(dut):
    host = Host(dut)
    await host.start()
    dut.registers_running.value = 1
    assert await host.read("status") == Status.RUNNING
    dut.registers_running.value = 0
    await host.pulse("registers_done")
    assert await host.read("status") == Status.DONE
    assert await host.read("interrupt_status") == Interrupt.DONE
    assert not dut.registers_interrupt.value, "not enabled"
    await host.write("interrupt_enable", Interrupt.DONE | Interrupt.ERROR)
    assert dut.registers_interrupt.value
    await host.write("interrupt_status", Interrupt.ERROR)
    assert await host.read("interrupt_status") == Interrupt.DONE
    await host.write("interrupt_status", Interrupt.DONE)
    assert await host.read("interrupt_status") == 0
    assert not dut.registers_interrupt.value
    await host.pulse("registers_started")
    assert await host.read("status") == 0
    dut.registers_cause.value = Cause.BUS_ERROR
    dut.registers_engine.value = Engine.STORE
    dut.registers_index.value = 0x89ABCDEF
    await host.pulse("registers_failed")
    assert await host.read("status") == Status.ERROR
    assert await host.read("interrupt_status") == Interrupt.ERROR
    assert await host.read("error_cause") == Cause.BUS_ERROR | Engine.STORE << 8
    assert await host.read("error_instruction") == 0x89ABCDEF


@cocotb.test()
async def counters_add_up(dut):
    seed = parameters()["seed"] + 1
    rng = random.Random(seed)
    host = Host(dut)
    await host.start()
    totals = dict.fromkeys((counter.name for counter in COUNTERS), 0)
    widths = increment_bits(host.config)
    for _ in range(60):
        await FallingEdge(dut.clk)
        for name in totals:
            increment = rng.randrange(1 << widths[name])
            getattr(dut, f"counters_increments__{name}").value = increment
            totals[name] += increment
    await FallingEdge(dut.clk)
    for name in totals:
        getattr(dut, f"counters_increments__{name}").value = 0
    for name, total in totals.items():
        assert await host.read(name) == total, f"seed {seed}: {name}"
    await host.pulse("counters_clear")
    for name in totals:
        assert await host.read(name) == 0, name


@cocotb.test()
async def counters_stop_at_their_largest_value(dut):
    host = Host(dut)
    await host.start()
    largest = (1 << 64) - 1
    most = increment_bits(host.config)
    for counter in COUNTERS:
        name, added = counter.name, (1 << most[counter.name]) - 1
        for near in (largest - added, largest - added + 1, largest):
            await FallingEdge(dut.clk)
            getattr(dut.counters, f"values__{name}").value = near
            increment = getattr(dut, f"counters_increments__{name}")
            increment.value = added
            for _ in range(2):
                await FallingEdge(dut.clk)
            increment.value = 0
            assert await host.read(name) == largest, f"{name} from {near:#x}"
