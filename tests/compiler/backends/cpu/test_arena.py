"""The planner of the arena: generated lifetimes, and cases worked out by hand."""

import numpy as np
import pytest

from compiler.backends.cpu.arena import ALIGNMENT, Lifetime, plan


def overlap(first, second):
    """Return whether two (begin, end) ranges, ends excluded, have anything in common."""
    return first[0] < second[1] and second[0] < first[1]


@pytest.mark.parametrize("seed", range(30))
def test_tensors_that_live_together_do_not_overlap(seed):
    rng = np.random.default_rng(seed)
    blocks = []
    for _ in range(int(rng.integers(1, 40))):
        first = int(rng.integers(0, 30))
        last = first + int(rng.integers(0, 10))
        blocks.append(Lifetime(int(rng.integers(0, 1000)), first, last))
    offsets, size = plan(blocks)
    places = [(at, at + block.size_bytes) for at, block in zip(offsets, blocks, strict=True)]
    assert all(offset % ALIGNMENT == 0 for offset in offsets), f"seed {seed}"
    assert all(begin >= 0 and end <= size for begin, end in places), f"seed {seed}"
    for a, first in enumerate(blocks):
        for b, second in enumerate(blocks[:a]):
            together = overlap((first.first, first.last + 1), (second.first, second.last + 1))
            if together and first.size_bytes and second.size_bytes:
                assert not overlap(places[a], places[b]), f"seed {seed}: {a} and {b}"


def test_dead_memory_is_used_again():
    offsets, size = plan([Lifetime(128, 0, 1), Lifetime(128, 1, 2), Lifetime(128, 2, 3)])
    assert (offsets, size) == ((0, 128, 0), 256)


def test_gap_between_larger_ones_is_filled():
    blocks = [Lifetime(256, 0, 9), Lifetime(192, 0, 1), Lifetime(128, 2, 9), Lifetime(64, 2, 9)]
    assert plan(blocks) == ((0, 256, 256, 384), 448)


def test_sizes_are_rounded_up():
    assert plan([Lifetime(1, 0, 0), Lifetime(65, 0, 0)]) == ((128, 0), 192)


def test_nothing_needs_nothing():
    assert plan([]) == ((), 0)
