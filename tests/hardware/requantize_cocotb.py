"""Requantisation against isa.arithmetic."""

import random

import cocotb
import numpy as np
from compute import random_int32, random_param, requantized
from control import Bench, Sink, configuration, number, parameters

from isa.arithmetic import Rounding

VECTORS = 60
PRE_SHIFTS = (0, 0, 1, 7, 30, 31)
EDGES = (-(2**31), 1 - 2**31, -(2**30), -1, 0, 1, 2**30, 2**31 - 1)


class Vectors:
    """Offers vectors, each with the records that belong to it, a group of columns at a time."""

    def __init__(self, dut, config, seed):
        self.dut = dut
        self.config = config
        self.group = 0
        self.random = random.Random(seed)
        self.items = []
        self.offered = False
        dut.values__valid.value = 0

    def drive(self):
        self.offered = bool(self.items) and (self.offered or self.random.random() < 0.8)
        self.dut.values__valid.value = self.offered
        if self.offered:
            payload, record = self.items[0]
            self.dut.values__payload.value = payload
            self.dut.record.value = records(record, self.config, self.group)

    def sample(self):
        self.group += bool(self.dut.advance.value)
        if self.offered and self.dut.values__ready.value:
            self.group = 0
            del self.items[0]
            self.offered = False


def records(word, config, group):
    """Return, as a number, what a param word holds for the columns of a group."""
    columns = slice(group * config.requantize_lanes, (group + 1) * config.requantize_lanes)
    parts = np.split(np.asarray(word, np.uint8), [4 * config.columns, 8 * config.columns])
    return packed(
        np.concatenate([part.reshape(config.columns, -1)[columns].ravel() for part in parts])
    )


def packed(array):
    """Return the bytes of an array as a number."""
    return int.from_bytes(array.tobytes(), "little")


def edge_vectors(rng, config):
    """Return (values, record) in which a value, multiplier and shift of the edges meet."""
    values = rng.choice(EDGES, config.columns).astype(np.int32)
    # A sum that lies half way between two results, now and then.
    half = rng.random(config.columns) < 0.3
    powers = np.int32(1) << rng.integers(0, 31, config.columns).astype(np.int32)
    values = np.where(half, rng.choice([-1, 1, -3, 3], config.columns) * powers, values)
    multiplier = rng.choice([*EDGES, 1 << 30, 1 << 30], config.columns).astype(np.int32)
    shift = rng.choice([-31, -30, -2, -1, 0, 1, 2, 30, 31], config.columns).astype(np.int8)
    bias = np.zeros(config.columns, np.int32)
    record = b"".join(part.tobytes() for part in (bias, multiplier, shift))
    return values.astype(np.int32), np.frombuffer(record, np.uint8)


@cocotb.test()
async def requantize_equals_arithmetic(dut):
    config, seed = configuration(), parameters()["seed"]
    rng = np.random.default_rng(seed)
    source, sink = Vectors(dut, config, seed), Sink(dut, "results", seed=seed, stall=0.2)
    bench = Bench(dut, source, sink)
    await bench.start()
    bits = 32 * config.columns
    for rounding in Rounding:
        for pre_shift in PRE_SHIFTS:
            dut.rounding.value, dut.pre_shift.value = int(rounding), pre_shift
            expected = []
            for index in range(VECTORS):
                values = random_int32(rng, config.columns)
                record = random_param(rng, config, 1)[0]
                if index % 2:
                    values, record = edge_vectors(rng, config)
                tag = int(rng.integers(2))
                source.items.append((packed(values) | tag << (bits + 0), record))
                result = requantized(config, record, values, pre_shift, rounding)
                expected.append((values, record, result))
            sink.items.clear()
            await bench.until(lambda: len(sink.items) >= VECTORS, 5000, "results")
            for (values, record, result), item in zip(expected, sink.items, strict=True):
                got = np.frombuffer((item % (1 << bits)).to_bytes(bits // 8, "little"), np.int32)
                where = f"seed {seed} {rounding.name} {pre_shift} {values} {record.tobytes().hex()}"
                assert np.array_equal(got, result), f"{where}: {got}, not {result}"


@cocotb.test()
async def requantize_keeps_its_rate(dut):
    """One vector in columns / requantize_lanes cycles."""
    config = configuration()
    rng = np.random.default_rng(parameters()["seed"])
    sink = Sink(dut, "results")
    bench = Bench(dut, sink)
    await bench.start()
    dut.values__valid.value = 1
    dut.values__payload.value = packed(random_int32(rng, config.columns))
    dut.record.value = records(random_param(rng, config, 1)[0], config, 0)
    groups = config.columns // config.requantize_lanes
    await bench.step(groups + 7 + 20 * groups)
    assert len(sink.items) == 20
    assert number(dut.results__valid)
