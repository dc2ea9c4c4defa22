"""Walks through the banks of a scratchpad, and how fast one goes beside another."""

import itertools

import numpy as np
import pytest

from isa.config import preset
from simulator.timing.state import OFFSETS, SAMPLES
from simulator.timing.walks import add_level, begin_walk, speed_beside

CONFIG = preset("tiny")
BANKS = CONFIG.act_banks


@pytest.fixture
def model(plain_model):
    return plain_model("end", CONFIG)


def make(model, slot, counts, steps, shift=0):
    begin_walk(model, slot, int(np.prod(counts)), shift)
    for count, step in zip(reversed(counts), reversed(steps), strict=True):
        add_level(model, slot, count, step)
    return model.walks[slot]


def addresses(counts, steps):
    places = itertools.product(*(range(count) for count in counts))
    return [sum(place * step for place, step in zip(row, steps, strict=True)) for row in places]


@pytest.mark.parametrize("seed", range(8))
def test_walk_visits_the_banks_of_the_nest(model, seed):
    random = np.random.default_rng(seed)
    counts = random.integers(1, 7, 4).tolist()
    steps = random.integers(-20, 20, 4).tolist()
    walk = make(model, 2, counts, steps, int(random.integers(0, 3)))
    offsets = model.offsets[2 * OFFSETS :][: walk.phases]
    pattern = model.patterns[2 * SAMPLES :][: walk.count]
    found = [offset + inner for offset in offsets for inner in pattern]
    wanted = addresses(counts, steps)
    if walk.count < walk.length:
        wanted, found = wanted[: walk.count], found[: walk.count]
    assert walk.length * walk.phases == np.prod(counts)
    assert [place & walk.mask for place in found] == [place & walk.mask for place in wanted]


def test_other_banks_cost_nothing(model):
    make(model, 0, [100], [0])
    assert speed_beside(model, 0, 0, 1, 0, 1, 1, 1) == 1


def test_same_bank_waits_for_ever(model):
    make(model, 0, [100], [0])
    assert speed_beside(model, 0, 2, 1, 0, 2, 1, 1) == 0


def test_only_the_distance_of_the_banks_counts(model):
    make(model, 0, [64], [1])
    make(model, 1, [9, 7], [3, 1])
    speeds = {
        distance: {speed_beside(model, 0, at, 1, 1, at + distance, 1, 1) for at in range(8)}
        for distance in range(BANKS)
    }
    assert all(len(found) == 1 for found in speeds.values())


def test_half_of_the_cycles_are_free(model):
    make(model, 0, [256], [0])
    # The first one uses the bank every other cycle; the other one wants it in each.
    assert speed_beside(model, 0, 0, 2, 0, 0, 1, 1) == pytest.approx(0.5, abs=0.01)


def test_rare_accesses_cost_nothing(model):
    make(model, 0, [256], [0])
    assert speed_beside(model, 0, 0, 33, 0, 0, 1, 1) == 1


def test_speeds_are_remembered(model):
    make(model, 0, [64], [1])
    make(model, 1, [64], [2])
    first = speed_beside(model, 0, 0, 1, 1, 0, 1, 1)
    model.patterns[:] = [0] * len(model.patterns)
    assert speed_beside(model, 0, 0, 1, 1, 0, 1, 1) == first < 1
