"""Cocotb tests of fetch, on the bench of test_dma."""

import random

import cocotb
from control import AxiMemory, Bench, Sink, configuration, number, parameters

from hardware.fetch import fetched_layout
from hardware.windows import window_layout
from isa.instructions import INSTRUCTION_BYTES
from isa.registers import Cause

SIZE = 1 << 14


class FetchBench(Bench):
    """Fetch on a memory that stalls; the first window is open on all of it."""

    def __init__(self, dut, seed, address, length, stall=0.3, latency=20, memory=AxiMemory):
        self.config = configuration()
        self.memory = memory(dut, self.config, seed, SIZE, latency, stall)
        self.instructions = Sink(dut, "fetch_instruction", seed, stall)
        for name in ("abort", "store_instruction__valid", "load_instruction__valid"):
            getattr(dut, name).value = 0
        dut.fetch_program_address.value = address
        dut.fetch_program_length.value = length
        dut.fetch_enable.value = 1
        self.address = address
        self.open_window(0, SIZE, 1)
        super().__init__(dut, self.memory, self.instructions)

    def open_window(self, address, size, access):
        fields = {"address": address, "bytes": size, "read": access & 1, "write": access >> 1}
        cocotb.top.windows__0.value = window_layout(self.config).const(fields).as_value().value

    def program(self, count):
        """Return the first `count` instructions as (index, word)."""
        data = self.memory.data[self.address :]
        return [
            (n, int.from_bytes(data[n * INSTRUCTION_BYTES :][:INSTRUCTION_BYTES], "little"))
            for n in range(count)
        ]

    def fetched(self):
        views = [fetched_layout().from_bits(item) for item in self.instructions.items]
        return [(view.index, view.word) for view in views]


@cocotb.test()
async def a_long_program(dut):
    seed = parameters()["seed"]
    bench = FetchBench(dut, seed, 4096 - 128, 100)
    await bench.start()
    await bench.until(lambda: len(bench.instructions.items) == 100, 20000, "program")
    assert bench.fetched() == bench.program(100), f"seed {seed}"
    await bench.until(lambda: number(dut.fetch_fault), 10, "cut short")
    assert number(dut.fetch_fault) == Cause.PROGRAM_CUT_SHORT
    assert number(dut.fetch_index) == 100


@cocotb.test()
async def instructions_follow_at_the_speed_of_the_bus(dut):
    bench = FetchBench(dut, 1, 0, 40, stall=0.0, latency=20)
    await bench.start()
    await bench.until(lambda: len(bench.instructions.items) == 40, 2000, "program")
    beats = INSTRUCTION_BYTES // bench.config.bus_bytes
    if beats >= 16:
        assert bench.cycle <= 40 * (beats + 1) + 40, bench.cycle


@cocotb.test()
async def nothing_is_read_while_disabled(dut):
    bench = FetchBench(dut, 2, 0, 40)
    dut.fetch_enable.value = 0
    await bench.start()
    await bench.step(50)
    assert not bench.memory.reads
    assert number(dut.fetch_fault) == Cause.NONE


@cocotb.test()
async def an_empty_program_is_cut_short(dut):
    bench = FetchBench(dut, 3, 0, 0)
    await bench.start()
    await bench.until(lambda: number(dut.fetch_fault), 10, "fault")
    assert number(dut.fetch_fault) == Cause.PROGRAM_CUT_SHORT
    assert number(dut.fetch_index) == 0
    assert not bench.memory.reads


@cocotb.test()
async def a_failed_read_counts_when_its_turn_comes(dut):
    """Reading ahead over the edge of the window, or into an error, is no fault by itself."""
    seed = parameters()["seed"] + 1
    rng = random.Random(seed)
    for round_ in range(10):
        what = f"seed {seed}, round {round_}"
        good = rng.randint(0, 6)
        bench = FetchBench(dut, seed + round_, 1024, 20)
        cause = rng.choice([Cause.BUS_ERROR, Cause.WINDOW_FAULT])
        edge = 1024 + good * INSTRUCTION_BYTES
        if cause == Cause.WINDOW_FAULT:
            bench.open_window(1024, edge - 1024 + rng.choice([0, INSTRUCTION_BYTES - 1]), 1)
        else:
            bench.memory.bad = {edge + bench.config.bus_bytes * rng.randrange(1)}
        bench.instructions.stall = 1.0
        await bench.start()
        await bench.step(150)
        if good:
            assert number(dut.fetch_fault) == Cause.NONE, what
        bench.instructions.stall = 0.2
        await bench.until(lambda: number(dut.fetch_fault), 2000, what)
        assert number(dut.fetch_fault) == cause, what
        assert number(dut.fetch_index) == good, what
        await bench.step(30)
        assert bench.fetched() == bench.program(good), what
        dut.abort.value = 1
        await bench.until(lambda: dut.reads_idle.value, 500, what)
        dut.abort.value = 0


@cocotb.test()
async def a_program_beyond_the_address_space(dut):
    bench = FetchBench(dut, 4, 1 << bench_address_bits(), 4)
    await bench.start()
    await bench.until(lambda: number(dut.fetch_fault), 50, "fault")
    assert number(dut.fetch_fault) == Cause.WINDOW_FAULT
    assert not bench.memory.reads


def bench_address_bits():
    """Return the width of a DRAM address."""
    return configuration().address_bits
