"""The read side of the bus, which loads and fetch share."""

from collections import deque

from isa.config import Config

from .banks import BankWalk, bank_walk, speed_beside
from .constants import Hardware
from .progress import Leader
from .transfers import TransferCost, Transfers

__all__ = ["LoadUnit"]

_NOTHING = (0,) * 9


class _Load:
    """A load in the engine: what it asks for, and when it is answered.

    Attributes
    ----------
    runs, bursts, work, tail, lead, last_bursts, lead_runs : as in Transfers
    beats : of the load, and of the instructions that were fetched in between
    earliest : when it can ask for its first burst, by itself
    begin : when it can make its first chunk, by itself
    after : its first burst, counted over all loads
    fetched : when what fetch asked for before has come
    asked, last_asked : when it asks for its first and its last burst
    arrive : when its first beat comes
    pace : cycles a burst
    end : cycle of its last chunk
    row : of the table
    lost : cycles that it waited for writes of the vector engine
    walk : BankWalk of act, once it was asked for
    """

    __slots__ = (
        *("after", "arrive", "asked", "beats", "begin", "bursts", "earliest", "end", "fetched"),
        *("last_asked", "last_bursts", "lead", "lead_runs", "lost", "pace", "row", "runs", "tail"),
        *("walk", "work"),
    )

    def __init__(
        self, cost: TransferCost, earliest: int, begin: int, after: int, fetched: int, row: int
    ) -> None:
        self.runs, self.bursts, self.beats, self.work, self.lead, self.tail = cost[:6]
        self.last_bursts, self.lead_runs = cost[6:8]
        self.earliest = earliest
        self.begin = begin
        self.after = after
        self.fetched: float = fetched
        self.row = row
        self.lost = 0.0
        self.walk: BankWalk | None = None
        self.asked = self.last_asked = self.end = -1.0
        self.arrive = self.pace = 0.0


