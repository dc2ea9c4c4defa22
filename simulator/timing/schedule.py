"""When each instruction starts and ends: dispatch, queues, tokens and engines, event by event."""

from collections import deque

from isa.config import Config
from isa.instructions import INSTRUCTION_BYTES, Engine

from ..errors import SimulatorError
from .banks import Beside, Walks
from .constants import Hardware
from .engine import EngineQueue, Unit
from .events import NEVER, Events
from .lanes import MatrixUnit, VectorUnit
from .loads import LoadUnit
from .stores import StoreUnit
from .work import Work

__all__ = ["Schedule"]


class Schedule:
    """Runs the instructions of `work` through decoder, queues, semaphores and engines.

    Attributes
    ----------
    events : Events, when each instruction was dispatched, started and ended
    """

    def __init__(self, config: Config, hardware: Hardware, latency: int, work: Work) -> None:
        self._hardware = hardware
        self._work = work
        self._beats = max(1, INSTRUCTION_BYTES // config.bus_bytes)
        self.events = events = Events(work)
        beside, walks = Beside(), Walks(config.act_banks)
        self._reads = LoadUnit(config, hardware, latency, work.loads, beside, walks)
        stores = StoreUnit(config, hardware, latency, work.stores, beside, walks)
        self._vector = VectorUnit(config, hardware, work.vector, beside, walks, self._reads, stores)
        followers = (self._vector, stores)
        matrix = MatrixUnit(config, hardware, work.matrix, walks, followers)
        units: tuple[Unit, ...] = (self._reads, matrix, self._vector, stores)
        self._queues: list[EngineQueue] = []
        for engine, unit in zip(Engine, units, strict=True):
            queue = EngineQueue(config, hardware, engine, unit, events, self._queues)
            self._queues.append(queue)
        self._next = 0
        # When the last beats of the instructions that were asked for come.
        self._arrived: deque[int] = deque()
        # When the next instruction could leave the decoder, but for a full queue.
        self._blocked = NEVER

    def run(self) -> int:
        """Run all instructions; return the cycles to the end of the program.

        Raises
        ------
        SimulatorError
            The program waits for a token that never comes.
        """
        hardware, times = self._hardware, self.events.times
        for ahead in range(min(hardware.fetch_ahead, len(self._work.engines))):
            self._arrived.append(self._reads.fetch(hardware.first_address + ahead, self._beats))
        self._offer(0)
        handlers = [self._dispatch]
        handlers += [queue.start for queue in self._queues]
        handlers += [queue.finish for queue in self._queues]
        load, _, vector, store = self._queues
        engines = len(self._queues)
        matrix_starts, vector_starts = 1 + int(Engine.MATRIX), 1 + int(Engine.VECTOR)
        while True:
            time = min(times)
            if time == NEVER:
                break
            slot = times.index(time)
            handlers[slot](time)
            if 0 < slot <= engines:
                if slot == matrix_starts:
                    vector.refresh()
                    store.refresh()
                elif slot == vector_starts:
                    store.refresh()
                    if self._reads.moved:
                        load.refresh()
                if self._blocked != NEVER:
                    self._offer(max(self._blocked, time + 1))
        return self._end()

    @property
    def lost(self) -> list[int]:
        """Cycles that each vector instruction waited for the matrix engine."""
        return self._vector.lost

    def _offer(self, earliest: int) -> None:
        """Find when the next instruction leaves the decoder, if its queue has room."""
        index = self._next
        if index == len(self._work.engines):
            return
        time = max(earliest, self._arrived[0] + self._hardware.decode)
        engine = self._work.engines[index]
        if engine >= 0 and not self._queues[engine].room:
            self._blocked = time
            return
        self._blocked = NEVER
        self.events.times[0] = time

    def _dispatch(self, time: int) -> None:
        """Hand the next instruction to its queue, and ask for one more."""
        hardware, index = self._hardware, self._next
        self._next += 1
        self.events.dispatched[index] = time
        self.events.times[0] = NEVER
        self._arrived.popleft()
        if index + hardware.fetch_ahead < len(self._work.engines):
            self._arrived.append(self._reads.fetch(time + hardware.fetch_request, self._beats))
            if self._reads.moved:
                self._queues[Engine.LOAD].refresh()
        engine = self._work.engines[index]
        if engine >= 0:
            self._queues[engine].push()
        self._offer(time + self._beats + hardware.decoder_gap)

    def _end(self) -> int:
        """Return when the program has ended, all of it."""
        stuck = [queue.oldest for queue in self._queues if queue.oldest >= 0]
        if stuck:
            raise SimulatorError(
                f"every instruction must end, but instruction {min(stuck)} waits for a token that "
                "never comes; its engine, or the one that should give it, waits for it in turn"
            )
        events, hardware = self.events, self._hardware
        decoded = max(events.dispatched, default=0) + hardware.end_decoded
        return max(max(events.ends, default=0) + hardware.last_end, decoded)
