"""The vector engine, which the matrix engine delays and which delays loads and stores."""

from isa.config import Config

from .banks import bank_walk
from .constants import NEVER, Hardware
from .loads import LoadUnit
from .nests import VectorNests
from .progress import Follower, Leader
from .stores import StoreUnit

__all__ = ["VectorUnit"]


class VectorUnit:
    """One vector instruction at a time, delayed by the matrix instructions beside it.

    Attributes
    ----------
    next_end : int, end of the instruction, as far as it is known; NEVER if there was none
    lost : list of int, cycles that each vector instruction waited for the matrix engine
    """

    def __init__(
        self,
        config: Config,
        hardware: Hardware,
        vector: VectorNests,
        loads: LoadUnit,
        stores: StoreUnit,
    ) -> None:
        self._loads = loads
        self._stores = stores
        self._banks = config.act_banks
        self._divisor = config.act_word_bytes // config.columns
        self._gap = hardware.vector_gap
        self._rows = list(vector.rows())
        plain = hardware.vector_pipe - 1
        groups = config.columns // config.requantize_lanes
        # Cycles from the last read to the end, requantised or not.
        self._tails = (plain, plain + hardware.requantize_pipe + groups)
        self._leaders: tuple[Leader, ...] = ()
        self._follower: Follower | None = None
        self._tail = self._row = self._start = self._work = 0
        self._writes = False
        self.next_end = NEVER
        self.lost = [0] * len(self._rows)

    def start(self, row: int, start: int) -> None:
        """Begin vector instruction `row`."""
        iterations, work, requantize, nest, base, output, into, gap, reads, writes = self._rows[row]
        begin = start + 1
        walk = bank_walk(nest, self._divisor, self._banks) if nest else None
        follower = Follower(walk, base, iterations, work, begin, reads, writes)
        tail = self._tails[requantize]
        self._follower, self._tail, self._work = follower, tail, work
        self._row, self._start, self._writes = row, start, bool(output)
        self._expect(follower)
        end = self.next_end + 1
        if walk is not None:
            self._stores.beside_vector(Leader(walk, base, begin, end, follower.pace))
        if output:
            walk = bank_walk(output, self._divisor, self._banks)
            self._loads.beside_vector(Leader(walk, into, begin + tail, end, gap))

    def finish(self, time: int) -> int:
        """End the instruction; return when the next one may start."""
        self.lost[self._row] = time - self._start - self._work - self._tail
        self._follower = None
        if self._writes:
            self._loads.after_vector(time)
        return time + self._gap

    def beside_matrix(self, leader: Leader) -> bool:
        """Go on beside another matrix instruction; return whether that may move the end."""
        follower = self._follower
        if follower is None:
            self._leaders = (leader,)
            return False
        if follower.time < leader.begin:
            follower.advance(self._leaders, leader.begin)
        self._leaders = (leader,)
        self._expect(follower)
        return True

    def _expect(self, follower: Follower) -> None:
        """Find when the instruction ends, if no other matrix instruction begins before."""
        self.next_end = int(follower.finish(self._leaders) + 0.5) - 1 + self._tail
