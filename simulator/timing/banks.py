"""Who waits for whom at the banks of a scratchpad: the speed of a walk beside another.

A loop nest is cut into at most a few phases. Within a phase it repeats a short pattern of banks;
two patterns meet as often as a few hundred simulated accesses say. Each pair is simulated once.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["BankWalk", "Beside", "Walks", "bank_walk"]

# Cycles of a phase at least, phases of a nest at most, and accesses that are simulated.
_PHASE_CYCLES = 32
_PHASES = 8
_SAMPLES = 256
# Accesses so far apart cost the other one next to nothing.
_LONGEST_GAP = 32

Nest = tuple[int, ...]


@dataclass(frozen=True, eq=False)
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


def bank_walk(nest: Nest, divisor: int, banks: int) -> BankWalk:
    """Return the walk of a nest: its counts, outermost first, and then its steps."""
    modulus = divisor * banks
    half = len(nest) // 2
    levels = [
        (count, step % modulus)
        for count, step in zip(nest[:half], nest[half:], strict=True)
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
    left = np.arange(count)
    result = np.zeros(count, np.int64)
    for size, step in reversed(levels):
        left, index = np.divmod(left, size)
        result += index * step
    return tuple((result % modulus).tolist())


class Walks:
    """The walks of nests; remembers them."""

    def __init__(self, banks: int) -> None:
        self._banks = banks
        self._known: dict[tuple[Nest, int], BankWalk] = {}

    def find(self, nest: Nest, divisor: int) -> BankWalk:
        """Return the walk of `nest`, whose addresses are `divisor` to a word."""
        key = (nest, divisor)
        walk = self._known.get(key)
        if walk is None:
            walk = self._known[key] = bank_walk(nest, divisor, self._banks)
        return walk


class Beside:
    """How fast a walk goes beside one that is served first; remembers what it found."""

    def __init__(self) -> None:
        self._known: dict[tuple[BankWalk, int, int, BankWalk, int, int, int], float] = {}

    def speed(
        self, first: BankWalk, at: int, gap: int, second: BankWalk, here: int, pace: int, hold: int
    ) -> float:
        """Return the share of its own speed, 0..1, at which `second` goes beside `first`.

        Parameters
        ----------
        at, here : first addresses of their phases
        gap : cycles of an iteration of `first`; in the first of them it makes its access
        pace : cycles of an access of `second`
        hold : accesses of `second` at each of its addresses
        """
        key = (first, at % first.modulus, gap, second, here % second.modulus, pace, hold)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = 1.0 if gap > _LONGEST_GAP else _simulate(*key)
        return found


def _simulate(
    first: BankWalk, at: int, gap: int, second: BankWalk, here: int, pace: int, hold: int
) -> float:
    wanted = [(here + step) % second.modulus // second.divisor for step in second.pattern]
    busy: list[int] = []
    for step in first.pattern:
        busy += [(at + step) % first.modulus // first.divisor] + [-1] * (gap - 1)
    if gap == 1 and len(set(busy)) == 1 and busy[0] in wanted:
        # Stuck behind it sooner or later, for the rest of the phase.
        stuck = wanted.index(busy[0]) * pace * hold
        return stuck / first.length if stuck < first.length else 1.0
    time, period = 0, len(busy)
    for bank in wanted:
        for _ in range(hold):
            time += pace - 1
            while busy[time % period] == bank:
                time += 1
            time += 1
    return len(wanted) * hold * pace / time
