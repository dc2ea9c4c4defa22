"""Sets of places: the same as Python's sets of integers."""

import random

import pytest

from isa.intervals import EMPTY, Intervals, interval, nest


def places(found: Intervals) -> set[int]:
    """Return the set, after checking that its intervals are sorted, disjoint and not empty."""
    previous = None
    for start, stop in found:
        assert start < stop
        assert previous is None or start >= previous, "intervals overlap or are not sorted"
        previous = stop
    return {place for start, stop in found for place in range(start, stop)}


def walked(base: int, counts: list[int], steps: list[int], width: int) -> set[int]:
    """Return the places of a nest, one iteration after the other."""
    addresses = {base}
    for count, step in zip(counts, steps, strict=True):
        addresses = {address + i * step for address in addresses for i in range(count)}
    return {address + i for address in addresses for i in range(width)}


def draw_nest(draw: random.Random) -> tuple[int, list[int], list[int], int]:
    levels = draw.randint(0, 4)
    counts = [draw.choice([1, 2, 3, 5]) for _ in range(levels)]
    steps = [draw.choice([0, 1, -1, 2, 3, 4, 6, 8, 12, -7, draw.randint(-90, 90)]) for _ in counts]
    return draw.randint(-50, 50), counts, steps, draw.choice([1, 1, 2, 4, 9])


@pytest.mark.parametrize("seed", range(8))
def test_a_nest_touches_what_its_iterations_touch(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(60):
        arguments = draw_nest(draw)
        assert places(nest(*arguments)) == walked(*arguments), f"seed {seed}: {arguments}"


@pytest.mark.parametrize("seed", range(8))
def test_operations_are_those_of_sets(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(40):
        ours, theirs = (nest(*draw_nest(draw)) for _ in range(2))
        first, second = places(ours), places(theirs)
        low, unit = draw.randint(-100, 100), draw.choice([1, 2, 16])
        high = low + draw.randint(0, 100)
        note = f"seed {seed}"
        assert places(ours.union(theirs)) == first | second, note
        assert places(ours.intersection(theirs)) == first & second, note
        assert places(ours.clipped(low, high)) == first & set(range(low, high)), note
        assert places(ours.divided(unit)) == {place // unit for place in first}, note
        assert places(ours.shifted(low)) == {place + low for place in first}, note
        moved = {place + 7 * i - 90 * j for place in first for i in range(4) for j in range(3)}
        assert places(ours.repeated((4, 3), (7, -90))) == moved, note
        assert (ours.low, ours.high, ours.size) == (min(first), max(first), len(first)), note


def test_the_empty_set() -> None:
    some = interval(3, 5)
    assert not len(EMPTY)
    assert not len(interval(4, 4))
    assert places(EMPTY.union(some)) == {3, 4}
    assert not len(some.intersection(EMPTY))
    assert not len(EMPTY.clipped(0, 9))
    assert not len(EMPTY.repeated((3,), (2,)))


def test_regular_nests_of_any_size_are_few_intervals() -> None:
    rows = nest(0, (224, 224, 3, 3), (226, 1, 226, 1))
    assert (len(rows), rows.high) == (1, 226 * 226 - 1)
    assert len(nest(5, (8192, 8192, 8192), (1 << 26, 1 << 13, 1))) == 1


def test_more_runs_than_can_be_held_are_filled_up() -> None:
    found = nest(0, (65536, 65536), (1 << 18, 3))
    assert len(found) <= 65536
    assert found.low == 0
    assert found.high == 65535 * (1 << 18) + 65535 * 3
