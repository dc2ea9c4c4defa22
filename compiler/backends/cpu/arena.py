"""Where tensors lie while the program runs: planned once, by when they are needed.

Largest first, each tensor gets the lowest place that is free for as long as it lives. That is
first fit decreasing: not optimal, but within a few percent for networks, and simple to check: no
two tensors that live at the same time overlap.
"""

from collections.abc import Sequence
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
    offsets = [0] * len(lifetimes)
    placed: list[int] = []
    order = sorted(
        range(len(lifetimes)),
        key=lambda number: (-lifetimes[number].size_bytes, lifetimes[number].first),
    )
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
