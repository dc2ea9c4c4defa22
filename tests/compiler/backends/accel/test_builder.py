"""Waits and signals: whatever touches the same words keeps its order, and nothing ever hangs."""

import random

import pytest

from compiler.backends.accel.builder import Builder
from compiler.backends.accel.ranges import Hazards, Range
from isa.config import preset
from isa.instructions import Engine, Opcode

TINY = preset("tiny")
READS = {
    Engine.LOAD: ("dram",),
    Engine.MATRIX: ("act", "weight", "acc"),
    Engine.VECTOR: ("act", "acc", "param"),
    Engine.STORE: ("act",),
}
WRITES = {
    Engine.LOAD: ("act", "weight", "param"),
    Engine.MATRIX: ("acc",),
    Engine.VECTOR: ("act", "acc"),
    Engine.STORE: ("dram",),
}


def random_ranges(draw, memories):
    ranges = []
    for _ in range(draw.randint(0, 2)):
        start = draw.randint(0, 20)
        stop = start + draw.randint(1, 8)
        ranges.append(Range(draw.choice(memories), start, stop))
    return ranges


def random_program(seed, count=40):
    """Return a program and what each of its instructions reads and writes."""
    draw, builder, touched = random.Random(seed), Builder(TINY), []
    for _ in range(count):
        engine = draw.choice(list(Engine))
        reads, writes = (random_ranges(draw, table[engine]) for table in (READS, WRITES))
        builder.emit(engine, {}, reads, writes)
        touched.append((reads, writes))
    return builder.finish()[0], touched


def meet(some, others):
    return any(
        one.memory == two.memory and one.start < two.stop and two.start < one.stop
        for one in some
        for two in others
    )


def conflicts(touched, first, second):
    reads, writes = touched[first]
    later_reads, later_writes = touched[second]
    return meet(writes, later_reads) or meet(writes, later_writes) or meet(reads, later_writes)


@pytest.mark.parametrize("seed", range(40))
def test_conflicts_are_ordered(seed, order_of):
    """In every interleaving: the first of a pair finishes before the second starts."""
    program, touched = random_program(seed)
    order = order_of(program)
    for second in range(len(touched)):
        for first in range(second):
            if conflicts(touched, first, second):
                assert order.sorts(first, second), f"seed {seed}: {first} and {second}"


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("depth", [1, 4])
def test_never_hangs(seed, depth):
    """Engines that run at random speeds, fed in order through queues, reach the end.

    A conflicting pair met on the way must be in order too: `run` is the machine, step by step.
    """
    program, touched = random_program(seed)
    spans = run(program, depth, random.Random(seed))
    assert len(spans) == len(touched), f"seed {seed}: {len(spans)} of {len(touched)} finished"
    for second in range(len(touched)):
        for first in range(second):
            if conflicts(touched, first, second):
                assert spans[first][1] < spans[second][0], f"seed {seed}: {first} and {second}"


def run(program, depth, draw):
    """Return when each instruction started and finished, on a machine with random delays."""
    rows = [item for item in program.instructions() if item.opcode != Opcode.END]
    queues, running = {engine: [] for engine in Engine}, {}
    tokens = {(giver, taker): 0 for giver in Engine for taker in Engine}
    fetched, spans, started = 0, {}, {}

    def others(index, mask):
        return [engine for engine in Engine if rows[index].fields[mask] >> engine & 1]

    for clock in range(100 * len(rows)):
        possible = []
        if fetched < len(rows) and len(queues[Engine(rows[fetched].opcode)]) < depth:
            possible.append("fetch")
        for engine, queue in queues.items():
            if engine in running:
                possible.append(("finish", engine))
            elif queue and all(tokens[giver, engine] for giver in others(queue[0], "wait")):
                possible.append(("start", engine))
        if not possible:
            break
        action = draw.choice(possible)
        if action == "fetch":
            queues[Engine(rows[fetched].opcode)].append(fetched)
            fetched += 1
            continue
        kind, engine = action
        if kind == "start":
            index = running[engine] = queues[engine].pop(0)
            started[index] = clock
            for giver in others(index, "wait"):
                tokens[giver, engine] -= 1
        else:
            index = running.pop(engine)
            spans[index] = started[index], clock
            for taker in others(index, "signal"):
                tokens[engine, taker] += 1
    assert not any(tokens.values()) or len(spans) < len(rows), "tokens are left over"
    return spans


@pytest.mark.parametrize("seed", range(10))
def test_hazards_against_single_words(seed):
    """The pieces of ranges say for every word what a table of single words says."""
    draw, hazards = random.Random(seed), Hazards()
    writers, readers = {}, {}
    for index in range(60):
        engine = draw.choice(list(Engine))
        reads, writes = (random_ranges(draw, ("act", "acc")) for _ in range(2))
        needed = {}

        def need(found, needed=needed):
            for other, number in found.items():
                needed[other] = max(needed.get(other, 0), number)

        for word in words(reads):
            need(writers.get(word, {}))
        for word in words(writes):
            need(writers.get(word, {}))
            need(readers.get(word, {}))
        assert hazards.record(engine, index, reads, writes) == needed, f"seed {seed}, {index}"
        for word in words(reads):
            readers.setdefault(word, {})[engine] = index + 1
        for word in words(writes):
            writers[word], readers[word] = {engine: index + 1}, {}


def words(ranges):
    return {(item.memory, word) for item in ranges for word in range(item.start, item.stop)}


def emitted(*rows):
    builder = Builder(TINY)
    for engine, reads, writes in rows:
        builder.emit(engine, {}, reads, writes)
    program, _ = builder.finish()
    return [(item.fields.get("wait"), item.fields.get("signal")) for item in program.instructions()]


def test_independent_instructions_do_not_wait():
    act = [Range("act", start, start + 4) for start in (0, 4)]
    rows = emitted((Engine.LOAD, [], act[:1]), (Engine.VECTOR, [], act[1:]))
    assert rows == [(0, 0), (0, 0), (None, None)]


def test_known_order_is_not_waited_for_again():
    """load -> matrix -> vector: the vector engine hears of the load through the matrix engine."""
    act, acc = [Range("act", 0, 4)], [Range("acc", 0, 4)]
    rows = emitted(
        (Engine.LOAD, [], act),
        (Engine.MATRIX, act, acc),
        (Engine.VECTOR, acc, act),
        (Engine.VECTOR, act, act),
    )
    load, matrix, vector = (1 << engine for engine in (Engine.LOAD, Engine.MATRIX, Engine.VECTOR))
    assert rows == [(0, matrix), (load, vector), (matrix, 0), (0, 0), (None, None)]


def test_readers_side_by_side_do_not_wait_for_each_other():
    act = [Range("act", 0, 4)]
    rows = emitted((Engine.MATRIX, act, []), (Engine.VECTOR, act, []), (Engine.STORE, act, []))
    assert rows == [(0, 0), (0, 0), (0, 0), (None, None)]


def test_writer_waits_for_every_reader():
    act = [Range("act", 0, 4)]
    rows = emitted(
        (Engine.MATRIX, act, []),
        (Engine.STORE, [Range("act", 3, 9)], []),
        (Engine.LOAD, [], [Range("act", 2, 5)]),
    )
    assert rows[2] == (1 << Engine.MATRIX | 1 << Engine.STORE, 0)


def test_layers_are_attributed():
    builder = Builder(TINY)
    for layer in (0, 0, 2):
        builder.layer = layer
        builder.emit(Engine.LOAD, {})
    program, layers = builder.finish()
    assert layers == (0, 0, 2, 2) and len(program) == 4
