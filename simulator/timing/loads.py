"""The read side of the bus, which loads and fetch share."""

from collections import deque
from dataclasses import dataclass

from isa.config import Config

from .banks import BankWalk, Beside, Walks
from .constants import Hardware
from .progress import Leader
from .transfers import Transfers

__all__ = ["LoadUnit"]


@dataclass(slots=True)
class _Load:
    """A load in the engine: what it asks for, and when it is answered.

    Attributes
    ----------
    runs, bursts, work, lead, tail, last_bursts, lead_runs : as in Transfers
    beats : of the load, and of the instructions that were fetched in between
    earliest : when it can ask for its first burst, by itself
    begin : when it can make its first chunk, by itself
    after : its first burst, counted over all loads
    asked, last_asked : when it asks for its first and its last burst
    arrive : when its first beat comes
    pace : cycles a burst
    end : cycle of its last chunk
    row : of the table
    lost : cycles that it waited for writes of the vector engine
    walk : BankWalk of act, once it was asked for
    """

    runs: int
    bursts: int
    work: int
    lead: int
    tail: int
    last_bursts: int
    lead_runs: int
    beats: int
    earliest: int
    begin: int
    after: int
    fetched: int = 0
    asked: float = 0.0
    last_asked: float = 0.0
    arrive: float = 0.0
    pace: float = 0.0
    end: float = -1.0
    row: int = 0
    lost: float = 0.0
    walk: BankWalk | None = None


def _nothing() -> _Load:
    """Return what stands for the load before the first."""
    nothing = (0,) * 11
    load = _Load(*nothing)
    load.asked = load.last_asked = -1.0
    return load


