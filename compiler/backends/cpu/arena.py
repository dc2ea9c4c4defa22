"""Where tensors lie while the program runs: planned once, by when they are needed.

One after the other, each tensor gets the lowest place that is free for as long as it lives. That is
simple to check: no two tensors that live at the same time overlap. Largest first is within a few
percent of the least for most networks; where it is not, other orders are tried.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["ALIGNMENT", "Lifetime", "plan"]

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A block of memory and when it is needed.

    Attributes
    ----------
    size_bytes : int
    first, last : int
        Numbers of the operations that first write and last use it.
    """

    size_bytes: int
    first: int
    last: int


def plan(lifetimes: Sequence[Lifetime]) -> tuple[tuple[int, ...], int]:
    """Return the offset of each block, a multiple of `ALIGNMENT`, and the size of the arena."""
    least = _most_in_use(lifetimes)
    best: tuple[tuple[int, ...], int] | None = None
    for order in _ORDERS:
        numbers = sorted(range(len(lifetimes)), key=lambda number: order(lifetimes[number]))
        found = _plan_in_order(lifetimes, numbers)
        if best is None or found[1] < best[1]:
            best = found
        if best[1] == least:
            break
    assert best is not None
    return best


def _most_in_use(lifetimes: Sequence[Lifetime]) -> int:
    """Return the most bytes that any operation needs: no arena is smaller."""
    in_use: Counter[int] = Counter()
    for block in lifetimes:
        for number in range(block.first, block.last + 1):
            in_use[number] += _aligned(block.size_bytes)
    return max(in_use.values(), default=0)


_ORDERS: tuple[Callable[[Lifetime], tuple[int, ...]], ...] = (
    lambda block: (-block.size_bytes, block.first),
    lambda block: (block.first - block.last, -block.size_bytes, block.first),
    lambda block: (-block.size_bytes * (block.last + 1 - block.first), block.first),
    lambda block: (block.first, -block.size_bytes),
    lambda block: (-block.last, -block.size_bytes),
)
"""Keys by which blocks are placed, the first of equally good ones is taken."""


def _plan_in_order(
    lifetimes: Sequence[Lifetime], order: Sequence[int]
) -> tuple[tuple[int, ...], int]:
    """Return what `plan` does, for blocks placed in one order."""
    offsets = [0] * len(lifetimes)
    placed: list[int] = []
    for number in order:
        block = lifetimes[number]
        place = 0
        for other in sorted(placed, key=offsets.__getitem__):
            there = lifetimes[other]
            if there.last < block.first or block.last < there.first:
                continue
            if offsets[other] - place >= block.size_bytes:
                break
            place = max(place, _aligned(offsets[other] + there.size_bytes))
        offsets[number] = place
        placed.append(number)
    sizes = (offset + block.size_bytes for offset, block in zip(offsets, lifetimes, strict=True))
    return tuple(offsets), _aligned(max(sizes, default=0))


def _aligned(size_bytes: int) -> int:
    """Return the next multiple of `ALIGNMENT`."""
    return -(-size_bytes // ALIGNMENT) * ALIGNMENT
