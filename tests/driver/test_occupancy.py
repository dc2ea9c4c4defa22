"""Live words: made by hand, and of a real run against a count word by word."""

from collections import defaultdict

import numpy as np
import pytest

from driver.occupancy import find_occupancy
from driver.timeline import read_timeline
from isa.footprint import footprint, memory_places
from isa.instructions import Opcode


def live(occupancy, memory, *cycles):
    """Return the live words of `memory` in some cycles."""
    (item,) = (item for item in occupancy if item.memory == memory)
    return [float(item.live[np.searchsorted(item.times, at, "right") - 1]) for at in cycles]


def test_live_from_the_write_to_the_last_read(region, trace):
    occupancy = find_occupancy(read_timeline(region, trace))
    assert [item.memory for item in occupancy] == ["act", "weight", "acc", "param", "table"]
    # Of two tiles that were loaded one is read; by matrix, until its end.
    assert live(occupancy, "weight", 9, 10, 399, 400) == [0, 1, 1, 0]
    # Four windows of a word.
    assert live(occupancy, "act", 98, 99, 399) == [0, 4, 4]
    assert live(occupancy, "acc", 109, 110, 409, 410) == [0, 1, 1, 0]
    # The result waits for the store, which also reads a word that nobody wrote.
    assert live(occupancy, "act", 400, 499, 500) == [1, 1, 0]
    assert live(occupancy, "param", 0, 250, 500) == [0, 0, 0]


def test_what_is_overwritten_unread_was_never_live(make_region, make_trace):
    region = make_region("load x_bytes=4\nload x_bytes=4\nstore x_bytes=4\nend")
    rows = make_trace((0, 0, 1, 10), (0, 1, 11, 20), (3, 2, 31, 40))
    occupancy = find_occupancy(read_timeline(region, rows))
    assert live(occupancy, "act", 5, 10, 39, 40) == [0, 1, 1, 0]


def test_adding_to_acc_keeps_it_live_from_the_first_product(make_region, make_trace):
    text = """
    matrix reduce=63 signal=vector
    matrix accumulate=1 signal=vector
    sync engine=vector wait=matrix
    vector wait=matrix a_memory=acc
    end
    """
    rows = make_trace((1, 0, 1, 10), (1, 1, 11, 20), (2, 2, 11, 12), (2, 3, 31, 40))
    occupancy = find_occupancy(read_timeline(make_region(text), rows))
    assert live(occupancy, "acc", 0, 10, 25, 39, 40) == [1, 1, 1, 1, 0]


def test_a_word_that_is_rewritten_in_place_counts_once(make_region, make_trace):
    text = """
    load x_bytes=4 signal=vector
    vector wait=load signal=store
    store wait=vector x_bytes=4
    end
    """
    rows = make_trace((0, 0, 1, 10), (2, 1, 11, 20), (3, 2, 21, 30))
    occupancy = find_occupancy(read_timeline(make_region(text), rows))
    assert live(occupancy, "act", 5, 15, 25, 30) == [1, 1, 1, 0]


def test_most_in_each_bin(region, trace):
    act = find_occupancy(read_timeline(region, trace))[0]
    assert act.maxima(np.array([0.0, 50, 100, 399, 405, 500])).tolist() == [0, 4, 4, 4, 1]
    assert act.peak == 4


@pytest.mark.verilator
def test_a_real_run_word_by_word(digits_run):
    timeline = read_timeline(digits_run.region, digits_run.trace)
    occupancy = {item.memory: item for item in find_occupancy(timeline)}
    expected = _live_places(timeline)
    for memory, item in occupancy.items():
        assert item.words == memory_places(timeline.config, memory)
        assert item.live.min() >= 0
        assert item.peak <= item.words
        assert item.live[-1] == 0
        for at in range(0, timeline.cycles, 97):
            assert live(occupancy.values(), memory, at) == [expected[memory][at]], (memory, at)
    assert occupancy["act"].peak > 0
    assert occupancy["weight"].peak > 0


def _live_places(timeline):
    """Return the live places of each memory in each cycle, from the events of each place."""
    events = defaultdict(list)
    for index, instruction in enumerate(timeline.instructions):
        adds = instruction.opcode == Opcode.MATRIX and instruction.fields["accumulate"]
        for access in footprint(timeline.config, instruction.opcode, instruction.fields):
            if access.memory.startswith("dram"):
                continue
            kind = "read" if adds or not access.writes else "write"
            for start, stop in access.places:
                for place in range(start, stop):
                    events[access.memory, place].append((index, kind))
    counts = defaultdict(lambda: np.zeros(timeline.cycles + 1, np.int64))
    for (memory, _), items in events.items():
        for position, (index, kind) in enumerate(items):
            if kind == "write":
                _add_life(timeline, counts[memory], index, items[position + 1 :])
    return counts


def _add_life(timeline, counts, writer, later):
    ends = []
    limit = timeline.cycles
    for index, kind in later:
        if kind == "write":
            limit = timeline.starts[index]
            break
        ends.append(timeline.ends[index])
    if ends:
        counts[timeline.starts[writer] : min(max(ends), limit)] += 1
