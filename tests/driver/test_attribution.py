"""Which layer each cycle belongs to."""

from fractions import Fraction

import numpy as np
import pytest

from driver.attribution import attribute_cycles
from isa.instructions import Engine


def cycles(layers, *rows):
    """Return the cycles of each layer of rows (owner, engine, start, end)."""
    columns = np.array(rows, np.int64).T
    return attribute_cycles(layers, *columns).tolist()


def plain(layers, *rows):
    """Return the same, cycle by cycle."""
    result = [Fraction(0)] * layers
    for time in range(max(row[3] for row in rows)):
        inside = [row for row in sorted(rows, key=lambda row: row[3]) if row[2] <= time < row[3]]
        # Of several instructions in an engine the oldest.
        working = {engine: owner for owner, engine, *_ in reversed(inside)}
        for group in ((Engine.MATRIX, Engine.VECTOR), (Engine.LOAD, Engine.STORE)):
            found = [working[engine] for engine in group if engine in working]
            if found:
                break
            computed = [row for row in rows if row[1] in (Engine.MATRIX, Engine.VECTOR)]
            later = [row for row in computed if row[2] >= time]
            following = min(later, key=lambda row: row[2:])[0] if later else layers
            working = {
                engine: following if owner > following + 3 else owner
                for engine, owner in working.items()
            }
        found = found or [min((row for row in rows if row[3] > time), key=lambda row: row[3])[0]]
        for owner in found:
            result[owner] += Fraction(1, len(found))
    return result


def test_a_layer_owns_what_is_computed_and_what_that_waits_for():
    rows = (0, Engine.LOAD, 0, 30), (0, Engine.MATRIX, 32, 100), (1, Engine.VECTOR, 100, 150)
    assert cycles(2, *rows) == [100, 50]


def test_engines_that_compute_share_a_cycle_and_hide_transfers():
    rows = (1, Engine.VECTOR, 10, 60), (0, Engine.MATRIX, 0, 100), (2, Engine.LOAD, 5, 99)
    assert cycles(3, *rows) == [75, 25, 0]


def test_layers_in_turn_own_their_own_products():
    rows = [(turn % 2, Engine.MATRIX, 10 * turn, 10 * turn + 10) for turn in range(6)]
    assert cycles(2, *rows) == [30, 30]


def test_a_gap_belongs_to_transfers_then_to_what_ends_next():
    rows = (
        (0, Engine.MATRIX, 0, 10),
        (1, Engine.LOAD, 0, 14),
        (2, Engine.VECTOR, 20, 24),
        (3, Engine.STORE, 12, 16),
    )
    assert cycles(4, *rows) == [10, 2 + 1, 4 + 4, 1 + 2]


def test_instructions_that_are_inside_together_count_once():
    rows = (0, Engine.MATRIX, 0, 10), (1, Engine.MATRIX, 8, 20), (1, Engine.STORE, 18, 26)
    assert cycles(2, *rows) == [10, 16]


@pytest.mark.parametrize(("layer", "wanted"), [(3, [40, 0, 0, 20, 0]), (4, [60, 0, 0, 0, 0])])
def test_what_is_loaded_far_ahead_costs_nothing(layer, wanted):
    rows = (layer, Engine.LOAD, 0, 20), (0, Engine.MATRIX, 20, 60)
    assert cycles(5, *rows) == wanted


@pytest.fixture(params=range(20), ids="seed {}".format)
def random_rows(request):
    """Rows of seven layers, some of them inside an engine together, ends apart by 1 at least."""
    draw = np.random.default_rng(request.param)
    rows = []
    for engine in Engine:
        ends = np.cumsum(draw.integers(1, 12, 30))
        starts = np.maximum(ends - draw.integers(1, 12, 30), 0)
        starts = np.maximum.accumulate(starts)
        rows += [
            (draw.integers(7), engine, begin, end) for begin, end in zip(starts, ends, strict=True)
        ]
    return rows


def test_as_cycle_by_cycle(random_rows):
    wanted, found = plain(7, *random_rows), cycles(7, *random_rows)
    assert sum(found) == max(row[3] for row in random_rows)
    assert all(abs(one - other) < 1 for one, other in zip(wanted, found, strict=True))


@pytest.mark.parametrize("end", range(49, 54))
def test_an_end_that_overtakes_another_moves_few_cycles(end):
    rows = (0, Engine.LOAD, 0, end), (1, Engine.STORE, 0, 51), (2, Engine.MATRIX, 60, 90)
    assert np.abs(np.subtract(cycles(3, *rows), [25, 26, 39])).max() <= 3
