"""Tokens: what gets stuck, and which order a program may rely on, against a freer machine."""

import random
from dataclasses import dataclass, field, replace

import pytest

from isa.config import preset
from isa.instructions import Engine
from isa.tokens import MOST_TOKENS, Stuck, Tokens, run_tokens

TINY = preset("tiny")
LOAD, MATRIX, VECTOR, STORE = Engine


def mask(*engines: Engine) -> int:
    return sum(1 << engine for engine in engines)


def tokens(
    engine: Engine, wait: tuple[Engine, ...] = (), signal: tuple[Engine, ...] = ()
) -> Tokens:
    return Tokens(engine, mask(*wait), mask(*signal))


def draw_tokens(draw: random.Random, length: int) -> list[Tokens]:
    """Return instructions whose waits are mostly, not always, met in program order."""
    given = [[0] * 4 for _ in Engine]
    result = []
    for _ in range(length):
        engine = draw.choice(list(Engine))
        others = [other for other in Engine if other != engine]
        wait = [o for o in others if draw.random() < (0.5 if given[o][engine] else 0.03)]
        signal = [other for other in others if draw.random() < 0.3]
        for other in wait:
            given[other][engine] -= 1
        for other in signal:
            given[engine][other] += 1
        result.append(tokens(engine, tuple(wait), tuple(signal)))
    return result


@dataclass
class Hardware:
    """The hardware's freedom: deeper queues, and several instructions of an engine at once."""

    items: list[Tokens]
    depth: int
    in_flight: int = 8
    queues: list[list[int]] = field(default_factory=lambda: [[] for _ in Engine])
    running: list[list[int]] = field(default_factory=lambda: [[] for _ in Engine])
    finished: list[int] = field(default_factory=lambda: [0] * 4)
    counts: list[list[int]] = field(default_factory=lambda: [[0] * 4 for _ in Engine])
    seen: dict[int, tuple[int, ...]] = field(default_factory=dict)
    following: int = 0

    def moves(self) -> list[tuple[str, Engine]]:
        """Return what may happen next: dispatch, start or finish, and of which engine."""
        result = []
        if self.following < len(self.items):
            engine = self.items[self.following].engine
            if len(self.queues[engine]) < self.depth:
                result.append(("dispatch", engine))
        for engine in Engine:
            if self.queues[engine] and len(self.running[engine]) < self.in_flight:
                wait = self.items[self.queues[engine][0]].wait
                if all(self.counts[o][engine] for o in Engine if wait >> o & 1):
                    result.append(("start", engine))
            if self.running[engine]:
                signal = self.items[self.running[engine][0]].signal
                if all(self.counts[engine][o] < MOST_TOKENS for o in Engine if signal >> o & 1):
                    result.append(("finish", engine))
        return result

    def do(self, move: tuple[str, Engine]) -> None:
        verb, engine = move
        getattr(self, verb)(engine)

    def dispatch(self, engine: Engine) -> None:
        self.queues[engine].append(self.following)
        self.following += 1

    def start(self, engine: Engine) -> None:
        index = self.queues[engine].pop(0)
        for other in Engine:
            self.counts[other][engine] -= self.items[index].wait >> other & 1
        self.running[engine].append(index)
        self.seen[index] = tuple(self.finished)

    def finish(self, engine: Engine) -> None:
        index = self.running[engine].pop(0)
        for other in Engine:
            self.counts[engine][other] += self.items[index].signal >> other & 1
        self.finished[engine] += 1


@pytest.mark.parametrize("seed", range(60))
def test_what_passes_here_passes_there_in_this_order(seed: int) -> None:
    draw = random.Random(seed)
    items = draw_tokens(draw, 24)
    order = run_tokens(replace(TINY, queue_depth=draw.choice([1, 2, 4])), items)
    assert sorted(order.sequence) == [
        i for i, clock in enumerate(order.clocks) if clock is not None
    ]
    for _ in range(4):
        machine = Hardware(items, depth=draw.choice([4, 9, 100]))
        while moves := machine.moves():
            machine.do(draw.choice(moves))
        if not order.stuck:
            assert sum(machine.finished) == len(items), f"seed {seed}"
        for index, seen in machine.seen.items():
            clock = order.clocks[index]
            if clock is not None:
                assert all(have >= need for have, need in zip(seen, clock, strict=True)), (
                    f"seed {seed}: instruction {index} starts after {seen}, not {clock}"
                )


@pytest.mark.parametrize("seed", range(20))
def test_no_more_order_than_there_is(seed: int) -> None:
    """With deep queues, what a clock does not ask for may really be unfinished."""
    draw = random.Random(seed)
    items = draw_tokens(draw, 20)
    order = run_tokens(replace(TINY, queue_depth=64), items)
    for index in order.sequence:
        clock = order.clocks[index]
        for held in Engine:
            machine = Hardware(items, depth=100, in_flight=100)
            while index not in machine.seen:
                moves = machine.moves()
                if machine.finished[held] == clock[held]:
                    moves = [move for move in moves if move != ("finish", held)]
                assert moves, (
                    f"seed {seed}: instruction {index} needs more of {held.name} than told"
                )
                machine.do(moves[0])
            assert machine.seen[index][held] == clock[held]


def test_a_token_that_nobody_gives() -> None:
    order = run_tokens(TINY, [tokens(LOAD), tokens(MATRIX, wait=(LOAD,))])
    assert order.sequence == (0,)
    assert order.stuck == (Stuck(1, LOAD, False),)


def test_a_ring() -> None:
    items = [tokens(LOAD, (MATRIX,), (MATRIX,)), tokens(MATRIX, (LOAD,), (LOAD,))]
    assert run_tokens(TINY, items).stuck == (Stuck(0, MATRIX, False), Stuck(1, LOAD, False))


@pytest.mark.parametrize(("depth", "stuck"), [(2, True), (3, False)])
def test_a_full_queue_hides_the_giver(depth: int, stuck: bool) -> None:
    """Two vector instructions wait behind one; the store that helps is behind them all."""
    waiting = [tokens(VECTOR, (STORE,)), tokens(VECTOR), tokens(VECTOR)]
    order = run_tokens(
        replace(TINY, queue_depth=depth), [*waiting, tokens(STORE, signal=(VECTOR,))]
    )
    assert order.stuck == ((Stuck(0, STORE, False),) if stuck else ())


def test_a_semaphore_fills_up() -> None:
    giving = [tokens(LOAD, signal=(STORE,))] * (MOST_TOKENS + 1)
    assert run_tokens(TINY, giving[1:]).stuck == ()
    assert run_tokens(TINY, giving).stuck == (Stuck(MOST_TOKENS, STORE, True),)
    helped = [*giving, tokens(STORE, (LOAD,))]
    assert run_tokens(TINY, helped).stuck == ()


def test_an_engine_may_start_its_next_instruction_early() -> None:
    """The store waits for the second load, so for the first; not the second load for the first."""
    items = [tokens(LOAD), tokens(LOAD, signal=(STORE,)), tokens(STORE, (LOAD,)), tokens(STORE)]
    order = run_tokens(TINY, items)
    assert order.clocks == ((0, 0, 0, 0), (0, 0, 0, 0), (2, 0, 0, 0), (2, 0, 0, 0))
