"""How far an engine that can be refused has come, while others go first."""

from collections.abc import Sequence
from typing import NamedTuple

from .banks import BankWalk, speed_beside

__all__ = ["Follower", "Leader"]

_INFINITY = float("inf")


class Leader(NamedTuple):
    """An instruction that is served first at the banks of act and, a matrix one, of acc.

    Attributes
    ----------
    walk : BankWalk of act
    base : int, first address
    begin, end : int, its first cycle and the one after its last
    gap : int, cycles of an iteration
    acc_banks : int, mask of the acc banks it uses
    acc_read, acc_write : float, share of cycles with an access
    """

    walk: BankWalk
    base: int
    begin: int
    end: int
    gap: int = 1
    acc_banks: int = 0
    acc_read: float = 0.0
    acc_write: float = 0.0

    def phase(self, time: float) -> tuple[int, float]:
        """Return the first address of the phase at `time`, and when the next phase begins."""
        walk, base, begin, end, gap, _, _, _ = self
        offsets = walk.offsets
        last = len(offsets) - 1
        if not last:
            return base, end
        cycles = walk.length * gap
        index = int((time - begin) / cycles)
        if index < last:
            return base + offsets[index], begin + (index + 1) * cycles
        return base + offsets[last], end


class Follower:
    """An instruction that waits where a leader uses the bank it wants.

    Parameters
    ----------
    walk : BankWalk of act, or None if it does not use act
    base : int, first address
    iterations : int
    work : float, cycles for these, never refused
    time : float, its first cycle
    acc_read, acc_write : int, mask of the acc banks it reads, writes

    Attributes
    ----------
    time : float, up to which `done` holds
    done : float, of `work`
    work : float
    pace : int, cycles of an iteration, rounded
    """

    __slots__ = (
        *("_acc_banks", "_acc_read", "_acc_write", "_base", "_phase", "_walk"),
        *("done", "pace", "time", "work"),
    )

    def __init__(
        self,
        walk: BankWalk | None,
        base: int,
        iterations: int,
        work: float,
        time: float,
        acc_read: int = 0,
        acc_write: int = 0,
    ) -> None:
        pace = work / iterations
        self._walk = walk
        self._base = base
        self.pace = max(1, round(pace))
        # Cycles of a phase, never refused.
        self._phase = walk.length * pace if walk is not None else work
        self._acc_read = acc_read
        self._acc_write = acc_write
        self._acc_banks = acc_read | acc_write
        self.work = work
        self.time = time
        self.done = 0.0

    def advance(self, leaders: Sequence[Leader], until: float) -> None:
        """Go on up to the cycle `until`, or to the end."""
        self.time, self.done = self._go(leaders, until)

    def finish(self, leaders: Sequence[Leader]) -> float:
        """Return when its work is done, if no other leader comes."""
        walk, time = self._walk, self.time
        for leader in leaders:
            if leader[3] > time and (walk is not None or self._acc_banks & leader[5]):
                return self._go(leaders, _INFINITY)[0]
        return time + self.work - self.done

    def _go(self, leaders: Sequence[Leader], until: float) -> tuple[float, float]:
        """Return the time and the work done when it has gone on up to the cycle `until`."""
        time, done, work = self.time, self.done, self.work
        while time < until and done < work:
            speed, stop = 1.0, until
            met = False
            for leader in leaders:
                begin, end = leader[2], leader[3]
                if time >= end:
                    continue
                if time < begin:
                    stop = min(stop, begin)
                    continue
                at, change = leader.phase(time)
                speed *= self._speed(leader, at, done)
                stop = min(stop, change, end)
                met = True
            if met and speed > 0:
                stop = min(stop, time + self._phase_left(done) / speed)
            step = stop - time
            if speed > 0 and done + step * speed >= work:
                return time + (work - done) / speed, work
            time = stop
            done += step * speed
        return time, done

    def _speed(self, leader: Leader, at: int, done: float) -> float:
        """Return the share of its own speed beside `leader`."""
        first, _, _, _, gap, acc_banks, acc_read, acc_write = leader
        share = 1.0
        if self._acc_read & acc_banks:
            share -= acc_read
        if self._acc_write & acc_banks:
            share *= 1 - acc_write
        walk = self._walk
        if walk is None:
            return share
        here = self._base
        last = len(walk.offsets) - 1
        if last:
            here += walk.offsets[min(int(done / self._phase + 1e-9), last)]
        return share * speed_beside(first, at, gap, walk, here, self.pace, 1)

    def _phase_left(self, done: float) -> float:
        """Return the work that is left of the phase."""
        walk, phase = self._walk, self._phase
        if walk is None or len(walk.offsets) == 1:
            return self.work
        return (int(done / phase + 1e-9) + 1) * phase - done
