"""Random loop nests whose addresses all lie inside a memory."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..functional.nest import bounds

__all__ = ["Random", "random_counts", "random_nest", "random_place"]

Random = np.random.Generator

# How often a draw that does not fit is repeated before the strides are set to zero.
_ATTEMPTS = 8


def random_counts(random: Random, levels: int, most: int) -> list[int]:
    """Return the iterations of each level, at most `most` together; many levels have one."""
    counts = [1] * levels
    left = most
    for level in random.permutation(levels):
        if left > 1 and random.random() < 0.6:
            small = random.random() < 0.7
            counts[level] = int(random.integers(1, min(left, 6 if small else left) + 1))
            left //= counts[level]
    return counts


def random_place(random: Random, counts: Sequence[int], size: int) -> tuple[int, list[int]]:
    """Return a base address and a step for each level, so that all addresses are in 0..size-1."""
    for _ in range(_ATTEMPTS):
        strides = [_stride(random, size) for _ in counts]
        low, high = bounds(0, counts, strides)
        if high - low < size:
            break
    else:
        strides = [0] * len(counts)
        low = high = 0
    return _base(random, -low, size - 1 - high), strides


def random_nest(
    random: Random, counts: Sequence[int], operands: Mapping[str, int]
) -> dict[str, int]:
    """Return the counts, and base and steps of each operand in a memory of the given size."""
    fields = {f"count{level}": count for level, count in enumerate(counts)}
    for name, size in operands.items():
        fields[name], strides = random_place(random, counts, size)
        fields |= {f"{name}{level}": stride for level, stride in enumerate(strides)}
    return fields


def _base(random: Random, low: int, high: int) -> int:
    """Return a random base; the ends of the memory come often."""
    kind = random.random()
    if kind < 0.1:
        return low
    if kind < 0.2:
        return high
    return int(random.integers(low, high + 1))


def _stride(random: Random, size: int) -> int:
    kind = random.random()
    if kind < 0.25:
        return 0
    if kind < 0.75:
        return int(random.integers(-3, 4))
    reach = min(size // 2, 64)
    return int(random.integers(-reach, reach + 1))