class LoadUnit:
    """The reads in flight: which load's data flows when, and what fetch waits behind it.

    Bursts are answered in the order of their addresses. A load keeps at most `reads_in_flight` of
    them on their way; while it does, what fetch asks for waits for all of these, and each beat of
    fetch delays the load by one.

    Attributes
    ----------
    moved : bool, whether the last fetch or vector instruction delayed a load
    """

    def __init__(self, config: Config, hardware: Hardware, latency: int, loads: Transfers) -> None:
        self._in_act = loads.in_act
        self._nests = loads.nests
        self._bases = loads.bases
        self._costs = loads.rows()
        self._banks = config.act_banks
        self._hold = config.act_word_bytes // config.bus_bytes
        self._writer: Leader | None = None
        self._window = config.reads_in_flight
        self._hardware = hardware
        # From a burst that is asked for to its address, and to its first beat.
        self._request = hardware.load_address
        self._answer = hardware.load_address + latency
        self._latency = latency
        # Loads in flight, the one before them first, and those that may still own bursts.
        self._flight: deque[_Load] = deque([_Load(_NOTHING, 0, 0, 0, 0, 0)])
        self._recent: deque[_Load] = deque()
        self._bursts = 0
        self._fetched = -1
        self._free = 0
        self.moved = False

    def start(self, row: int, start: int) -> None:
        """Begin load `row`."""
        hardware, cost = self._hardware, self._costs[row]
        begin = start + cost[8]
        load = _Load(
            cost,
            begin + hardware.load_request,
            begin + hardware.load_align,
            self._bursts,
            self._fetched + 1,
            row,
        )
        self._bursts += load.bursts
        self._place(load, self._flight[-1])
        self._flight.append(load)
        if load.bursts:
            self._recent.append(load)

    def free(self) -> int:
        """Return the first cycle in which the next load may start."""
        flight = self._flight
        if len(flight) == 1:
            return self._free
        load = flight[-1]
        runs, bursts, window = load.runs, load.bursts, self._window
        entered: float = load.earliest + runs - 2
        if bursts:
            ahead = bursts - load.last_bursts - 1
            asked = self._asks(load, ahead) if ahead >= 0 else flight[-2].last_asked
            if asked > entered:
                entered = asked
        if runs > window + 2:
            entered = max(entered, load.end - (window + 2) * load.work / runs)
        return int(entered) + self._hardware.load_gap

    def next_end(self) -> int:
        """Return the end of the oldest load, as far as it is known."""
        return int(self._flight[1].end + 0.5) + self._hardware.load_write

    def finish(self) -> None:
        """Forget the oldest load, which ends."""
        if len(self._flight) == 2:
            self._free = self.free()
        self._flight.popleft()
        # No load in flight waits for what came so long ago.
        oldest = self._flight[0].after - self._window
        recent = self._recent
        while recent and recent[0].after + recent[0].bursts <= oldest:
            recent.popleft()

    def fetch(self, address: int, beats: int) -> int:
        """Read an instruction whose address is on the bus at `address`.

        Returns
        -------
        when its last beat comes
        """
        begin = address + self._latency
        if begin <= self._fetched:
            begin = self._fetched + 1
        moved = False
        if len(self._flight) > 1:
            room: float = self._window
            # What asks until then goes first.
            asked = address - self._request
            loads = iter(self._flight)
            before = next(loads)
            # Whether nothing but the amount of its data has changed.
            stretched = False
            for load in loads:
                if load.asked > asked:
                    # All that follow ask later still, and are answered after this.
                    if moved or load.arrive < begin + beats:
                        load.fetched = begin + beats
                        moved = True
                    else:
                        break
                elif load.bursts:
                    done = (address - load.arrive) / load.pace
                    if done < 0:
                        done = 0.0
                    ahead = load.bursts - done
                    if asked < load.last_asked:
                        ahead = min(ahead, asked - load.asked + 1 - done, room)
                        load.beats += beats
                        load.work += beats
                        stretched = not moved
                        moved = True
                    if ahead > 0:
                        room -= ahead
                        last = int(load.arrive + (done + ahead) * load.pace)
                        if last > begin:
                            begin = last
                if stretched:
                    self._stretch(load)
                    stretched = False
                elif moved:
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
        bursts = load.bursts
        if not bursts:
            load.asked = load.last_asked = before.last_asked
            load.arrive = begin
            load.end = begin + load.work - 1
            return
        lead = load.lead
        load.asked = asked = self._first_asked(load, before, begin)
        arrive = asked + self._answer
        if arrive < load.fetched:
            arrive = load.fetched
        if arrive < begin + lead:
            arrive = begin + lead
        load.arrive = arrive
        self._stretch(load)

    def _stretch(self, load: _Load) -> None:
        """Compute when the data of `load` has come, which begins to arrive when it did."""
        window, arrive, bursts, tail = self._window, load.arrive, load.bursts, load.tail
        span: float = load.work - load.lead - tail
        if span < load.beats:
            span = load.beats
        span += load.lost
        writer = self._writer
        if writer is not None and arrive < writer[3] and arrive + span > writer[2]:
            span += self._loses(load, writer, arrive + span)
        if bursts > window:
            each = span / bursts
            if self._answer + each > window * each:
                rounds, rest = divmod(bursts - 1, window)
                load.pace = (rounds * (self._answer + each) + (rest + 1) * each) / bursts
            else:
                load.pace = each
            load.end = arrive + load.pace * bursts - 1 + tail
            load.last_asked = self._asks(load, bursts - 1)
        else:
            load.pace = span / bursts
            load.end = arrive + span - 1 + tail
            load.last_asked = load.asked + bursts - 1

    def _first_asked(self, load: _Load, before: _Load, begin: float) -> float:
        """Return when `load` asks for its first burst; its first chunk can be made at `begin`."""
        asked: float = load.earliest
        window, lead_runs = self._window, load.lead_runs
        if asked <= before.last_asked:
            asked = before.last_asked + 1
        if lead_runs:
            asked = max(asked, load.earliest + lead_runs)
            if lead_runs > window:
                # The runs before it that do not exist fill the queue.
                share = 1 - (window + 1) / lead_runs
                asked = max(asked, begin + load.lead * share + 2)
        if load.after >= window and asked <= before.end:
            completed = self._completed(load.after - window)
            if completed >= asked:
                return completed + 1
        return asked

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
            if self.moved or (load.end > writer.begin and self._in_act[load.row]):
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
            if self._in_act[load.row]:
                load.lost += self._loses(load, writer._replace(end=time + 1), load.end)

    def _loses(self, load: _Load, writer: Leader, end: float) -> float:
        """Return the cycles that `load`, which ends at `end`, waits for `writer`."""
        begin = max(load.arrive, writer.begin)
        cycles = min(end, writer.end) - begin
        row = load.row
        if cycles <= 0 or not self._in_act[row]:
            return 0.0
        walk = load.walk
        if walk is None:
            walk = load.walk = bank_walk(self._nests[row], 1, self._banks)
        at, _ = writer.phase(begin)
        speed = speed_beside(writer.walk, at, writer.gap, walk, self._bases[row], 1, self._hold)
        return cycles * (1 - speed)

    def _asks(self, load: _Load, burst: int) -> float:
        """Return when `load` asks for `burst`."""
        asked = load.asked + burst
        if burst >= self._window:
            asked = max(asked, load.arrive + (burst - self._window + 1) * load.pace)
        return asked

    def _completed(self, burst: int) -> float:
        """Return when the burst, counted over all loads, has come."""
        recent = iter(self._recent)
        load = next(recent)
        while load.after + load.bursts <= burst:
            load = next(recent)
        return load.arrive + (burst - load.after + 1) * load.pace - 1
