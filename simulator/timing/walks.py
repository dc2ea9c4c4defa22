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
_FINE = 256
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
    key = (key * _FACTOR + (at << 16) + here) % _MODULUS
    key = (key * _FACTOR + (gap << 24) + (int(pace * _FINE) << 8) + hold) % _MODULUS
    place = key % REMEMBERED
    if model.keys[place] != key:
        model.keys[place] = key
        model.speeds[place] = _simulate(model, first, at, gap, second, here, pace, hold)
    return model.speeds[place]


def _simulate(
    model: Model, first: int, at: int, gap: int, second: int, here: int, pace: float, hold: int
) -> float:
    patterns = model.patterns
    leader, follower = model.walks[first], model.walks[second]
    ours, theirs = second * SAMPLES, first * SAMPLES
    used = 0
    for place in range(theirs, theirs + leader.count):
        used |= 1 << (((at + patterns[place]) & leader.mask) >> leader.shift)
    bank = ((at + patterns[theirs]) & leader.mask) >> leader.shift
    alone = gap == 1 and used == 1 << bank
    met = -1
    for place in range(follower.count):
        wanted = ((here + patterns[ours + place]) & follower.mask) >> follower.shift
        if used >> wanted & 1:
            met = place
            break
    if met < 0:
        return 1.0
    if alone:
        # Stuck behind it sooner or later, for the rest of the phase.
        stuck = met * pace * hold
        return min(stuck / leader.length, 1.0)
    # When an access of the follower is due; the iteration of the leader then, and its cycle.
    due = -1.0
    turn, cycle = leader.count - 1, gap - 1
    for place in range(follower.count):
        wanted = ((here + patterns[ours + place]) & follower.mask) >> follower.shift
        for _ in range(hold):
            cycle -= int(due)
            due += pace
            cycle += int(due)
            while cycle >= gap:
                cycle -= gap
                turn += 1
            while turn >= leader.count:
                turn -= leader.count
            while (
                cycle == 0
                and ((at + patterns[theirs + turn]) & leader.mask) >> leader.shift == wanted
            ):
                due += 1
                cycle += 1
                if cycle >= gap:
                    cycle = 0
                    turn += 1
                    if turn >= leader.count:
                        turn = 0
    return follower.count * hold * pace / (due + 1)
