"""Timelines: spans, turns, and how amounts spread over cycles."""

import numpy as np
import pytest

from driver.timeline import read_timeline, spread
from isa.instructions import Engine, Opcode


def test_cycles_count_from_zero_and_spans_are_half_open(region, trace):
    timeline = read_timeline(region, trace)
    assert timeline.starts.tolist() == [10, 99, 110, 400, 420, 0]
    assert timeline.ends.tolist() == [110, 120, 400, 410, 500, 0]
    assert timeline.engines.tolist() == [0, 0, 1, 2, 3, -1]
    assert timeline.cycles == 500
    assert timeline.instructions[1].segment == "data"
    assert timeline.instructions[-1].opcode == Opcode.END


def test_the_order_of_records_does_not_matter(region, trace):
    there, back = (read_timeline(region, rows) for rows in (trace, trace[::-1]))
    assert there.starts.tolist() == back.starts.tolist()
    assert there.ends.tolist() == back.ends.tolist()


def test_turns_of_an_engine_do_not_overlap(region, trace):
    timeline = read_timeline(region, trace)
    assert timeline.turns.tolist() == [10, 110, 110, 400, 420, 0]


def test_a_sync_runs_on_the_engine_that_it_names(make_region, make_trace):
    region = make_region("sync engine=vector signal=load\nsync engine=load wait=vector\nend")
    timeline = read_timeline(region, make_trace((2, 0, 5, 6), (0, 1, 7, 8)))
    assert timeline.of(Engine.VECTOR).tolist() == [0]
    assert timeline.of(Engine.LOAD).tolist() == [1]


@pytest.mark.parametrize("change", ["missing", "engine", "twice"])
def test_a_trace_of_something_else_is_a_broken_promise(region, trace, change):
    rows = trace.copy()
    if change == "missing":
        rows = rows[:-1]
    elif change == "engine":
        rows["engine"][0] = 3
    else:
        rows["index"][0] = 1
    with pytest.raises(AssertionError, match="^the trace is not of this program"):
        read_timeline(region, rows)


@pytest.mark.parametrize("seed", range(20))
def test_spread_keeps_sums_and_agrees_with_cycle_by_cycle(seed):
    random = np.random.default_rng(seed)
    cuts = np.sort(random.choice(np.arange(1, 200), 2 * 8, replace=False))
    starts, ends = cuts[::2], cuts[1::2]
    amounts = random.integers(0, 1000, len(starts))
    edges = np.unique(np.append(random.integers(1, 200, 6), [0, 200])).astype(float)
    each = np.zeros(200)
    for start, end, amount in zip(starts, ends, amounts, strict=True):
        each[start:end] += amount / (end - start)
    expected = [each[int(a) : int(b)].sum() for a, b in zip(edges[:-1], edges[1:], strict=True)]
    found = spread(starts, ends, amounts, edges)
    assert found.sum() == pytest.approx(amounts.sum()), f"seed {seed}"
    assert found == pytest.approx(np.array(expected)), f"seed {seed}"


def test_spread_of_nothing():
    assert spread(*np.zeros((3, 0), np.int64), np.array([0.0, 1.0, 2.0])).tolist() == [0, 0]
