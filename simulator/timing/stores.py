"""The write side of the bus: stores, which read act after all other engines."""

from collections import deque
from dataclasses import dataclass

from isa.config import Config

from .banks import bank_walk
from .constants import Hardware
from .progress import Follower, Leader
from .transfers import Transfers

__all__ = ["StoreUnit"]

# Runs that are read ahead of those on the bus (store.RUNS_WAITING and three stages).
_RUNS_AHEAD = 7


@dataclass(slots=True)
class _Store:
    """A store whose answer has not come.

    Attributes
    ----------
    earliest : when its first beat can be on the bus, by itself
    reads : Follower, its reads of act; None once they are over
    last_beat : of its last beat, as far as it is known
    """

    earliest: int
    reads: Follower | None
    last_beat: float = 0.0


class StoreUnit:
    """Stores, one after the other; the next one begins while the last waits for its answers."""

    def __init__(self, config: Config, hardware: Hardware, latency: int, stores: Transfers) -> None:
        self._banks = config.act_banks
        self._hardware = hardware
        self._latency = latency
        self._costs = stores.rows()
        self._nests = stores.nests
        self._bases = stores.bases
        self._words = stores.words
        # The matrix and the vector instruction beside them.
        self._leaders: tuple[Leader, ...] = ()
        self._matrix: Leader | None = None
        self._vector: Leader | None = None
        self._flight: deque[_Store] = deque()
        self._addressed = -1.0
        self._sent = -1.0

    def start(self, row: int, start: int) -> int:
        """Begin store `row`; return when the next one may start."""
        hardware, window = self._hardware, self._hardware.writes_in_flight
        runs, bursts, _, work, _, _, last_bursts, _, _ = self._costs[row]
        each = work / bursts
        address = max(start + hardware.store_address, self._addressed + 1)
        rounds, rest = divmod(bursts - 1, window)
        period = max(window * each, self._latency + hardware.store_data + each)
        span = rounds * period + (rest + 1) * each
        walk = bank_walk(self._nests[row], 1, self._banks)
        reads = Follower(walk, self._bases[row], self._words[row], span, 0)
        store = _Store(int(address) + hardware.store_data, reads)
        self._flight.append(store)
        self._expect()
        first, pace = store.last_beat - span + 1, span / bursts
        self._addressed = address + bursts - 1
        if bursts > window:
            self._addressed = max(self._addressed, first + (bursts - window) * pace + self._latency)
        entered: float = start + runs
        ahead = bursts - last_bursts - 1
        if ahead >= 0:
            entered = max(entered, address + ahead - 2)
            if ahead >= window:
                entered = max(entered, first + (ahead - window + 1) * pace + self._latency - 2)
        if runs > _RUNS_AHEAD:
            entered = max(entered, first + (runs - _RUNS_AHEAD) * work / runs - 3)
        return int(entered) + hardware.store_gap

    def next_end(self) -> int:
        """Return the end of the oldest store, as far as it is known."""
        return int(self._flight[0].last_beat + 0.5) + self._latency

    def finish(self, time: int) -> None:
        """Forget the oldest store."""
        self._settle(time)
        self._flight.popleft()

    def beside_matrix(self, leader: Leader) -> bool:
        """Go on beside another matrix instruction; return whether that may move an end."""
        self._matrix = leader
        return self._beside_more(leader.begin)

    def beside_vector(self, leader: Leader) -> bool:
        """Go on beside a vector instruction that reads act; return whether that may move an end."""
        self._vector = leader
        return self._beside_more(leader.begin)

    @property
    def busy(self) -> bool:
        """Whether a store still reads, so that others can delay it."""
        return bool(self._flight) and self._flight[-1].reads is not None

    def _beside_more(self, begin: int) -> bool:
        busy = self.busy
        if busy:
            self._settle(begin)
        leaders = (self._matrix, self._vector)
        self._leaders = tuple(leader for leader in leaders if leader is not None)
        if busy:
            self._expect()
        return busy

    def _settle(self, until: float) -> None:
        """Let the reads go on up to the cycle `until`."""
        for store in self._flight:
            reads = store.reads
            if reads is None:
                continue
            reads.time = max(reads.time, store.earliest, self._sent + 1)
            if reads.time >= until:
                break
            reads.advance(self._leaders, until)
            if reads.done < reads.work:
                break
            self._sent = store.last_beat = reads.time - 1
            store.reads = None

    def _expect(self) -> None:
        """Find when the last beats are sent, if no other matrix instruction begins before."""
        sent = self._sent
        for store in self._flight:
            reads = store.reads
            if reads is None:
                continue
            reads.time = max(reads.time, store.earliest, sent + 1)
            store.last_beat = sent = reads.finish(self._leaders) - 1
