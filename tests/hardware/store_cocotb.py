"""Cocotb tests of the store engine, on the bench of test_dma."""

import random

import cocotb
from control import AxiMemory, Bench, Pulses, Source, configuration, number, parameters

from hardware.windows import window_layout
from isa.instructions import Opcode, instruction_set
from isa.registers import Cause

SIZE = 1 << 15


class ActWords:
    """The read port of act: refuses some reads, gives the word in the next cycle and holds it.

    Parameters
    ----------
    dut : the cocotb handle
    words : list of bytes
    stall : float, share of the cycles in which no read is granted
    """

    def __init__(self, dut, words, seed, stall):
        prefix = "store_act_read__"
        self.valid, self.ready, self.address, self.data = (
            getattr(dut, prefix + name) for name in ("valid", "ready", "address", "data")
        )
        self.words = words
        self.random = random.Random(seed)
        self.stall = stall
        self.granted = None

    def drive(self):
        if self.granted is not None:
            self.data.value = int.from_bytes(self.words[self.granted], "little")
        self.open = self.random.random() >= self.stall
        self.ready.value = self.open

    def sample(self):
        self.granted = None
        if self.open and self.valid.value:
            self.granted = number(self.address)


class StoreBench(Bench):
    """The store engine on a memory that stalls; the first window is open on all of it."""

    def __init__(self, dut, seed, stall=0.3, latency=20, memory=AxiMemory):
        self.config = config = configuration()
        self.format = instruction_set(config).format(Opcode.STORE)
        self.memory = memory(dut, config, seed, SIZE, latency, stall)
        rng = random.Random(seed)
        self.words = [rng.randbytes(config.act_word_bytes) for _ in range(config.act_words)]
        self.act = ActWords(dut, self.words, seed, stall)
        self.instructions = Source(dut, "store_instruction", seed, stall)
        self.finished = Pulses(dut.store_finished)
        for name in ("abort", "fetch_enable", "load_instruction__valid"):
            getattr(dut, name).value = 0
        self.open_window(0, SIZE, 3)
        super().__init__(dut, self.memory, self.act, self.instructions, self.finished)

    def open_window(self, address, size, access):
        fields = {"address": address, "bytes": size, "read": access & 1, "write": access >> 1}
        cocotb.top.windows__0.value = window_layout(self.config).const(fields).as_value().value

    def send(self, *instructions):
        self.instructions.items += [self.format.encode(fields) for fields in instructions]

    async def run(self, *instructions):
        """Run instructions to their ends."""
        self.finished.cycles.clear()
        self.send(*instructions)
        count = len(instructions)
        await self.until(lambda: len(self.finished.cycles) == count, 20000, f"{instructions}")
        assert self.memory.quiet, "finished before all responses came"
        await self.step(3)
        assert len(self.finished.cycles) == count
        assert not self.dut.store_busy.value

    def expected(self, before, *instructions):
        """Return DRAM after the instructions, by isa.meanings."""
        data = bytearray(before)
        for f in instructions:
            for z in range(f["z_count"]):
                for y in range(f["y_count"]):
                    word = f["source"] + z * f["z_step"] + y * f["y_step"]
                    count = -(-f["x_bytes"] // self.config.act_word_bytes)
                    run = b"".join(self.words[word : word + count])[: f["x_bytes"]]
                    start = f["address"] + z * f["z_stride"] + y * f["y_stride"]
                    data[start : start + len(run)] = run
        return data


def default_fields(**fields):
    """Return the fields of a plain store of one run."""
    return {
        "source": 0,
        "address": 0,
        "x_bytes": 1,
        "y_count": 1,
        "z_count": 1,
        "y_stride": 0,
        "z_stride": 0,
        "y_step": 0,
        "z_step": 0,
        **fields,
    }


def random_fields(rng, config):
    """Return a store whose words lie in act and whose bytes lie in DRAM."""
    words = rng.randint(1, min(config.act_words, 150 // config.act_word_bytes))
    y_count, z_count = rng.randint(1, 4), rng.randint(1, 3)
    room = config.act_words - words
    y_step = rng.randint(0, room // (y_count * z_count))
    z_step = rng.randint(0, y_step * y_count)
    used = y_step * (y_count - 1) + z_step * (z_count - 1)
    word_bytes = config.act_word_bytes
    return {
        "source": rng.randint(0, room - used),
        "address": rng.randint(4000, SIZE - 8192),
        "x_bytes": rng.randint((words - 1) * word_bytes + 1, words * word_bytes),
        "y_count": y_count,
        "z_count": z_count,
        "y_step": y_step,
        "z_step": z_step,
        "y_stride": rng.choice([0, 1, rng.randint(-300, 700)]),
        "z_stride": rng.randint(-500, 1000),
    }


@cocotb.test()
async def random_stores(dut):
    seed = parameters()["seed"]
    rng = random.Random(seed)
    bench = StoreBench(dut, seed)
    await bench.start()
    for round_ in range(40):
        fields = [random_fields(rng, bench.config) for _ in range(rng.choice([1, 1, 4]))]
        expected = bench.expected(bench.memory.data, *fields)
        await bench.run(*fields)
        assert bench.memory.data == expected, f"seed {seed}, round {round_}: {fields}"


@cocotb.test()
async def every_alignment_of_a_partial_word(dut):
    bench = StoreBench(dut, 3)
    await bench.start()
    for lane in range(bench.config.bus_bytes):
        for x_bytes in (1, bench.config.bus_bytes - 1, bench.config.bus_bytes + 1):
            fields = default_fields(address=4090 + lane, x_bytes=x_bytes, source=lane)
            expected = bench.expected(bench.memory.data, fields)
            await bench.run(fields)
            assert bench.memory.data == expected, fields


@cocotb.test()
async def long_runs_take_a_beat_a_cycle(dut):
    bench = StoreBench(dut, 4, stall=0.0, latency=10)
    config = bench.config
    await bench.start()
    beats = min(200, config.act_words * config.act_word_bytes // config.bus_bytes)
    for address in (4096 - 64, 4096 - 63):
        fields = default_fields(address=address, x_bytes=beats * config.bus_bytes)
        expected = bench.expected(bench.memory.data, fields)
        before = bench.cycle
        await bench.run(fields)
        assert bench.memory.data == expected
        if config.burst_beats > 4:
            assert bench.cycle - before <= beats + 40, bench.cycle - before


@cocotb.test()
async def a_burst_outside_the_windows_is_not_issued(dut):
    seed = parameters()["seed"] + 1
    rng = random.Random(seed)
    for round_ in range(12):
        what = f"seed {seed}, round {round_}"
        bench = StoreBench(dut, seed + round_)
        low, size = rng.randint(2000, 3000), rng.randint(400, 5000)
        bench.open_window(low, size, rng.choice([2, 3]))
        await bench.start()
        inside = [default_fields(address=low + n, x_bytes=100) for n in (0, size - 100)]
        outside = default_fields(address=rng.choice([low - 1, low + size - 99]), x_bytes=100)
        before = bytes(bench.memory.data)
        bench.send(*inside, outside, inside[0])
        await bench.until(lambda: number(dut.store_fault), 5000, what)
        assert number(dut.store_fault) == Cause.WINDOW_FAULT, what
        assert len(bench.finished.cycles) == len(inside), what
        await bench.step(60)
        assert len(bench.finished.cycles) == len(inside), what
        assert bench.memory.data[:low] == before[:low], what
        assert bench.memory.data[low + size :] == before[low + size :], what


@cocotb.test()
async def a_window_for_reads_only_is_not_written(dut):
    bench = StoreBench(dut, 6)
    bench.open_window(0, SIZE, 1)
    await bench.start()
    before = bytes(bench.memory.data)
    bench.send(default_fields(x_bytes=20))
    await bench.until(lambda: number(dut.store_fault), 200, "fault")
    assert number(dut.store_fault) == Cause.WINDOW_FAULT
    assert not bench.memory.writes
    assert bench.memory.data == before


@cocotb.test()
async def a_write_error_stops_the_store(dut):
    for bad in (0, 3):
        bench = StoreBench(dut, 7 + bad)
        await bench.start()
        size = bench.config.bus_bytes
        bench.memory.bad = {1024 + bad * size}
        good = default_fields(address=512, x_bytes=40)
        bench.send(good, default_fields(address=1024, x_bytes=6 * size), good)
        await bench.until(lambda: number(dut.store_fault), 2000, "fault")
        assert number(dut.store_fault) == Cause.BUS_ERROR
        assert len(bench.finished.cycles) == 1
        await bench.step(100)
        assert len(bench.finished.cycles) == 1


@cocotb.test()
async def an_abort_completes_what_was_begun(dut):
    """After an abort the bursts on the bus end, and not one byte more is written."""
    seed = parameters()["seed"] + 2
    rng = random.Random(seed)
    for round_ in range(15):
        what = f"seed {seed}, round {round_}"
        bench = StoreBench(dut, seed + round_)
        await bench.start()
        bench.send(*[default_fields(address=4000 + n, x_bytes=250) for n in range(4)])
        await bench.step(rng.randint(1, 150))
        dut.abort.value = 1
        await bench.step(2)
        # One beat may still wait for the bus with its bytes enabled.
        memory = bench.memory
        while not memory.ready["wready"]:
            await bench.step()
        before, bursts = bytes(memory.data), len(memory.writes)
        await bench.until(lambda: dut.store_idle.value, 2000, what)
        assert memory.quiet, what
        assert memory.data == before, what
        assert len(memory.writes) <= bursts + 1, what
