"""Who waits for whom at the banks of act: the speed of a walk beside another.

A loop nest is cut into at most a few phases. Within a phase it repeats a short pattern of banks;
two patterns meet as often as some simulated accesses say.
"""

from .state import OFFSETS, REMEMBERED, SAMPLES, Model

__all__ = ["add_level", "begin_walk", "speed_beside"]

# Cycles of a phase at least, phases of a nest at most.
_PHASE_CYCLES = 32
_PHASES = 8
# Accesses so far apart cost the other one next to nothing.
_LONGEST_GAP = 32
# Parts of a cycle that make a pace another one.
_FINE = 16
# Keys are numbers below the modulus, which native arithmetic holds with a factor and a term.
_MODULUS = (1 << 41) - 21
_FACTOR = 1_000_003


def begin_walk(model: Model, slot: int, total: int, shift: int) -> None:
    """Begin walk `slot`, of `total` iterations; its levels follow, the innermost first.

    Parameters
    ----------
    shift : addresses of a word, log2
    """
    walk = model.walks[slot]
    walk.count = 1
    walk.length = 1
    walk.phases = 1
    walk.shift = shift
    walk.mask = (model.shape.banks << shift) - 1
    walk.key = walk.mask
    walk.enough = max(_PHASE_CYCLES, total // _PHASES)
    model.patterns[slot * SAMPLES] = 0
    model.offsets[slot * OFFSETS] = 0


def add_level(model: Model, slot: int, size: int, step: int) -> None:
    """Add a level around those of a walk."""
    if size == 1:
        return
    walk = model.walks[slot]
    jump = step & walk.mask
    walk.key = (walk.key * _FACTOR + (size << 20) + jump) % _MODULUS
    if walk.phases == 1 and (walk.length < walk.enough or jump == 0):
        walk.count = _repeat(
            model.patterns, slot * SAMPLES, walk.count, min(size, SAMPLES), SAMPLES, jump, walk.mask
        )
        walk.length *= size
    else:
        walk.phases = _repeat(
            model.offsets, slot * OFFSETS, walk.phases, size, OFFSETS, jump, walk.mask
        )


def _repeat(
    values: list[int], begin: int, count: int, size: int, limit: int, jump: int, mask: int
) -> int:
    """Repeat `count` values until there are `size` times as many; return how many there are."""
    wanted = min(count * size, limit)
    for place in range(begin + count, begin + wanted):
        values[place] = (values[place - count] + jump) & mask
    return wanted


def speed_beside(
    model: Model, first: int, at: int, gap: int, second: int, here: int, pace: float, hold: int
) -> float:
    """Return the share of its own speed, 0..1, at which a walk goes beside one that goes first.

    Parameters
    ----------
    first, second : places of the walk that is served first, and of the other
    at, here : first addresses of their phases
    gap : cycles of an iteration of `first`; in the first of them it makes its access
    pace : cycles of an access of `second`
    hold : accesses of `second` at each of its addresses
    """
    if gap > _LONGEST_GAP:
        return 1.0
    leader, follower = model.walks[first], model.walks[second]
    # Only the distance between their banks counts.
    moved = here - (((at & leader.mask) >> leader.shift) << follower.shift)
    at = at & ((1 << leader.shift) - 1)
    here = moved & follower.mask
    key = (leader.key * _FACTOR + follower.key) % _MODULUS
    key = (key * _FACTOR + at) % _MODULUS
    key = (key * _FACTOR + here) % _MODULUS
    key = (key * _FACTOR + gap) % _MODULUS
    key = (key * _FACTOR + hold) % _MODULUS
    key = (key * _FACTOR + int(pace * _FINE)) % _MODULUS
    place = key % REMEMBERED
    if model.keys[place] != key:
        model.keys[place] = key
        model.speeds[place] = _simulate(model, first, at, gap, second, here, pace, hold)
    return model.speeds[place]


def _simulate(
    model: Model, first: int, at: int, gap: int, second: int, here: int, pace: float, hold: int
) -> float:
    leader, follower = model.walks[first], model.walks[second]
    used = 0
    for turn in range(leader.count):
        used |= 1 << _bank(model, first, turn, at)
    met = 0
    while met < follower.count and not used >> _bank(model, second, met, here) & 1:
        met += 1
    if met == follower.count:
        return 1.0
    if gap == 1 and used & (used - 1) == 0:
        # Stuck behind it sooner or later, for the rest of the phase.
        return min(met * pace * hold / leader.length, 1.0)
    # When an access of the follower is due; the iteration of the leader then, and its cycle.
    due = -1.0
    turn, cycle = leader.count - 1, gap - 1
    for place in range(follower.count):
        wanted = _bank(model, second, place, here)
        for _ in range(hold):
            cycle -= int(due)
            due += pace
            cycle += int(due)
            if cycle >= gap:
                turn = (turn + cycle // gap) % leader.count
                cycle %= gap
            while cycle == 0 and _bank(model, first, turn, at) == wanted:
                due += 1
                cycle += 1
                if cycle == gap:
                    cycle = 0
                    turn = (turn + 1) % leader.count
    return follower.count * hold * pace / (due + 1)


def _bank(model: Model, slot: int, place: int, base: int) -> int:
    """Return the bank of an iteration of a walk, whose phase begins at `base`."""
    walk = model.walks[slot]
    return (base + model.patterns[slot * SAMPLES + place] & walk.mask) >> walk.shift
