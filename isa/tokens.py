"""The order that waits and signals give: which instructions have finished before another starts.

An abstract machine runs the instructions, with less freedom than any real one:

* Instructions enter the queues in program order. A queue holds `queue_depth` of them; one leaves
  when it starts. (The hardware's queues hold a few more.)
* An engine runs one instruction at a time. (The hardware's engines begin the next ones early.)
* An instruction starts when each semaphore of its wait mask holds a token, which it takes. When
  it is done it gives its tokens, and is held back while a semaphore is full.

Each engine takes and gives in its own order, so the k-th take of a semaphore always meets its k-th
give: which step waits for which does not depend on time. Such a system gets stuck either in every
run or in none, and an eager run decides. All that the abstract machine demands beyond the hardware
is more order, so a program that gets through here gets through there. Tokens that are left at the
end are allowed: semaphores are cleared before the next program starts.

The order that a program may rely on is less than what happened in that run. Of an engine's own
instructions only the order of their starts and the order of their ends count, because the next may
start before the last has ended; and the queues' order does not count at all, because it differs
with their depth. What remains are the tokens: who gives has finished before who takes starts. It
is kept as clocks: how many of each engine's instructions have finished when an instruction starts.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from .choices import Engine
from .config import Config

__all__ = ["MOST_TOKENS", "Order", "Stuck", "Tokens", "run_tokens"]

# A semaphore counts in eight bits (hardware/semaphores.py).
MOST_TOKENS = 255

Clock = tuple[int, ...]

# The engines in each mask.
_MEMBERS = tuple(
    tuple(engine for engine in Engine if mask >> engine & 1) for mask in range(1 << len(Engine))
)


@dataclass(frozen=True)
class Tokens:
    """The tokens of an instruction.

    Attributes
    ----------
    engine : Engine
    wait, signal : int, masks of engines
    """

    engine: Engine
    wait: int
    signal: int


@dataclass(frozen=True)
class Stuck:
    """An engine that comes to a stand.

    Attributes
    ----------
    index : int, its instruction
    other : Engine, which it waits for
    full : bool, it cannot give a token to `other`, else it cannot take one
    """

    index: int
    other: Engine
    full: bool


@dataclass(frozen=True)
class Order:
    """What is known of a run.

    Attributes
    ----------
    sequence : indices in an order in which they may run, of those that run
    clocks : for each instruction, by Engine: how many of its instructions have finished when this
        one starts; None of one that does not start
    positions : for each instruction, how many its engine has before it
    stuck : what stands still at the end
    """

    sequence: tuple[int, ...]
    clocks: tuple[Clock | None, ...]
    positions: tuple[int, ...]
    stuck: tuple[Stuck, ...]


def run_tokens(config: Config, tokens: Sequence[Tokens]) -> Order:
    """Return the order of the instructions `tokens`, END left out."""
    run = _Run(config.queue_depth, tokens)
    run.run()
    counts = dict.fromkeys(Engine, 0)
    positions = []
    for item in tokens:
        positions.append(counts[item.engine])
        counts[item.engine] += 1
    return Order(tuple(run.sequence), tuple(run.clocks), tuple(positions), tuple(run.stuck()))


@dataclass
class _Engine:
    queue: deque[int] = field(default_factory=deque)
    unfinished: int | None = None
    # At the start of its last instruction, and at the end of its last instruction.
    started: list[int] = field(default_factory=lambda: [0] * len(Engine))
    finished: list[int] = field(default_factory=lambda: [0] * len(Engine))


class _Run:
    """The abstract machine."""

    def __init__(self, depth: int, tokens: Sequence[Tokens]) -> None:
        self.sequence: list[int] = []
        self.clocks: list[Clock | None] = [None] * len(tokens)
        self._depth = depth
        self._tokens = tokens
        self._engines = [_Engine() for _ in Engine]
        # The clocks of those who gave the tokens, by giver and taker.
        self._given: list[list[deque[list[int]]]] = [[deque() for _ in Engine] for _ in Engine]

    def run(self) -> None:
        """Run until the end, or until nothing moves."""
        following = 0
        while True:
            moved = False
            if following < len(self._tokens):
                queue = self._engines[self._tokens[following].engine].queue
                if len(queue) < self._depth:
                    queue.append(following)
                    following += 1
                    moved = True
            while self._step():
                moved = True
            if not moved:
                return

    def stuck(self) -> list[Stuck]:
        """Return what keeps each engine that is not through."""
        result = []
        for engine in self._engines:
            full = engine.unfinished is not None
            index = (
                engine.unfinished
                if engine.unfinished is not None
                else next(iter(engine.queue), None)
            )
            if index is not None:
                item = self._tokens[index]
                other = self._full(item) if full else self._missing(item)
                assert other is not None, f"instruction {index} could go on"
                result.append(Stuck(index, other, full))
        return result

    def _step(self) -> bool:
        """Let every engine start and finish what it can; return whether one did."""
        moved = False
        for engine in self._engines:
            if engine.unfinished is None and engine.queue:
                item = self._tokens[engine.queue[0]]
                if self._missing(item) is None:
                    self._start(engine, engine.queue.popleft())
                    moved = True
            if engine.unfinished is not None:
                item = self._tokens[engine.unfinished]
                if self._full(item) is None:
                    self._finish(engine, item)
                    moved = True
        return moved

    def _missing(self, item: Tokens) -> Engine | None:
        """Return an engine that has given no token which `item` takes."""
        for other in _MEMBERS[item.wait]:
            if not self._given[other][item.engine]:
                return other
        return None

    def _full(self, item: Tokens) -> Engine | None:
        """Return an engine that `item` can give no token."""
        for other in _MEMBERS[item.signal]:
            if len(self._given[item.engine][other]) >= MOST_TOKENS:
                return other
        return None

    def _start(self, engine: _Engine, index: int) -> None:
        item = self._tokens[index]
        for other in _MEMBERS[item.wait]:
            given = self._given[other][item.engine].popleft()
            engine.started = _later(engine.started, given)
        engine.unfinished = index
        self.clocks[index] = tuple(engine.started)
        self.sequence.append(index)

    def _finish(self, engine: _Engine, item: Tokens) -> None:
        last = engine.finished[item.engine]
        clock = _later(engine.started, engine.finished)
        clock[item.engine] = last + 1
        engine.finished, engine.unfinished = clock, None
        for other in _MEMBERS[item.signal]:
            self._given[item.engine][other].append(clock)


def _later(ours: list[int], theirs: list[int]) -> list[int]:
    return list(map(max, ours, theirs))
