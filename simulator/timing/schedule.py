"""When each instruction starts and ends: dispatch, queues, tokens and engines, event by event."""

from isa.config import Config
from isa.instructions import INSTRUCTION_BYTES, Engine

from ..errors import SimulatorError
from .banks import bank_walk
from .constants import NEVER, Hardware
from .loads import LoadUnit
from .progress import Leader
from .stores import StoreUnit
from .vectors import VectorUnit
from .work import Work

__all__ = ["Schedule"]

_LOAD, _MATRIX, _VECTOR, _STORE = (int(engine) for engine in Engine)
# Places in the list of the next events: a dispatch, the starts and the ends of the engines.
_START, _END = 1, 1 + len(Engine)


class Schedule:
    """Runs the instructions of `work` through decoder, queues, semaphores and engines.

    An event is a dispatch, a start or an end. Ends of matrix instructions, which nothing moves, are
    known when they start; all others may move until they come.

    Attributes
    ----------
    work : Work
    dispatched, starts, ends : list of int, a cycle for each instruction, counted from START
    """

    def __init__(self, config: Config, hardware: Hardware, latency: int, work: Work) -> None:
        count = len(work.engines)
        self._hardware = hardware
        self.work = work
        self.dispatched = [0] * count
        self.starts = [0] * count
        self.ends = [0] * count
        self._divisor = config.act_word_bytes // config.rows
        self._banks = config.act_banks
        self._beats = max(1, INSTRUCTION_BYTES // config.bus_bytes)
        self._depth = (1 << max(1, (config.queue_depth - 1).bit_length())) + hardware.queue_extra
        self._loads = LoadUnit(config, hardware, latency, work.loads)
        self._stores = StoreUnit(config, hardware, latency, work.stores)
        self._vectors = VectorUnit(config, hardware, work.vector, self._loads, self._stores)
        self._matrix = list(work.matrix.rows())
        # The cycle of each next event, NEVER while it is unknown.
        self._times = [NEVER] * (_END + len(Engine))
        # Of each engine: how many instructions have started and have ended; when its unit is free,
        # NEVER while that is unknown; when the last one ended.
        self._begun, self._done = [0] * len(Engine), [0] * len(Engine)
        self._free, self._last = [0] * len(Engine), [-1] * len(Engine)
        # How many instructions were dispatched to each engine; from when on an instruction may
        # start, but for its engine; when the instructions were read, in their order.
        self._sent = [0] * len(Engine)
        self._ready = [0] * count
        self._arrived: list[int] = []
        # The next to leave the decoder; the engine whose queue it waits for, -1 for none; and when
        # it would leave if that had room.
        self._coming = 0
        self._full = -1
        self._held = 0

    @property
    def lost(self) -> list[int]:
        """Cycles that each vector instruction waited for the matrix engine."""
        return self._vectors.lost

    def run(self) -> int:
        """Run all instructions; return the cycles to the end of the program.

        `woken` are the engines that may have learnt when their next instruction starts; `after` is
        for each the cycle after its last start; `pending` counts the tokens that an instruction
        still waits for, `ready` is when all else that it waits for has come.

        Raises
        ------
        SimulatorError
            The program waits for a token that never comes.
        """
        work, times, loads = self.work, self._times, self._loads
        engines, rows, queues, takers = work.engines, work.rows, work.queues, work.takers
        begun, done, free, sent = self._begun, self._done, self._free, self._sent
        starts, ends, ready, pending = self.starts, self.ends, self._ready, work.pending.copy()
        after, limit, token = (
            [0] * len(Engine),
            self._hardware.issue_in_flight,
            self._hardware.token,
        )
        self._fetch_first()
        while True:
            time = min(times)
            slot = times.index(time)
            woken: list[int] = []
            ended, end = -1, time
            if not slot:
                if time == NEVER:
                    return self._end()
                woken += self._dispatch(time)
                if loads.moved and self._move_loads():
                    woken.append(_LOAD)
            elif slot < _END:
                engine = slot - _START
                times[slot] = NEVER
                woken.append(engine)
                index = queues[engine][begun[engine]]
                starts[index], after[engine] = time, time + 1
                begun[engine] += 1
                # Its queue has room now.
                if engine == self._full:
                    times[0], self._full = max(self._held, time + 1), -1
                if engine == _MATRIX:
                    ended, end = index, self._start_matrix(rows[index], time)
                elif self._start(engine, rows[index], time):
                    woken.append(_LOAD)
            else:
                engine = slot - _END
                ended = queues[engine][done[engine]]
                if rows[ended] >= 0:
                    self._finish(engine, time)
                if engine == _VECTOR or begun[engine] - done[engine] == limit:
                    woken.append(engine)
                done[engine] += 1
                self._last[engine] = time
                self._expect(engine)
            if ended >= 0:
                ends[ended] = end
                for taker in takers[ended]:
                    if ready[taker] < end + token:
                        ready[taker] = end + token
                    pending[taker] -= 1
                    if not pending[taker]:
                        woken.append(engines[taker])
            for engine in woken:
                place, order = begun[engine], queues[engine]
                if place == sent[engine] or pending[order[place]] or place - done[engine] >= limit:
                    continue
                index = order[place]
                start = max(after[engine], ready[index])
                # A sync does not wait for the unit.
                if rows[index] >= 0:
                    start = max(start, free[engine] if engine else loads.free())
                # At most `limit` instructions are in flight.
                if place >= limit and start <= ends[order[place - limit]]:
                    start = ends[order[place - limit]] + 1
                times[_START + engine] = start

    def _fetch_first(self) -> None:
        """Ask for the first instructions."""
        hardware, loads = self._hardware, self._loads
        for place in range(min(hardware.fetch_ahead, len(self.work.engines))):
            self._arrived.append(loads.fetch(hardware.first_address + place, self._beats))
        if self._arrived:
            self._times[0] = self._arrived[0] + hardware.decode

    def _dispatch(self, time: int) -> tuple[int, ...]:
        """Hand the next instruction to its queue and ask for one more; return its engine."""
        hardware, loads, engines = self._hardware, self._loads, self.work.engines
        index, beats, arrived = self._coming, self._beats, self._arrived
        self.dispatched[index] = time
        if self._ready[index] < time + hardware.queue:
            self._ready[index] = time + hardware.queue
        engine = engines[index]
        if engine >= 0:
            self._sent[engine] += 1
        loads.moved = False
        if len(arrived) < len(engines):
            arrived.append(loads.fetch(time + hardware.fetch_request, beats))
        self._times[0] = NEVER
        self._coming = index = index + 1
        if index < len(engines):
            held = time + beats + hardware.decoder_gap
            if held < arrived[index] + hardware.decode:
                held = arrived[index] + hardware.decode
            following = engines[index]
            if following < 0 or self._sent[following] - self._begun[following] < self._depth:
                self._times[0] = held
            else:
                self._full, self._held = following, held
        return (engine,) if engine >= 0 else ()

    def _start(self, engine: int, row: int, time: int) -> bool:
        """Start an instruction of another engine than matrix.

        Returns
        -------
        whether the next load may start later than it was thought
        """
        moved = False
        if row >= 0:
            if engine == _LOAD:
                self._loads.start(row, time)
            elif engine == _STORE:
                self._free[_STORE] = self._stores.start(row, time)
            else:
                self._free[_VECTOR] = NEVER
                self._vectors.start(row, time)
                if self._stores.busy:
                    self._expect(_STORE)
                if self._loads.moved:
                    moved = self._move_loads()
        if self._begun[engine] - self._done[engine] == 1:
            self._expect(engine)
        return moved

    def _move_loads(self) -> bool:
        """Find when the oldest load ends now; return whether the start of the next was known."""
        self._expect(_LOAD)
        return self._times[_START + _LOAD] != NEVER

    def _start_matrix(self, row: int, time: int) -> int:
        """Start an instruction of the matrix engine, which nothing delays; return its end."""
        end = max(time + self._hardware.sync, self._last[_MATRIX] + 1)
        if row >= 0:
            cycles, nest, base, acc_banks, acc_read, acc_write = self._matrix[row]
            walk = bank_walk(nest, self._divisor, self._banks)
            free = self._free[_MATRIX] = time + cycles
            leader = Leader(walk, base, time + 1, free + 1, 1, acc_banks, acc_read, acc_write)
            if self._vectors.beside_matrix(leader):
                self._expect(_VECTOR)
            if self._stores.beside_matrix(leader):
                self._expect(_STORE)
            end = max(end, free + self._hardware.matrix_drain)
        self._last[_MATRIX] = end
        self._done[_MATRIX] += 1
        return end

    def _finish(self, engine: int, time: int) -> None:
        """End the oldest load, vector instruction or store."""
        if engine == _LOAD:
            self._loads.finish()
        elif engine == _VECTOR:
            self._free[_VECTOR] = self._vectors.finish(time)
        else:
            self._stores.finish(time)

    def _expect(self, engine: int) -> None:
        """Find when the oldest instruction of `engine` ends, if there is one."""
        done = self._done[engine]
        if done == self._begun[engine]:
            self._times[_END + engine] = NEVER
            return
        index = self.work.queues[engine][done]
        end = max(self.starts[index] + self._hardware.sync, self._last[engine] + 1)
        if self.work.rows[index] >= 0:
            if engine == _LOAD:
                known = self._loads.next_end()
            elif engine == _VECTOR:
                known = self._vectors.next_end
            else:
                known = self._stores.next_end()
            if known > end:
                end = known
        self._times[_END + engine] = end

    def _end(self) -> int:
        """Return when the program has ended, all of it."""
        queues = zip(self.work.queues, self._done, strict=True)
        stuck = [queue[done] for queue, done in queues if done < len(queue)]
        if stuck:
            raise SimulatorError(
                f"every instruction must end, but instruction {min(stuck)} waits for a token that "
                "never comes; its engine, or the one that should give it, waits for it in turn"
            )
        hardware = self._hardware
        decoded = max(self.dispatched, default=0) + hardware.end_decoded
        return max(max(self.ends, default=0) + hardware.last_end, decoded)