class LoadUnit:
    """The reads in flight: which load's data flows when, and what fetch waits behind it.

    Bursts are answered in the order of their addresses. A load keeps at most `reads_in_flight` of
    them on their way; while it does, what fetch asks for waits for all of these, and each beat of
    fetch delays the load by one.

    Attributes
    ----------
    moved : bool, whether the last fetch or vector instruction delayed a load
    """

    def __init__(
        self,
        config: Config,
        hardware: Hardware,
        latency: int,
        loads: Transfers,
        beside: Beside,
        walks: Walks,
    ) -> None:
        self._loads = loads
        self._beside = beside
        self._walks = walks
        self._hold = config.act_word_bytes // config.bus_bytes
        self._writer: Leader | None = None
        self._window = config.reads_in_flight
        self._hardware = hardware
        # From a burst that is asked for to its first beat.
        self._answer = hardware.load_address + latency
        self._latency = latency
        self._costs = loads.rows()
        # Loads in flight, the one before them first, and those that may still own bursts.
        self._flight: deque[_Load] = deque([_nothing()])
        self._recent: deque[_Load] = deque()
        self._bursts = 0
        self._fetched = -1
        self._free = 0
        self.moved = False

    def start(self, row: int, start: int) -> None:
        """Begin load `row`."""
        hardware = self._hardware
        runs, bursts, beats, work, lead, tail, last_bursts, lead_runs, skip = self._costs[row]
        load = _Load(
            runs=runs,
            bursts=bursts,
            work=work,
            lead=lead,
            tail=tail,
            last_bursts=last_bursts,
            lead_runs=lead_runs,
            beats=beats,
            earliest=start + hardware.load_request + skip,
            begin=start + hardware.load_align + skip,
            after=self._bursts,
            fetched=self._fetched + 1,
            row=row,
        )
        self._bursts += bursts
        self._place(load, self._flight[-1])
        self._flight.append(load)
        if bursts:
            self._recent.append(load)

    @property
    def free(self) -> int:
        """First cycle in which the next load may start."""
        if len(self._flight) == 1:
            return self._free
        load, before = self._flight[-1], self._flight[-2]
        entered: float = load.earliest + load.runs - 2
        if load.bursts:
            ahead = load.bursts - load.last_bursts - 1
            entered = max(entered, self._asks(load, ahead) if ahead >= 0 else before.last_asked)
        if load.runs > self._window + 2:
            entered = max(entered, load.end - (self._window + 2) * load.work / load.runs)
        return int(entered) + self._hardware.load_gap

    @property
    def next_end(self) -> int:
        """End of the oldest load."""
        return int(self._flight[1].end + 0.5) + self._hardware.load_write

    def finish(self, time: int) -> None:
        """Forget the oldest load."""
        self._free = self.free
        self._flight.popleft()

    def fetch(self, address: int, beats: int) -> int:
        """Read an instruction whose address is on the bus at `address`.

        Returns
        -------
        when its last beat comes
        """
        request = self._hardware.load_address
        begin = max(address + self._latency, self._fetched + 1)
        room: float = self._window
        loads = iter(self._flight)
        before = next(loads)
        moved = False
        for load in loads:
            if load.asked + request > address:
                # All that follow ask later still, and are answered after this.
                if moved or load.arrive < begin + beats:
                    load.fetched = begin + beats
                    self._place(load, before)
                    moved = True
                else:
                    break
            elif load.bursts:
                done = (address - load.arrive) / load.pace
                if done < 0:
                    done = 0.0
                ahead = load.bursts - done
                if address < load.last_asked + request:
                    ahead = min(ahead, address - load.asked - request + 1 - done, room)
                    load.beats += beats
                    load.work += beats
                    moved = True
                if ahead > 0:
                    room -= ahead
                    last = int(load.arrive + (done + ahead) * load.pace)
                    if last > begin:
                        begin = last
            if moved:
                self._place(load, before)
            before = load
        self._fetched = begin + beats - 1
        self.moved = moved
        return self._fetched

    def _place(self, load: _Load, before: _Load) -> None:
        """Compute when `load` asks and when it is answered."""
        begin = before.end + 1
        if begin < load.begin:
            begin = load.begin
        if not load.bursts:
            load.asked = load.last_asked = before.last_asked
            load.arrive = begin
            load.end = begin + load.work - 1
            return
        asked: float = load.earliest
        window = self._window
        if asked <= before.last_asked:
            asked = before.last_asked + 1
        if load.lead_runs:
            asked = max(asked, load.earliest + load.lead_runs)
            if load.lead_runs > window:
                # The runs before it that do not exist fill the queue.
                share = 1 - (window + 1) / load.lead_runs
                asked = max(asked, begin + load.lead * share + 2)
        if load.after >= window and asked <= before.end:
            completed = self._completed(load.after - window)
            if completed >= asked:
                asked = completed + 1
        load.asked = asked
        arrive = asked + self._answer
        if arrive < load.fetched:
            arrive = load.fetched
        if arrive < begin + load.lead:
            arrive = begin + load.lead
        load.arrive = arrive
        bursts, span = load.bursts, float(load.work - load.lead - load.tail)
        if span < load.beats:
            span = load.beats
        span += load.lost
        writer = self._writer
        if writer is not None and arrive < writer.end and arrive + span > writer.begin:
            span += self._loses(load, writer, arrive + span)
        if bursts > window:
            each = span / bursts
            if self._answer + each > window * each:
                rounds, rest = divmod(bursts - 1, window)
                load.pace = (rounds * (self._answer + each) + (rest + 1) * each) / bursts
            else:
                load.pace = each
            load.end = arrive + load.pace * bursts - 1 + load.tail
            load.last_asked = self._asks(load, bursts - 1)
        else:
            load.pace = span / bursts
            load.end = arrive + span - 1 + load.tail
            load.last_asked = asked + bursts - 1

    def beside_vector(self, writer: Leader) -> None:
        """Go on beside a vector instruction that begins to write act."""
        self._writer = writer
        self.moved = False
        flight = self._flight
        if len(flight) == 1 or flight[-1].end < writer.begin:
            return
        loads = iter(flight)
        before = next(loads)
        for load in loads:
            if self.moved or (load.end > writer.begin and self._loads.in_act[load.row]):
                self._place(load, before)
                self.moved = True
            before = load

    def after_vector(self, time: int) -> None:
        """Go on when that instruction has ended."""
        writer, self._writer = self._writer, None
        if writer is None or len(self._flight) == 1:
            return
        loads = iter(self._flight)
        next(loads)
        for load in loads:
            if load.arrive > time:
                break
            if self._loads.in_act[load.row]:
                load.lost += self._loses(load, writer._replace(end=time + 1), load.end)

    def _loses(self, load: _Load, writer: Leader, end: float) -> float:
        """Return the cycles that `load`, which ends at `end`, waits for `writer`."""
        begin = max(load.arrive, writer.begin)
        cycles = min(end, writer.end) - begin
        if cycles <= 0 or not self._loads.in_act[load.row]:
            return 0.0
        walk = load.walk
        if walk is None:
            walk = load.walk = self._walks.find(self._loads.nests[load.row], 1)
        at, _ = writer.phase(begin)
        base = self._loads.bases[load.row]
        speed = self._beside.speed(writer.walk, at, writer.gap, walk, base, 1, self._hold)
        return cycles * (1 - speed)

    def _asks(self, load: _Load, burst: int) -> float:
        """Return when `load` asks for `burst`."""
        asked = load.asked + burst
        if burst >= self._window:
            asked = max(asked, load.arrive + (burst - self._window + 1) * load.pace)
        return asked

    def _completed(self, burst: int) -> float:
        """Return when the burst, counted over all loads, has come."""
        recent = self._recent
        while recent[0].after + recent[0].bursts <= burst:
            recent.popleft()
        load = recent[0]
        return load.arrive + (burst - load.after + 1) * load.pace - 1
