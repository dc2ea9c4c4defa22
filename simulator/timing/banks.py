"""Who waits for whom at the banks of a scratchpad: the speed of a walk beside another.

A loop nest is cut into at most a few phases. Within a phase it repeats a short pattern of banks;
two patterns meet as often as a few hundred simulated accesses say. Each pair is simulated once.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

__all__ = ["BankWalk", "bank_walk", "speed_beside"]

# Cycles of a phase at least, phases of a nest at most, and accesses that are simulated.
_PHASE_CYCLES = 32
_PHASES = 8
_SAMPLES = 256
# Accesses so far apart cost the other one next to nothing.
_LONGEST_GAP = 32
# Walks and pairs that are remembered.
_REMEMBERED = 1 << 14


@dataclass(frozen=True, eq=False, slots=True)
class BankWalk:
    """The banks that a nest visits.

    Attributes
    ----------
    pattern : address of each iteration of a phase, as far as it is looked at, from 0
    length : iterations of a phase
    offsets : first address of each phase
    divisor : addresses of a word
    modulus : addresses after which the banks repeat
    """

    pattern: tuple[int, ...]
    length: int
    offsets: tuple[int, ...]
    divisor: int
    modulus: int


@lru_cache(maxsize=_REMEMBERED)
def bank_walk(nest: bytes, divisor: int, banks: int) -> BankWalk:
    """Return the walk of a nest, whose addresses are `divisor` to a word.

    Parameters
    ----------
    nest : int64 numbers: its counts, the outermost first, and then its steps
    """
    modulus = divisor * banks
    numbers = np.frombuffer(nest, np.int64).tolist()
    half = len(numbers) // 2
    levels = [
        (count, step % modulus)
        for count, step in zip(numbers[:half], numbers[half:], strict=True)
        if count > 1
    ]
    total = 1
    for count, _ in levels:
        total *= count
    enough = max(_PHASE_CYCLES, total // _PHASES)
    inner: list[tuple[int, int]] = []
    length = 1
    while levels and (length < enough or levels[-1][1] == 0):
        inner.insert(0, levels.pop())
        length *= inner[0][0]
    return BankWalk(
        pattern=_addresses(inner, min(length, _SAMPLES), modulus),
        length=length,
        offsets=_addresses(levels, total // length, modulus),
        divisor=divisor,
        modulus=modulus,
    )


def _addresses(levels: list[tuple[int, int]], count: int, modulus: int) -> tuple[int, ...]:
    """Return the first `count` addresses of a nest that begins at 0."""
    result = [0]
    for size, step in reversed(levels):
        wanted = min(size, -(-count // len(result)))
        result = [(index * step + inner) % modulus for index in range(wanted) for inner in result]
    return tuple(result[:count])


@lru_cache(maxsize=_REMEMBERED)
def speed_beside(
    first: BankWalk, at: int, gap: int, second: BankWalk, here: int, pace: int, hold: int
) -> float:
    """Return the share of its own speed, 0..1, at which a walk goes beside one that goes first.

    Parameters
    ----------
    first, second : the one that is served first, and the other
    at, here : first addresses of their phases
    gap : cycles of an iteration of `first`; in the first of them it makes its access
    pace : cycles of an access of `second`
    hold : accesses of `second` at each of its addresses
    """
    if gap > _LONGEST_GAP:
        return 1.0
    # Only the distance between their banks counts.
    shift = at % first.modulus // first.divisor
    at, here = at % first.divisor, (here - shift * second.divisor) % second.modulus
    return _simulated(first, at, gap, second, here, pace, hold)


@lru_cache(maxsize=_REMEMBERED)
def _simulated(
    first: BankWalk, at: int, gap: int, second: BankWalk, here: int, pace: int, hold: int
) -> float:
    modulus, divisor = second.modulus, second.divisor
    wanted = [(here + step) % modulus // divisor for step in second.pattern]
    modulus, divisor = first.modulus, first.divisor
    busy = [(at + step) % modulus // divisor for step in first.pattern]
    used = set(busy)
    if used.isdisjoint(wanted):
        return 1.0
    if gap == 1 and len(used) == 1:
        # Stuck behind it sooner or later, for the rest of the phase.
        stuck = wanted.index(busy[0]) * pace * hold
        return stuck / first.length if stuck < first.length else 1.0
    if gap > 1:
        pause = [-1] * (gap - 1)
        busy = [bank for access in busy for bank in (access, *pause)]
    period = len(busy)
    time = -1
    for bank in wanted:
        for _ in range(hold):
            time += pace
            while busy[time % period] == bank:
                time += 1
    return len(wanted) * hold * pace / (time + 1)
