"""Addresses of loop nests against plain loops."""

import itertools

import numpy as np
import pytest

from simulator.functional.nest import addresses, are_distinct, bounds, places


def _loops(base, counts, strides):
    return [
        base + sum(i * stride for i, stride in zip(index, strides, strict=True))
        for index in itertools.product(*map(range, counts))
    ]


def _random_nest(seed):
    random = np.random.default_rng(seed)
    levels = random.integers(1, 5)
    counts = tuple(random.integers(1, 5, levels).tolist())
    strides = tuple(random.integers(-9, 10, levels).tolist())
    return 200, counts, strides


@pytest.mark.parametrize("seed", range(60))
def test_equal_plain_loops(seed):
    base, counts, strides = _random_nest(seed)
    expected = _loops(base, counts, strides)
    found = addresses(base, counts, strides)
    assert found.shape == counts, seed
    assert found.reshape(-1).tolist() == expected, seed
    assert bounds(base, counts, strides) == (min(expected), max(expected)), seed
    memory = np.arange(400 * 3, dtype=np.int32).reshape(400, 3)
    view = places(memory, base, counts, strides)
    assert view.shape == (*counts, 3), seed
    np.testing.assert_array_equal(view.reshape(-1, 3), memory[expected], err_msg=str(seed))
    assert np.shares_memory(view, memory), seed
    # It may doubt, but what it calls distinct is.
    if are_distinct(counts, strides):
        assert len(set(expected)) == len(expected), seed


@pytest.mark.parametrize(
    ("counts", "strides", "distinct"),
    [
        ((3, 4), (4, 1), True),
        ((3, 4), (1, 3), True),
        ((3, 4), (-4, 1), True),
        ((3, 1, 4), (4, 0, 1), True),
        ((3, 4), (3, 1), False),
        ((2, 2), (0, 1), False),
        ((1,), (0,), True),
    ],
)
def test_distinct(counts, strides, distinct):
    assert are_distinct(counts, strides) is distinct
    found = _loops(0, counts, strides)
    assert (len(set(found)) == len(found)) is distinct


def test_an_empty_nest_has_no_addresses():
    assert addresses(5, (3, 0), (1, 1)).shape == (3, 0)
