"""An engine as its queue sees it: what starts when, and in which order it ends."""

from collections import deque
from typing import Protocol

from isa.config import Config
from isa.instructions import Engine

from .constants import Hardware
from .events import NEVER, Events

__all__ = ["EngineQueue", "Unit"]


class Unit(Protocol):
    """What executes the instructions of an engine."""

    @property
    def free(self) -> int:
        """First cycle in which the next instruction may start; NEVER while that is unknown."""

    @property
    def next_end(self) -> int:
        """End of the oldest instruction, as far as it is known."""

    def start(self, row: int, start: int) -> None:
        """Begin the instruction in `row` of the unit's table in the cycle `start`."""

    def finish(self, time: int) -> None:
        """Forget the oldest instruction, which ends in the cycle `time`."""


class EngineQueue:
    """The instructions of one engine, from its queue to their ends, in order.

    Parameters
    ----------
    config : Config
    hardware : Hardware
    engine : Engine
    unit : Unit
    events : Events, shared by all queues
    others : the queue of each engine, this one too
    """

    def __init__(
        self,
        config: Config,
        hardware: Hardware,
        engine: Engine,
        unit: Unit,
        events: Events,
        others: list["EngineQueue"],
    ) -> None:
        self._others = others
        self._hardware = hardware
        self._unit = unit
        # All queues work on the same lists.
        self._times = events.times
        self._dispatched, self._starts, self._ends = (
            events.dispatched,
            events.starts,
            events.ends,
        )
        self._pending = events.pending
        self._rows, self._engines = events.work.rows, events.work.engines
        self._givers, self._takers = events.work.givers, events.work.takers
        self._order = events.work.queues[engine]
        self._limit = hardware.issue_in_flight
        self._count = len(self._order)
        self._depth = (1 << max(1, (config.queue_depth - 1).bit_length())) + hardware.queue_extra
        self._start_slot = 1 + int(engine)
        self._end_slot = 1 + len(Engine) + int(engine)
        self._sent = self._begun = self._done = 0
        # Of the instructions inside: the end of a sync, -1 where the unit knows it.
        self._inside: deque[int] = deque()
        self._after = 0
        self._last_end = -1

    @property
    def room(self) -> bool:
        """Whether an instruction more fits."""
        return self._sent - self._begun < self._depth

    @property
    def oldest(self) -> int:
        """The oldest instruction that has not ended, -1 if there is none."""
        return self._order[self._done] if self._done < self._count else -1

    def push(self) -> None:
        """Take the next instruction from the decoder."""
        self._sent += 1
        if self._sent == self._begun + 1:
            self.wake()

    def wake(self) -> None:
        """Find when the next instruction starts, if all that it waits for is known."""
        begun = self._begun
        if begun == self._sent:
            return
        index = self._order[begun]
        if self._pending[index]:
            return
        # A sync does not wait for the unit.
        free = self._unit.free if self._rows[index] >= 0 else 0
        if free == NEVER or begun - self._done >= self._limit:
            return
        time = self._dispatched[index] + self._hardware.queue
        if time < free:
            time = free
        if time < self._after:
            time = self._after
        ends = self._ends
        for giver in self._givers[index]:
            if ends[giver] >= time:
                time = ends[giver] + self._hardware.token
        if begun >= self._limit:
            oldest = ends[self._order[begun - self._limit]]
            if time <= oldest:
                time = oldest + 1
        self._times[self._start_slot] = time

    def start(self, time: int) -> None:
        """Start the next instruction."""
        index = self._order[self._begun]
        self._starts[index] = time
        self._times[self._start_slot] = NEVER
        self._begun += 1
        self._after = time + 1
        row = self._rows[index]
        if row < 0:
            self._inside.append(time + self._hardware.sync)
        else:
            self._unit.start(row, time)
            self._inside.append(-1)
        if len(self._inside) == 1:
            self._expect()
        if self._begun != self._sent:
            self.wake()

    def finish(self, time: int) -> None:
        """End the oldest instruction and give its tokens."""
        index = self._order[self._done]
        self._ends[index] = time
        times = self._times
        times[self._end_slot] = NEVER
        self._done += 1
        self._last_end = time
        if self._inside.popleft() < 0:
            self._unit.finish(time)
        if self._inside:
            self._expect()
        if self._begun != self._sent and times[self._start_slot] == NEVER:
            self.wake()
        pending = self._pending
        for taker in self._takers[index]:
            pending[taker] -= 1
            if not pending[taker]:
                self._others[self._engines[taker]].wake()

    def refresh(self) -> None:
        """Look again at what the unit knows: others may have delayed it."""
        if self._inside and self._inside[0] < 0:
            self._expect()
        if self._times[self._start_slot] != NEVER:
            self.wake()

    def _expect(self) -> None:
        """Find when the oldest instruction ends."""
        end = self._inside[0]
        if end < 0:
            end = self._unit.next_end
        earliest = self._starts[self._order[self._done]] + self._hardware.sync
        if end < earliest:
            end = earliest
        if end <= self._last_end:
            end = self._last_end + 1
        self._times[self._end_slot] = end
