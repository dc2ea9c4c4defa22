"""Walks through the banks of a scratchpad, and how fast one goes beside another."""

import itertools

import numpy as np
import pytest

from simulator.timing.banks import bank_walk, speed_beside

BANKS = 4


def nest(counts, steps):
    return np.array([*counts, *steps], np.int64).tobytes()


def addresses(counts, steps):
    places = itertools.product(*(range(count) for count in counts))
    return [sum(place * step for place, step in zip(row, steps, strict=True)) for row in places]


@pytest.mark.parametrize("seed", range(8))
def test_walk_visits_the_banks_of_the_nest(seed):
    random = np.random.default_rng(seed)
    counts = random.integers(1, 7, 4).tolist()
    steps = random.integers(-20, 20, 4).tolist()
    divisor = int(random.integers(1, 4))
    walk = bank_walk(nest(counts, steps), divisor, BANKS)
    found = [offset + inner for offset in walk.offsets for inner in walk.pattern]
    wanted = addresses(counts, steps)
    if len(walk.pattern) < walk.length:
        wanted = wanted[: len(walk.pattern)]
        found = found[: len(walk.pattern)]
    assert walk.length * len(walk.offsets) == np.prod(counts)
    assert [place % walk.modulus for place in found] == [place % walk.modulus for place in wanted]


def test_walk_is_remembered():
    assert bank_walk(nest([3], [1]), 1, BANKS) is bank_walk(nest([3], [1]), 1, BANKS)


def test_other_banks_cost_nothing():
    stay = bank_walk(nest([100], [0]), 1, BANKS)
    assert speed_beside(stay, 0, 1, stay, 1, 1, 1) == 1


def test_same_bank_waits_for_ever():
    stay = bank_walk(nest([100], [0]), 1, BANKS)
    assert speed_beside(stay, 2, 1, stay, 2, 1, 1) == 0


def test_only_the_distance_of_the_banks_counts():
    walk, other = bank_walk(nest([64], [1]), 1, BANKS), bank_walk(nest([9, 7], [3, 1]), 1, BANKS)
    speeds = {
        distance: {speed_beside(walk, at, 1, other, at + distance, 1, 1) for at in range(8)}
        for distance in range(BANKS)
    }
    assert all(len(found) == 1 for found in speeds.values())


def test_half_of_the_cycles_are_free():
    stay = bank_walk(nest([256], [0]), 1, BANKS)
    # The first one uses the bank every other cycle; the other one wants it in each.
    assert speed_beside(stay, 0, 2, stay, 0, 1, 1) == pytest.approx(0.5, abs=0.01)


def test_rare_accesses_cost_nothing():
    stay = bank_walk(nest([256], [0]), 1, BANKS)
    assert speed_beside(stay, 0, 33, stay, 0, 1, 1) == 1
