"""Waits by cause: made by hand, and of the RTL against its own counters."""

import numpy as np
import pytest

from driver.timeline import read_timeline
from driver.waits import Cause, engine_shares, find_waits
from isa.instructions import Engine


def found(timeline):
    return [
        (
            Engine(row["engine"]).name,
            int(row["index"]),
            Cause(row["cause"]).name,
            row["start"],
            row["end"],
        )
        for row in find_waits(timeline)
    ]


def test_each_gap_has_the_cause_whose_token_came_last(region, trace):
    assert found(read_timeline(region, trace)) == [
        ("LOAD", 0, "FETCH", 0, 10),
        ("LOAD", 1, "FINISHED", 120, 500),
        ("MATRIX", 2, "LOAD", 0, 110),
        ("MATRIX", 2, "FINISHED", 400, 500),
        ("VECTOR", 3, "MATRIX", 0, 400),
        ("VECTOR", 3, "FINISHED", 410, 500),
        # The token came in cycle 410, the store began ten cycles later.
        ("STORE", 4, "VECTOR", 0, 410),
        ("STORE", 4, "FETCH", 410, 420),
    ]


def test_tokens_are_counted_in_order(make_region, make_trace):
    text = """
    load x_bytes=4 signal=matrix|vector
    load x_bytes=4 signal=matrix
    matrix wait=load
    matrix wait=load|vector
    vector wait=load signal=matrix
    end
    """
    rows = make_trace((0, 0, 1, 10), (0, 1, 11, 50), (1, 2, 11, 20), (2, 4, 11, 40), (1, 3, 51, 60))
    waits = found(read_timeline(make_region(text), rows))
    # The second token of load came after the one of vector.
    assert ("MATRIX", 3, "LOAD", 20, 50) in waits
    assert ("VECTOR", 4, "LOAD", 0, 10) in waits


def test_an_instruction_behind_a_full_queue(make_region, make_trace):
    # Seven loads before the first matrix instruction; the queue holds four: the last two enter it
    # when the second and the third load start.
    text = "load x_bytes=4\n" * 7 + "matrix\nend"
    loads = [(0, index, 20 * index + 1, 20 * index + 20) for index in range(7)]
    timeline = read_timeline(make_region(text), make_trace(*loads, (1, 7, 46, 50)))
    assert [row for row in found(timeline) if row[0] == "MATRIX"] == [
        ("MATRIX", 7, "QUEUE", 0, 40),
        ("MATRIX", 7, "FETCH", 40, 45),
        ("MATRIX", 7, "FINISHED", 50, 140),
    ]


def test_an_engine_without_instructions_is_finished_from_the_start(make_region, make_trace):
    timeline = read_timeline(make_region("matrix\nend"), make_trace((1, 0, 1, 8)))
    assert ("STORE", 0, "FINISHED", 0, 8) in found(timeline)


def test_more_takers_than_givers_cannot_have_run(make_region, make_trace):
    timeline = read_timeline(make_region("matrix wait=load\nend"), make_trace((1, 0, 1, 8)))
    with pytest.raises(AssertionError, match="^MATRIX takes more than LOAD gives$"):
        find_waits(timeline)


@pytest.mark.verilator
def test_busy_and_waits_fill_the_cycles_of_each_engine(digits_run):
    timeline = read_timeline(digits_run.region, digits_run.trace)
    waits = find_waits(timeline)
    assert timeline.cycles == digits_run.counters["cycles"]
    assert engine_shares(timeline, waits).sum(axis=1).tolist() == [timeline.cycles] * len(Engine)
    for engine in Engine:
        occupied = np.zeros(timeline.cycles, np.int64)
        for index in timeline.of(engine):
            occupied[timeline.turns[index] : timeline.ends[index]] += 1
        for row in waits[waits["engine"] == engine]:
            assert row["start"] < row["end"]
            occupied[row["start"] : row["end"]] += 1
        assert (occupied == 1).all(), engine.name


@pytest.mark.verilator
def test_busy_agrees_with_the_counters(digits_run):
    timeline = read_timeline(digits_run.region, digits_run.trace)
    shares = engine_shares(timeline, find_waits(timeline))
    for engine in Engine:
        # The counter begins in the cycle after an instruction's start.
        counter = digits_run.counters[f"{engine.name.lower()}_busy"]
        assert 0 <= shares[engine, 0] - counter <= len(timeline.of(engine)), engine.name


@pytest.mark.verilator
def test_a_wait_for_an_engine_ends_when_that_engine_gives_a_token(digits_run):
    timeline = read_timeline(digits_run.region, digits_run.trace)
    waits = find_waits(timeline)
    waits = waits[waits["cause"] < len(Engine)]
    assert len(waits) >= 5
    for row in waits:
        taker = timeline.instructions[row["index"]].fields
        assert taker["wait"] >> row["cause"] & 1
        giver = timeline.of(Engine(row["cause"]))
        (index,) = giver[timeline.ends[giver] == row["end"]]
        assert timeline.instructions[index].fields["signal"] >> row["engine"] & 1
        assert row["end"] <= timeline.starts[row["index"]]
