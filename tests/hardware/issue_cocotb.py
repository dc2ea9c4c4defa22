"""Cocotb tests of the four queues and the semaphores between them, on the bench of test_units."""

import random
from collections import deque

import cocotb
from control import Bench, Source, configuration, number, parameters

from hardware.decoder import dispatch_layout
from isa.instructions import Engine, Opcode, instruction_set

ENGINES = len(Engine)
FULL = 255


class Executor:
    """An engine that takes instructions and finishes them after a while, in order.

    Parameters
    ----------
    dut : the cocotb handle
    engine : Engine
    seed : int
    most : int, cycles an instruction takes at most
    """

    def __init__(self, dut, engine, seed, most=12):
        prefix = f"issue{engine:d}_"
        names = ("instruction__valid", "instruction__ready", "finished", "waits", "empty")
        names += ("started", "start_index", "retired", "retired_index", "oldest", "oldest_valid")
        self.port = {name: getattr(dut, prefix + name) for name in names}
        self.random = random.Random(seed)
        self.most = most
        self.holding = False
        self.running = deque()
        self.started, self.retired = [], []
        self.cycle = 0

    def drive(self):
        self.cycle += 1
        self.ready = self.random.random() < 0.7 and len(self.running) < 6
        self.port["instruction__ready"].value = self.ready
        ends = bool(self.running) and self.running[0] <= self.cycle and not self.holding
        if ends:
            self.running.popleft()
        self.port["finished"].value = ends

    def sample(self):
        if self.ready and self.port["instruction__valid"].value:
            due = self.cycle + self.random.randint(1, self.most)
            self.running.append(max(due, self.running[-1] + 1 if self.running else 0))
        if self.port["started"].value:
            self.started.append(number(self.port["start_index"]))
        if self.port["retired"].value:
            self.retired.append(number(self.port["retired_index"]))


class IssueBench(Bench):
    """The queues, their engines, and a source of instructions for each."""

    def __init__(self, dut, seed, stall=0.2):
        self.config = configuration()
        self.engines = [Executor(dut, engine, seed + engine) for engine in Engine]
        self.sources = [
            Source(dut, f"issue{engine:d}_dispatch", seed + engine, stall) for engine in Engine
        ]
        super().__init__(dut, *self.sources, *self.engines)

    def send(self, engine, index, wait=0, signal=0, sync=False):
        """Queue an instruction that waits for and signals the engines in two masks."""
        form = instruction_set(self.config).format(Opcode(engine))
        header = form.encode({"opcode": 4 if sync else engine, "wait": wait, "signal": signal})
        layout = dispatch_layout(self.config, engine)
        word = index | sync << 32 | header << layout["fields"].offset
        self.sources[engine].items.append(word)

    def done(self):
        return all(not source.items for source in self.sources) and all(
            engine.port["empty"].value for engine in self.engines
        )


def random_traffic(rng, count):
    """Return instructions (engine, wait, signal, sync) that can run in this order."""
    tokens = [[0] * ENGINES for _ in range(ENGINES)]
    rows = []
    for _ in range(count):
        engine = rng.randrange(ENGINES)
        wait = sum(
            1 << giver for giver in range(ENGINES) if tokens[giver][engine] and rng.random() < 0.6
        )
        signal = rng.getrandbits(ENGINES) & ~(1 << engine) if rng.random() < 0.7 else 0
        for other in range(ENGINES):
            tokens[other][engine] -= wait >> other & 1
            tokens[engine][other] += signal >> other & 1
        rows.append((engine, wait, signal, rng.random() < 0.2))
    return rows


