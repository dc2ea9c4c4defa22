"""How far an engine that can be refused has come, while others go first."""

from .state import OFFSETS, Model
from .underway import NO_ACC, Follower, Leader
from .walks import speed_beside

__all__ = ["advance", "finish_time", "phase_at", "start_follower"]

FOREVER = 1e18
# A phase has begun this much before it is complete: rounding.
_ROUNDING = 1e-9


def start_follower(
    model: Model, follower: Follower, walk: int, base: int, iterations: int, work: float
) -> None:
    """Begin an instruction of so many cycles; `walk` is -1 if it does not use act."""
    pace = work / iterations
    follower.active = 1
    follower.walk = walk
    follower.base = base
    follower.pace = max(1.0, pace)
    follower.phase = model.walks[walk].length * pace if walk >= 0 else work
    follower.read_low = NO_ACC
    follower.write_low = NO_ACC
    follower.write_pace = 1.0
    follower.work = work
    follower.done = 0.0
    follower.time = 0.0


def phase_at(model: Model, leader: Leader, time: float) -> int:
    """Return the number of the leader's phase at `time`."""
    walk = model.walks[leader.walk]
    if walk.phases == 1:
        return 0
    return min(int((time - leader.begin) / (walk.length * leader.gap)), walk.phases - 1)


def _phase_end(model: Model, leader: Leader, phase: int) -> int:
    """Return when a phase of the leader ends."""
    walk = model.walks[leader.walk]
    if phase == walk.phases - 1:
        return leader.end
    return leader.begin + (phase + 1) * walk.length * leader.gap


def _shared_speed(
    model: Model, follower: Follower, leader: Leader, phase: int, done: float
) -> float:
    """Return the share of its own speed at which a follower goes beside a leader."""
    share = _acc_speed(follower.read_low, leader.acc_low, leader.acc_read, follower.pace)
    share *= _acc_speed(follower.write_low, leader.acc_low, leader.acc_write, follower.write_pace)
    if follower.walk < 0:
        return share
    at = leader.base + model.offsets[leader.walk * OFFSETS + phase]
    here = follower.base
    last = model.walks[follower.walk].phases - 1
    if last > 0:
        place = min(int(done / follower.phase + _ROUNDING), last)
        here += model.offsets[follower.walk * OFFSETS + place]
    return share * speed_beside(
        model, leader.walk, at, leader.gap, follower.walk, here, follower.pace, 1
    )


def _meets(low: float, other: float) -> bool:
    """Return whether two use the same bank of acc, by the shares of their words in the first."""
    return low != NO_ACC and (low * other > 0.0 or (1.0 - low) * (1.0 - other) > 0.0)


def _acc_speed(low: float, leader_low: float, share: float, pace: float) -> float:
    """Return the share of its own speed at which a follower uses acc.

    Parameters
    ----------
    low : share of its words that lie in the first bank, NO_ACC if it uses none
    leader_low, share : the same of the leader, and share of the cycles in which that uses acc
    pace : cycles from an access of the follower to the next one
    """
    if low == NO_ACC:
        return 1.0
    first = _bank_wait(low, leader_low * share)
    second = _bank_wait(1.0 - low, (1.0 - leader_low) * share)
    return pace / (pace + first + second)


def _bank_wait(used: float, taken: float) -> float:
    """Return how long an access waits for a bank, times the share of accesses `used` that do.

    Parameters
    ----------
    taken : share of cycles in which the bank is taken, whenever that is
    """
    if used == 0.0 or taken == 0.0:
        return 0.0
    return used * taken / (1.0 - taken) if taken < 1.0 else FOREVER


def _phase_left(model: Model, follower: Follower, done: float) -> float:
    """Return the work that is left of the follower's phase."""
    if follower.walk < 0 or model.walks[follower.walk].phases == 1:
        return follower.work
    return (int(done / follower.phase + _ROUNDING) + 1) * follower.phase - done


def advance(model: Model, follower: Follower, leaders: int, until: float) -> None:
    """Go on beside the first `leaders` leaders up to the cycle `until`, or to the end."""
    time, done, work = follower.time, follower.done, follower.work
    while time < until and done < work:
        speed = 1.0
        stop = until
        met = False
        for place in range(leaders):
            leader = model.leaders[place]
            if time >= leader.end:
                continue
            if time < leader.begin:
                stop = min(stop, leader.begin)
                continue
            phase = phase_at(model, leader, time)
            speed *= _shared_speed(model, follower, leader, phase, done)
            stop = min(stop, _phase_end(model, leader, phase), leader.end)
            met = True
        if met and speed > 0.0:
            stop = min(stop, time + _phase_left(model, follower, done) / speed)
        step = stop - time
        if speed > 0.0 and done + step * speed >= work:
            time += (work - done) / speed
            done = work
            break
        time = stop
        done += step * speed
    follower.time = time
    follower.done = done


def finish_time(model: Model, follower: Follower, leaders: int) -> float:
    """Return when its work is done, if no other leader comes."""
    time, done = follower.time, follower.done
    for place in range(leaders):
        leader = model.leaders[place]
        if leader.end > time and (
            follower.walk >= 0
            or _meets(follower.read_low, leader.acc_low)
            or _meets(follower.write_low, leader.acc_low)
        ):
            advance(model, follower, leaders, FOREVER)
            end = follower.time
            follower.time = time
            follower.done = done
            return end
    return time + follower.work - done
