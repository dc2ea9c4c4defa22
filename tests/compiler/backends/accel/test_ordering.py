"""Compiled programs: what two instructions really touch is ordered by their tokens.

The ranges that the backend names are not trusted: the words come from the instructions themselves.
"""

import numpy as np
import pytest

from compiler.backends.accel import compile_region, extract
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


@pytest.mark.parametrize("seed", range(200, 216))
def test_conflicts_are_ordered(seed, configs, random_network, order_of):
    names = list(configs)
    config = configs[names[seed % len(names)]]
    graph = extract("net", random_network(seed, layers=4)["main"])
    program = compile_region(graph, config).program
    order = order_of(program)
    rows = [item for item in program.instructions() if item.opcode != Opcode.END]
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
