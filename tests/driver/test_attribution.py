"""Which layer each cycle belongs to."""

import numpy as np
import pytest

from driver.attribution import attribute_cycles
from isa.instructions import Engine


def cycles(layers, *rows):
    """Return the cycles of each layer of rows (owner, engine, start, end)."""
    columns = np.array(rows, np.int64).T
    return attribute_cycles(layers, *columns).tolist()


def test_a_layer_owns_what_matrix_computes_and_what_it_waits_for():
    rows = (0, Engine.LOAD, 0, 30), (0, Engine.MATRIX, 32, 100), (1, Engine.VECTOR, 100, 150)
    assert cycles(2, *rows) == [100, 50]


def test_what_is_hidden_behind_products_costs_nothing():
    rows = (1, Engine.VECTOR, 10, 60), (0, Engine.MATRIX, 0, 100), (2, Engine.LOAD, 5, 99)
    assert cycles(3, *rows) == [100, 0, 0]


def test_layers_in_turn_own_their_own_products():
    rows = [(turn % 2, Engine.MATRIX, 10 * turn, 10 * turn + 10) for turn in range(6)]
    assert cycles(2, *rows) == [30, 30]


def test_a_gap_belongs_to_those_whose_instructions_end_in_it():
    rows = (
        (0, Engine.MATRIX, 0, 10),
        (1, Engine.LOAD, 0, 14),
        (2, Engine.VECTOR, 5, 20),
        (0, Engine.MATRIX, 25, 30),
    )
    assert cycles(3, *rows) == [10 + 10, 4, 6]


def test_instructions_that_are_inside_together_count_once():
    rows = (0, Engine.MATRIX, 0, 10), (1, Engine.MATRIX, 8, 20), (1, Engine.STORE, 18, 26)
    assert cycles(2, *rows) == [10, 16]


@pytest.mark.parametrize("seed", range(20))
def test_the_sum_is_the_end(seed):
    draw = np.random.default_rng(seed)
    rows = []
    for engine in Engine:
        times = np.cumsum(draw.integers(0, 9, 40))
        rows += [
            (draw.integers(3), engine, begin, end)
            for begin, end in zip(times[::2], times[1::2], strict=True)
        ]
    assert sum(cycles(3, *rows)) == max(row[3] for row in rows), f"seed {seed}"
