"""The matrix and the vector engine: the first is served first at every memory they share."""

from collections import deque

from isa.config import Config

from .banks import Beside, Walks
from .constants import Hardware
from .events import NEVER
from .loads import LoadUnit
from .nests import MatrixNests, VectorNests
from .progress import Follower, Leader
from .stores import StoreUnit

__all__ = ["MatrixUnit", "VectorUnit"]


class VectorUnit:
    """One vector instruction at a time, delayed by the matrix instructions beside it.

    Attributes
    ----------
    lost : list of int, cycles that each vector instruction waited for the matrix engine
    """

    def __init__(
        self,
        config: Config,
        hardware: Hardware,
        vector: VectorNests,
        beside: Beside,
        walks: Walks,
        loads: LoadUnit,
        stores: StoreUnit,
    ) -> None:
        self._loads = loads
        self._stores = stores
        self._config = config
        self._hardware = hardware
        self._vector = vector
        self._beside = beside
        self._walks = walks
        self._divisor = config.act_word_bytes // config.columns
        self._leaders: tuple[Leader, ...] = ()
        self._follower: Follower | None = None
        self._tail = 0
        self._row = self._start = 0
        self.free = 0
        self.next_end = NEVER
        self.lost = [0] * len(vector.work)

    def start(self, row: int, start: int) -> None:
        """Begin vector instruction `row`."""
        vector, hardware, config = self._vector, self._hardware, self._config
        self.free = NEVER
        self._row, self._start = row, start
        self._tail = hardware.vector_pipe - 1
        if vector.requantize[row]:
            self._tail += hardware.requantize_pipe + config.columns // config.requantize_lanes
        nest = vector.nests[row]
        walk = self._walks.find(nest, self._divisor) if nest else None
        self._follower = Follower(
            walk=walk,
            base=vector.bases[row],
            iterations=vector.iterations[row],
            work=vector.work[row],
            time=start + 1,
            acc_read=vector.acc_read[row],
            acc_write=vector.acc_write[row],
        )
        self._expect()
        work, begin, end = vector.work[row], start + 1, self.next_end + 1
        if walk is not None:
            gap = max(1, round(work / vector.iterations[row]))
            self._stores.beside_vector(Leader(walk, vector.bases[row], begin, end, gap))
        output = vector.outputs[row]
        if output:
            walk = self._walks.find(output, self._divisor)
            begin += self._tail
            gap = vector.paces[row]
            self._loads.beside_vector(Leader(walk, vector.output_bases[row], begin, end, gap))

    def finish(self, time: int) -> None:
        """End the instruction."""
        self.lost[self._row] = time - self._start - self._vector.work[self._row] - self._tail
        self._follower = None
        if self._vector.outputs[self._row]:
            self._loads.after_vector(time)
        self.free = time + self._hardware.vector_gap

    def beside_matrix(self, leader: Leader) -> None:
        """Go on beside another matrix instruction, which begins."""
        follower = self._follower
        if follower is not None and follower.time < leader.begin:
            follower.advance(self._beside, self._leaders, leader.begin)
        self._leaders = (leader,)
        if follower is not None:
            self._expect()

    def _expect(self) -> None:
        """Find when the instruction ends, if no other matrix instruction begins before."""
        follower = self._follower
        if follower is not None:
            last = follower.finish(self._beside, self._leaders)
            self.next_end = int(last + 0.5) - 1 + self._tail


class MatrixUnit:
    """Matrix instructions, back to back; nothing delays them, they delay the `followers`."""

    def __init__(
        self,
        config: Config,
        hardware: Hardware,
        matrix: MatrixNests,
        walks: Walks,
        followers: tuple[VectorUnit, StoreUnit],
    ) -> None:
        self._hardware = hardware
        self._matrix = matrix
        self._walks = walks
        self._divisor = config.act_word_bytes // config.rows
        self._followers = followers
        self._ends: deque[int] = deque()
        self.free = 0

    def start(self, row: int, start: int) -> None:
        """Begin matrix instruction `row`."""
        matrix = self._matrix
        self.free = start + matrix.cycles[row]
        self._ends.append(self.free + self._hardware.matrix_drain)
        leader = Leader(
            walk=self._walks.find(matrix.nests[row], self._divisor),
            base=matrix.bases[row],
            begin=start + 1,
            end=self.free + 1,
            acc_banks=matrix.acc_banks[row],
            acc_read=matrix.acc_read[row],
            acc_write=matrix.acc_write[row],
        )
        for unit in self._followers:
            unit.beside_matrix(leader)

    @property
    def next_end(self) -> int:
        """End of the oldest instruction."""
        return self._ends[0]

    def finish(self, time: int) -> None:
        """Forget the oldest instruction."""
        self._ends.popleft()
