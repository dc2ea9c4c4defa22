"""Compiled programs: what two instructions really touch is ordered by their tokens.

The ranges that the backend names are not trusted: the words come from the instructions themselves.
"""

import numpy as np
import pytest

from compiler.backends.accel import compile_region, extract
from isa.config import Config
from isa.instructions import Engine, Opcode
from simulator.fuzz.accesses import accesses

# A semaphore counts to 255; one that is full holds its engine back.
MOST_TOKENS = 255


def dram_bytes(instruction):
    """Return the bytes of the segment `data` that a load reads or a store writes."""
    fields = instruction.fields
    if instruction.segment != "data":
        return set()
    lines, runs = np.arange(fields["z_count"]), np.arange(fields["y_count"])
    inside = np.arange(fields["x_bytes"])
    position = fields["y_stride"] * runs[:, None] + inside
    if instruction.opcode == Opcode.LOAD:
        lines, position = lines + fields["z_origin"], position + fields["x_origin"]
        lines = lines[(lines >= 0) & (lines < fields["line_count"])]
        position = position[(position >= 0) & (position < fields["line_bytes"])]
    starts = fields["address"] + fields["z_stride"] * lines
    return set((starts[:, None] + position.reshape(-1)).reshape(-1).tolist())


def touched(config, instruction):
    """Return two sets of places: read and written."""
    found = accesses(config, instruction)
    reads, writes = (
        {(memory, place) for memory in table for place in table[memory] if memory != "dram"}
        for table in (found.reads, found.writes)
    )
    if instruction.opcode in (Opcode.LOAD, Opcode.STORE):
        part = reads if instruction.opcode == Opcode.LOAD else writes
        part |= {("dram", byte) for byte in dram_bytes(instruction)}
    if instruction.opcode == Opcode.MATRIX:
        reads |= {place for place in writes if instruction.fields["accumulate"]}
    return reads, writes


@pytest.fixture
def assert_ordered(order_of):
    """`assert_ordered(module, config, seed)` compiles the module and looks at every pair."""

    def check(module, config, seed):
        region = compile_region(extract("net", module["main"]), config)
        order = order_of(region.program)
        rows = [item for item in region.program.instructions() if item.opcode != Opcode.END]
        sets = [touched(config, item) for item in rows]
        for second, (reads, writes) in enumerate(sets):
            for first in range(second):
                if order.sorts(first, second):
                    continue
                earlier_reads, earlier_writes = sets[first]
                clash = earlier_writes & reads | earlier_writes & writes | earlier_reads & writes
                assert not clash, (
                    f"seed {seed}, {config.name}: instructions {first} and {second} "
                    f"both touch {min(clash)}"
                )
        return region

    return check


@pytest.mark.parametrize("seed", range(200, 216))
def test_random_network(seed, configs, random_network, assert_ordered):
    config = configs[list(configs)[seed % len(configs)]]
    assert_ordered(random_network(seed, layers=4), config, seed)


def test_many_blocks(config, network_maker, assert_ordered):
    """Several groups of channels and several blocks: every half of every memory is used again."""
    maker = network_maker(1)
    window = {"padding": (1, 1, 1, 1), "strides": (1, 1), "dilation": (1, 1)}
    image = maker.convolution(maker.input(12, 9, 5), 20, (3, 3), **window)
    maker.add(maker.depthwise(image, (3, 3), **window), image)
    maker.convolution(maker.values[-1], 36, (1, 1))
    assert_ordered(maker.module(), config, 1)


def test_tensors_in_dram(network_maker, assert_ordered):
    """Act holds no whole tensor: each goes out to DRAM and comes back, block by block."""
    config = Config("cramped", 4, 4, 192, 64, 64, 64, bus_bytes=4)
    maker = network_maker(2)
    window = {"padding": (1, 1, 1, 1), "strides": (1, 1), "dilation": (1, 1)}
    image = maker.convolution(maker.input(8, 6, 4), 4, (3, 3), **window)
    middle = maker.maximum(image, (3, 3), **window)
    maker.add(image, maker.convolution(middle, 4, (3, 3), **window))
    region = assert_ordered(maker.module(), config, 2)
    stores = {
        row.fields["address"] for row in region.program.instructions() if row.opcode == Opcode.STORE
    }
    assert len(stores) > 4, "nothing went through DRAM"


@pytest.mark.parametrize("seed", range(216, 226))
def test_semaphores_do_not_fill_up(seed, configs, random_network, order_of):
    """However the engines run, the tokens of a pair that wait to be taken stay few."""
    graph = extract("net", random_network(seed, layers=5)["main"])
    order = order_of(compile_region(graph, configs["spill"]).program)
    for giver, _ in order.edges:
        for engine in Engine:
            waiting = [
                taker
                for source, taker in order.edges
                if source <= giver
                and order.engines[source] == order.engines[giver]
                and order.engines[taker] == engine
                and not order.sorts(taker, giver)
            ]
            assert len(waiting) <= MOST_TOKENS, f"seed {seed}: {giver} to {engine.name}"
