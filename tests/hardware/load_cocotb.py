"""Cocotb tests of the load engine, on the bench of test_dma."""

import random

import cocotb
import numpy as np
from control import AxiMemory, Bench, Pulses, Sink, Source, configuration, number, parameters

from hardware.layout import memory_shape
from hardware.load_aligner import load_write_layout
from hardware.windows import window_layout
from isa.instructions import Memory, Opcode, instruction_set
from isa.registers import Cause

SIZE = 1 << 15


class LoadBench(Bench):
    """The load engine on a memory that stalls; windows open on all of it."""

    def __init__(self, dut, seed, stall=0.3, latency=20, memory=AxiMemory):
        self.config = configuration()
        self.format = instruction_set(self.config).format(Opcode.LOAD)
        self.memory = memory(dut, self.config, seed, SIZE, latency, stall)
        self.instructions = Source(dut, "load_instruction", seed, stall)
        self.writes = Sink(dut, "load_writes", seed + 1, stall)
        self.finished = Pulses(dut.load_finished)
        for name in ("abort", "fetch_enable", "store_instruction__valid"):
            getattr(dut, name).value = 0
        self.open_window(dut, 0, 0, SIZE, 3)
        super().__init__(dut, self.memory, self.instructions, self.writes, self.finished)

    def open_window(self, dut, index, address, size, access):
        fields = {"address": address, "bytes": size, "read": access & 1, "write": access >> 1}
        packed = window_layout(self.config).const(fields).as_value().value
        getattr(dut, f"windows__{index}").value = packed

    async def run(self, *instructions, limit=20000):
        """Run instructions to their ends; return what was written, oldest first."""
        self.writes.items.clear()
        self.finished.cycles.clear()
        self.instructions.items += [self.format.encode(fields) for fields in instructions]
        count = len(instructions)
        await self.until(lambda: len(self.finished.cycles) == count, limit, f"{instructions}")
        await self.step(3)
        assert len(self.finished.cycles) == count
        assert not self.dut.load_busy.value
        layout = load_write_layout(self.config)
        return [layout.from_bits(item) for item in self.writes.items]