@cocotb.test()
async def tokens_are_neither_lost_nor_invented(dut):
    """Every instruction starts after those whose tokens it takes have finished, and all run."""
    seed = parameters()["seed"]
    rng = random.Random(seed)
    for round_ in range(4):
        what = f"seed {seed}, round {round_}"
        bench = IssueBench(dut, seed + round_)
        await bench.start()
        rows = random_traffic(rng, 250)
        for index, row in enumerate(rows):
            bench.send(row[0], index, row[1], row[2], row[3])
        given = [[0] * ENGINES for _ in range(ENGINES)]
        taken = [[0] * ENGINES for _ in range(ENGINES)]
        seen = [[0, 0] for _ in range(ENGINES)]
        for _ in range(20000):
            await bench.step()
            for number_, engine in enumerate(bench.engines):
                for index in engine.started[seen[number_][0] :]:
                    for giver in range(ENGINES):
                        taken[giver][number_] += rows[index][1] >> giver & 1
                        assert taken[giver][number_] <= given[giver][number_], what
            for number_, engine in enumerate(bench.engines):
                for index in engine.retired[seen[number_][1] :]:
                    for taker in range(ENGINES):
                        given[number_][taker] += rows[index][2] >> taker & 1
                seen[number_] = [len(engine.started), len(engine.retired)]
            if bench.done():
                break
        assert bench.done(), what
        for number_, engine in enumerate(bench.engines):
            mine = [index for index, row in enumerate(rows) if row[0] == number_]
            assert engine.started == mine, what
            assert engine.retired == mine, what


@cocotb.test()
async def an_instruction_waits_for_all_its_tokens(dut):
    bench = IssueBench(dut, 1, stall=0.0)
    await bench.start()
    matrix = bench.engines[Engine.MATRIX]
    bench.send(Engine.MATRIX, 7, wait=1 << Engine.LOAD | 1 << Engine.STORE)
    await bench.step(20)
    assert matrix.started == []
    assert number(matrix.port["waits"]) == 1 << Engine.LOAD | 1 << Engine.STORE
    assert matrix.port["oldest_valid"].value
    assert number(matrix.port["oldest"]) == 7
    bench.send(Engine.LOAD, 3, signal=1 << Engine.MATRIX)
    await bench.step(40)
    assert matrix.started == []
    assert number(matrix.port["waits"]) == 1 << Engine.STORE
    bench.send(Engine.STORE, 4, signal=1 << Engine.MATRIX, sync=True)
    await bench.until(lambda: matrix.retired == [7], 60, "matrix")
    assert number(matrix.port["waits"]) == 0
    assert bench.done()


@cocotb.test()
async def a_sync_takes_its_turn(dut):
    """It signals only after the instructions before it have finished."""
    bench = IssueBench(dut, 2, stall=0.0)
    await bench.start()
    load, store = bench.engines[Engine.LOAD], bench.engines[Engine.STORE]
    load.holding = True
    bench.send(Engine.LOAD, 0)
    bench.send(Engine.LOAD, 1, signal=1 << Engine.STORE, sync=True)
    bench.send(Engine.STORE, 2, wait=1 << Engine.LOAD)
    await bench.step(40)
    assert load.started == [0, 1]
    assert load.retired == []
    assert store.started == []
    load.holding = False
    await bench.until(bench.done, 60, "end")
    assert load.retired == [0, 1]
    assert store.retired == [2]


@cocotb.test()
async def a_full_semaphore_holds_the_finish_back(dut):
    bench = IssueBench(dut, 3, stall=0.0)
    for engine in bench.engines:
        engine.most = 1
    await bench.start()
    load, vector = bench.engines[Engine.LOAD], bench.engines[Engine.VECTOR]
    for index in range(FULL + 3):
        bench.send(Engine.LOAD, index, signal=1 << Engine.VECTOR, sync=index % 3 == 0)
    await bench.step(1200)
    assert load.retired == list(range(FULL))
    assert not load.port["empty"].value
    assert number(load.port["oldest"]) == FULL
    for index in range(FULL + 3):
        bench.send(Engine.VECTOR, 1000 + index, wait=1 << Engine.LOAD)
    await bench.until(bench.done, 6000, "end")
    assert load.retired == list(range(FULL + 3))
    assert vector.retired == [1000 + index for index in range(FULL + 3)]
    bench.send(Engine.VECTOR, 2000, wait=1 << Engine.LOAD)
    await bench.step(30)
    assert vector.started[-1] != 2000, "a token was invented"
