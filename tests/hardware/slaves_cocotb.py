"""Cocotb tests of load, store and fetch on cocotbext-axi's slave, on the bench of test_dma."""

import functools
import random

import cocotb
from cocotbext.axi import AxiResp
from control import number, parameters
from fetch_cocotb import FetchBench
from load_cocotb import LoadBench, check, random_fields
from load_cocotb import default_fields as default_load
from slave import AxiSlaveMemory
from store_cocotb import StoreBench
from store_cocotb import default_fields as default_store

from isa.instructions import INSTRUCTION_BYTES
from isa.registers import Cause

STALL, LATENCY = 0.2, 30


def slave(response=AxiResp.SLVERR):
    """Return what makes the memory of a bench."""
    return functools.partial(AxiSlaveMemory, response=response)


@cocotb.test()
async def loads(dut):
    seed = parameters()["seed"]
    rng = random.Random(seed)
    bench = LoadBench(dut, seed, STALL, LATENCY, memory=slave())
    await bench.start()
    for number_ in range(12):
        fields = [random_fields(rng, bench.config) for _ in range(rng.choice([1, 3]))]
        writes = await bench.run(*fields)
        check(bench.config, bench.memory, writes, fields, f"seed {seed}, round {number_}: {fields}")
    assert bench.memory.quiet


async def failing_load(dut, response):
    bench = LoadBench(dut, parameters()["seed"], STALL, LATENCY, memory=slave(response))
    await bench.start()
    size = bench.config.bus_bytes
    for bad in (0, 3, 7):
        await bench.reset()
        bench.finished.cycles.clear()
        bench.memory.bad = {1024 + bad * size}
        good = default_load(address=512, x_bytes=40)
        failing = default_load(address=1024, x_bytes=8 * size)
        bench.instructions.items.clear()
        bench.instructions.items += [bench.format.encode(f) for f in (good, failing, good)]
        await bench.until(lambda: number(dut.load_fault), 4000, f"fault at beat {bad}")
        assert number(dut.load_fault) == Cause.BUS_ERROR
        assert len(bench.finished.cycles) == 1
        dut.abort.value = 1
        await bench.until(lambda: dut.reads_idle.value, 4000, "drained")
        assert bench.memory.quiet
        dut.abort.value = 0


@cocotb.test()
async def a_load_that_gets_slverr(dut):
    await failing_load(dut, AxiResp.SLVERR)


@cocotb.test()
async def a_load_that_gets_decerr(dut):
    await failing_load(dut, AxiResp.DECERR)


@cocotb.test()
async def stores(dut):
    seed = parameters()["seed"] + 1
    rng = random.Random(seed)
    bench = StoreBench(dut, seed, STALL, LATENCY, memory=slave())
    await bench.start()
    for number_ in range(12):
        fields = default_store(
            address=rng.randrange(2000, 9000), x_bytes=rng.randint(1, 90), y_count=rng.randint(1, 4)
        )
        fields |= {"y_stride": rng.randint(91, 200), "y_step": rng.randint(0, 3)}
        expected = bench.expected(bench.memory.data, fields)
        await bench.run(fields)
        assert bench.memory.data == expected, f"seed {seed}, round {number_}: {fields}"
    assert bench.memory.quiet


async def failing_store(dut, response):
    bench = StoreBench(dut, parameters()["seed"], STALL, LATENCY, memory=slave(response))
    await bench.start()
    size = bench.config.bus_bytes
    for bad in (0, 3):
        await bench.reset()
        bench.finished.cycles.clear()
        bench.memory.bad = {1024 + bad * size}
        bench.instructions.items.clear()
        good = default_store(address=512, x_bytes=40)
        bench.send(good, default_store(address=1024, x_bytes=6 * size), good)
        await bench.until(lambda: number(dut.store_fault), 4000, f"fault at beat {bad}")
        assert number(dut.store_fault) == Cause.BUS_ERROR
        assert len(bench.finished.cycles) == 1
        dut.abort.value = 1
        await bench.until(lambda: dut.store_idle.value, 4000, "drained")
        assert bench.memory.quiet
        dut.abort.value = 0


@cocotb.test()
async def a_store_that_gets_slverr(dut):
    await failing_store(dut, AxiResp.SLVERR)


@cocotb.test()
async def a_store_that_gets_decerr(dut):
    await failing_store(dut, AxiResp.DECERR)


@cocotb.test()
async def a_program(dut):
    """Read to the instruction that cannot be read."""
    seed = parameters()["seed"] + 2
    memory = slave(AxiResp.DECERR)
    bench = FetchBench(dut, seed, 4096 - 256, 30, STALL, LATENCY, memory=memory)
    bench.memory.bad = {4096 - 256 + 20 * INSTRUCTION_BYTES}
    await bench.start()
    await bench.until(lambda: number(dut.fetch_fault), 20000, f"seed {seed}")
    assert number(dut.fetch_fault) == Cause.BUS_ERROR
    assert number(dut.fetch_index) == 20
    assert bench.fetched() == bench.program(20), f"seed {seed}"
    dut.abort.value = 1
    await bench.until(lambda: dut.reads_idle.value, 4000, "drained")
    dut.abort.value = 0
