"""How far an engine that can be refused has come, while others go first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .banks import BankWalk, Beside

__all__ = ["Follower", "Leader"]


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
        offsets = self.walk.offsets
        if len(offsets) == 1:
            return self.base, self.end
        cycles = self.walk.length * self.gap
        index = min(int((time - self.begin) / cycles), len(offsets) - 1)
        stop = self.begin + (index + 1) * cycles if index + 1 < len(offsets) else self.end
        return self.base + offsets[index], stop


@dataclass(slots=True)
class Follower:
    """An instruction that waits where a leader uses the bank it wants.

    Attributes
    ----------
    walk : BankWalk of act, or None if it does not use act
    base : int, first address
    iterations : int
    work : float, cycles for these, never refused
    time : float, up to which `done` holds
    acc_read, acc_write : int, mask of the acc banks it reads, writes
    done : float, of `work`
    """

    walk: BankWalk | None
    base: int
    iterations: int
    work: float
    time: float
    acc_read: int = 0
    acc_write: int = 0
    done: float = 0.0

    def advance(self, beside: Beside, leaders: Sequence[Leader], until: float) -> None:
        """Go on up to the cycle `until`, or to the end."""
        while self.time < until and self.done < self.work:
            speed, stop = 1.0, until
            met = False
            for leader in leaders:
                if self.time >= leader.end:
                    continue
                if self.time < leader.begin:
                    stop = min(stop, leader.begin)
                    continue
                at, change = leader.phase(self.time)
                speed *= self._speed(beside, leader, at)
                stop = min(stop, change, leader.end)
                met = True
            if met and speed > 0:
                stop = min(stop, self.time + self._phase_left() / speed)
            self._go(speed, stop)

    def finish(self, beside: Beside, leaders: Sequence[Leader]) -> float:
        """Return when its work is done, if no other leader comes."""
        if not any(leader.end > self.time and self._meets(leader) for leader in leaders):
            return self.time + self.work - self.done
        time, done = self.time, self.done
        self.advance(beside, leaders, float("inf"))
        end = self.time
        self.time, self.done = time, done
        return end

    def _meets(self, leader: Leader) -> bool:
        """Whether the two use a memory that both use."""
        if self.walk is not None:
            return True
        return bool((self.acc_read | self.acc_write) & leader.acc_banks)

    def _speed(self, beside: Beside, leader: Leader, at: int) -> float:
        """Return the share of its own speed beside `leader`."""
        share = 1.0
        if self.acc_read & leader.acc_banks:
            share -= leader.acc_read
        if self.acc_write & leader.acc_banks:
            share *= 1 - leader.acc_write
        walk = self.walk
        if walk is None:
            return share
        pace = self.work / self.iterations
        index = int(self.done / (walk.length * pace) + 1e-9)
        here = self.base + walk.offsets[min(index, len(walk.offsets) - 1)]
        pace = max(1, round(pace))
        return share * beside.speed(leader.walk, at, leader.gap, walk, here, pace, 1)

    def _phase_left(self) -> float:
        """Return the work that is left of the phase."""
        walk = self.walk
        if walk is None or len(walk.offsets) == 1:
            return self.work
        cycles = walk.length * self.work / self.iterations
        return (int(self.done / cycles + 1e-9) + 1) * cycles - self.done

    def _go(self, speed: float, until: float) -> None:
        """Go on at a share of full speed."""
        step = until - self.time
        if speed > 0 and self.done + step * speed >= self.work:
            self.time += (self.work - self.done) / speed
            self.done = self.work
        else:
            self.time = until
            self.done += step * speed