def expected(config, dram, fields):
    """Return the writes of a load: (memory, word, chunk, bytes), by isa.meanings."""
    memory = Memory(fields["memory"])
    word_bytes = memory_shape(config, memory)[1]
    dram = np.frombuffer(dram, np.uint8)
    fill = fields["fill"] & 0xFF
    words = -(-fields["x_bytes"] // word_bytes)
    writes = []
    for z in range(fields["z_count"]):
        for y in range(fields["y_count"]):
            position = fields["x_origin"] + y * fields["y_stride"] + np.arange(fields["x_bytes"])
            line = fields["z_origin"] + z
            exists = (position >= 0) & (position < fields["line_bytes"])
            exists &= 0 <= line < fields["line_count"]
            source = (fields["address"] + line * fields["z_stride"] + position)[exists]
            run = np.full(words * word_bytes, fill, np.uint8)
            run[: fields["x_bytes"]][exists] = dram[source % (1 << config.address_bits)]
            first = fields["destination"] + z * fields["z_step"] + y * fields["y_step"]
            for chunk in range(words * word_bytes // config.bus_bytes):
                word, part = divmod(chunk, word_bytes // config.bus_bytes)
                data = run[chunk * config.bus_bytes :][: config.bus_bytes].tobytes()
                writes.append((memory, first + word, part, data))
    return writes


def default_fields(**fields):
    """Return the fields of a plain load of one run."""
    return {
        "memory": Memory.ACT,
        "destination": 0,
        "address": 0,
        "x_bytes": 1,
        "y_count": 1,
        "z_count": 1,
        "y_stride": 0,
        "z_stride": 0,
        "y_step": 0,
        "z_step": 0,
        "x_origin": 0,
        "z_origin": 0,
        "line_bytes": (1 << 24) - 1,
        "line_count": (1 << 16) - 1,
        "fill": -3,
        **fields,
    }


def random_fields(rng, config):
    """Return a load whose bytes lie in DRAM and whose words lie in the memory."""
    memory = rng.choice([m for m in Memory if m != Memory.TABLE or config.tables])
    depth, word_bytes = memory_shape(config, memory)
    bits = instruction_set(config).format(Opcode.LOAD).field("destination").bits
    words = rng.randint(1, max(1, min(depth, 200 // word_bytes)))
    x_bytes = rng.randint(max(1, (words - 1) * word_bytes + 1), words * word_bytes)
    y_count, z_count = rng.randint(1, 4), rng.randint(1, 3)
    y_step = rng.randint(0, (depth - words) // (y_count * z_count))
    y_stride = rng.choice([0, 1, 2, 3, rng.randint(-300, 300)])
    x_origin = rng.choice([0, -1, 1, rng.randint(-x_bytes - 5, 200)])
    line_count = rng.randint(0, z_count + 3)
    return {
        "memory": memory,
        "x_bytes": x_bytes,
        "y_count": y_count,
        "z_count": z_count,
        "destination": rng.randint(0, depth - words - y_step * (y_count * z_count - 1)),
        "address": rng.randint(8192, SIZE - 8192),
        "y_stride": y_stride,
        "z_stride": rng.randint(-500, 500),
        "y_step": y_step,
        "z_step": min(y_step * y_count, (1 << bits) - 1),
        "x_origin": x_origin,
        "z_origin": rng.choice([0, 0, -1, -z_count, rng.randint(-4, 4)]),
        "line_bytes": rng.choice([0, rng.randint(1, 600), 4096]),
        "line_count": line_count,
        "fill": rng.randint(-128, 127),
    }


def check(config, memory, writes, fields, what):
    """Compare the writes of one or several loads with their meaning."""
    found = [
        (w.memory, w.address, w.chunk, w.data.to_bytes(config.bus_bytes, "little")) for w in writes
    ]
    assert found == [w for f in fields for w in expected(config, memory.data, f)], what


@cocotb.test()
async def random_loads(dut):
    seed = parameters()["seed"]
    rng = random.Random(seed)
    bench = LoadBench(dut, seed)
    await bench.start()
    for number_ in range(50):
        fields = [random_fields(rng, bench.config) for _ in range(rng.choice([1, 1, 3]))]
        bench.memory.reads.clear()
        writes = await bench.run(*fields)
        check(bench.config, bench.memory, writes, fields, f"seed {seed}, round {number_}: {fields}")
    assert bench.memory.quiet


@cocotb.test()
async def only_existing_bytes_are_read(dut):
    bench = LoadBench(dut, 5)
    config = bench.config
    await bench.start()
    fields = default_fields(
        address=1000,
        x_bytes=90,
        x_origin=-40,
        line_bytes=30,
        z_count=4,
        z_origin=-1,
        z_stride=256,
        line_count=2,
        z_step=90 // 4 + 1,
    )
    writes = await bench.run(fields)
    check(config, bench.memory, writes, [fields], "padding")
    size = config.bus_bytes
    read = {
        beat
        for address, beats in bench.memory.reads
        for beat in range(address // size, address // size + beats)
    }
    wanted = {
        byte // size for line in range(2) for byte in range(1000 + 256 * line, 1030 + 256 * line)
    }
    assert read == wanted


@cocotb.test()
async def fill_alone_reads_nothing(dut):
    bench = LoadBench(dut, 6)
    await bench.start()
    fields = default_fields(x_bytes=50, line_count=0, y_count=3, y_step=13)
    check(bench.config, bench.memory, await bench.run(fields), [fields], "no line exists")
    assert not bench.memory.reads


@cocotb.test()
async def every_place_of_a_run_at_the_edges_of_a_line(dut):
    bench = LoadBench(dut, 14)
    await bench.start()
    for x_bytes, line_bytes in ((5, 3), (3, 5), (1, 1), (6, 6)):
        fields = default_fields(
            address=501,
            x_bytes=x_bytes,
            x_origin=-x_bytes - 1,
            y_count=x_bytes + line_bytes + 3,
            y_stride=1,
            y_step=2,
            line_bytes=line_bytes,
        )
        check(bench.config, bench.memory, await bench.run(fields), [fields], f"{fields}")


@cocotb.test()
async def overlapping_windows_of_bytes(dut):
    """The first convolution's im2col: runs of a few bytes at a stride of two, padded."""
    bench = LoadBench(dut, 7)
    await bench.start()
    for lines in (-1, 0):
        fields = default_fields(
            address=4093,
            x_bytes=9,
            x_origin=-3,
            y_count=12,
            y_stride=2,
            y_step=1,
            z_count=3,
            z_origin=lines,
            z_stride=31,
            line_bytes=31,
            line_count=3,
            z_step=20,
        )
        check(bench.config, bench.memory, await bench.run(fields), [fields], f"from line {lines}")


@cocotb.test()
async def long_runs_take_a_beat_a_cycle(dut):
    bench = LoadBench(dut, 8, stall=0.0, latency=20)
    config = bench.config
    await bench.start()
    in_flight = config.reads_in_flight * config.burst_beats
    beats = min(200, config.act_words * config.act_word_bytes // config.bus_bytes)
    for address in (4096 - 64, 4096 - 64 + 1):
        before = bench.cycle
        fields = default_fields(address=address, x_bytes=beats * config.bus_bytes)
        check(config, bench.memory, await bench.run(fields), [fields], "long run")
        if in_flight > 40:
            assert bench.cycle - before <= beats + 50, bench.cycle - before


@cocotb.test()
async def short_runs_cost_a_cycle_more_than_their_beats(dut):
    bench = LoadBench(dut, 9, stall=0.0, latency=1)
    config = bench.config
    await bench.start()
    runs, x_bytes = 40, config.act_word_bytes
    fields = default_fields(address=1025, x_bytes=x_bytes, y_count=runs, y_stride=x_bytes, y_step=1)
    before = bench.cycle
    check(config, bench.memory, await bench.run(fields), [fields], "short runs")
    if config.reads_in_flight > 8:
        beats = x_bytes // config.bus_bytes + 1
        assert bench.cycle - before <= runs * (1 + beats) + 30, bench.cycle - before


@cocotb.test()
async def a_burst_outside_the_windows_is_not_issued(dut):
    seed = parameters()["seed"] + 1
    rng = random.Random(seed)
    for number_ in range(12):
        bench = LoadBench(dut, seed + number_)
        low, size = rng.randint(2000, 3000), rng.randint(400, 5000)
        bench.open_window(dut, 0, low, size, rng.choice([1, 3]))
        await bench.start()
        inside = [default_fields(address=low + n, x_bytes=100) for n in (0, size - 100, 7)]
        outside = default_fields(address=rng.choice([low - 1, low + size - 99]), x_bytes=100)
        bench.instructions.items += [bench.format.encode(f) for f in (*inside, outside, inside[0])]
        what = f"seed {seed}, round {number_}: fault"
        await bench.until(lambda: number(dut.load_fault), 3000, what)
        assert number(dut.load_fault) == Cause.WINDOW_FAULT, what
        assert len(bench.finished.cycles) == len(inside), what
        beat = bench.config.bus_bytes
        for address, beats in bench.memory.reads:
            assert address > low - beat and address + beats * beat < low + size + beat, what
        await bench.step(50)
        assert len(bench.finished.cycles) == len(inside), what


@cocotb.test()
async def windows_that_do_not_fit(dut):
    """Closed, for writes only, or too small: nothing is read."""
    for address, size, access in ((0, 0, 3), (0, SIZE, 2), (64, 63, 1)):
        bench = LoadBench(dut, 11)
        bench.open_window(dut, 0, address, size, access)
        await bench.start()
        bench.instructions.items.append(bench.format.encode(default_fields(address=64, x_bytes=64)))
        await bench.until(lambda: number(dut.load_fault), 200, "fault")
        assert number(dut.load_fault) == Cause.WINDOW_FAULT
        await bench.step(50)
        beats_before_the_edge = 63 // bench.config.bus_bytes
        assert sum(beats for _, beats in bench.memory.reads) <= beats_before_the_edge


@cocotb.test()
async def a_second_window_serves_too(dut):
    bench = LoadBench(dut, 12)
    bench.open_window(dut, 0, 0, 256, 1)
    bench.open_window(dut, 1, 1024, 64, 1)
    await bench.start()
    fields = [default_fields(address=a, x_bytes=64) for a in (1024, 192)]
    check(bench.config, bench.memory, await bench.run(*fields), fields, "two windows")
    bench.open_window(dut, 1, 0, 0, 0)


@cocotb.test()
async def a_read_error_stops_the_load(dut):
    for bad in (0, 3, 7):
        bench = LoadBench(dut, 13 + bad)
        config = bench.config
        await bench.start()
        first = default_fields(address=512, x_bytes=40)
        second = default_fields(address=1024, x_bytes=8 * config.bus_bytes)
        bench.memory.bad = {1024 + bad * config.bus_bytes}
        bench.instructions.items += [bench.format.encode(f) for f in (first, second, first)]
        await bench.until(lambda: number(dut.load_fault), 2000, "fault")
        assert number(dut.load_fault) == Cause.BUS_ERROR
        await bench.step(20)
        assert len(bench.finished.cycles) == 1
        dut.abort.value = 1
        await bench.until(lambda: dut.reads_idle.value, 2000, "drained")
        assert bench.memory.quiet


@cocotb.test()
async def an_abort_drains_the_bus(dut):
    seed = parameters()["seed"] + 2
    rng = random.Random(seed)
    for number_ in range(10):
        bench = LoadBench(dut, seed + number_)
        await bench.start()
        fields = default_fields(address=100, x_bytes=250)
        bench.instructions.items += [bench.format.encode(fields)] * 4
        await bench.step(rng.randint(1, 120))
        dut.abort.value = 1
        await bench.step()
        reads = len(bench.memory.reads)
        await bench.until(lambda: dut.reads_idle.value, 2000, f"seed {seed}, round {number_}")
        assert bench.memory.quiet, f"seed {seed}, round {number_}"
        assert len(bench.memory.reads) <= reads + 1, f"seed {seed}, round {number_}"
