"""Bytes between DRAM and the chip."""

import numpy as np
import pytest

from driver.timeline import read_timeline
from driver.traffic import dram_bytes, find_traffic, memory_waits, moved_bytes, transfer_cycles
from isa.config import preset


def test_padding_is_not_moved(region):
    # Four windows of 6 bytes from -3, 0, 3, 6 over a line of 9: 3 + 6 + 6 + 3 bytes exist.
    assert dram_bytes(region) == [512 + 18, 32]


def test_fewest_cycles_are_beats_or_words(region, trace):
    instructions = read_timeline(region, trace).instructions
    cycles = [transfer_cycles(item, preset("vta")) for item in instructions]
    # 512 bytes on 8 lanes; four windows of a word each; two words of 16 bytes on 8 lanes.
    assert cycles == [64, 4, 0, 0, 4, 0]


def test_a_load_waits_first_and_a_store_last(region, trace):
    waits = memory_waits(read_timeline(region, trace))
    assert waits.tolist() == [[0, 10, 46], [1, 110, 116], [4, 424, 500]]


def test_traffic_over_time(region, trace):
    edges = np.array([0.0, 60.0, 110.0, 120.0, 420.0, 460.0, 500.0])
    traffic = find_traffic(read_timeline(region, trace), edges)
    assert traffic.read.tolist() == pytest.approx([256, 256, 18, 0, 0, 0])
    assert traffic.written.tolist() == pytest.approx([0, 0, 0, 0, 16, 16])


@pytest.mark.verilator
def test_traffic_sums_to_the_bytes_moved(digits_run):
    timeline = read_timeline(digits_run.region, digits_run.trace)
    traffic = find_traffic(timeline, np.linspace(0, timeline.cycles, 301))
    total = sum(moved_bytes(item) for item in timeline.instructions)
    assert traffic.read.sum() + traffic.written.sum() == pytest.approx(total)
    assert traffic.written.sum() == pytest.approx(digits_run.counters["write_bytes"])
    most = timeline.config.bus_bytes * timeline.cycles / 300
    assert traffic.read.max() <= most * 1.01
    # The counter's bytes are whole beats, and 64 bytes an instruction.
    beats = digits_run.counters["read_bytes"] - 64 * len(timeline.instructions)
    assert traffic.read.sum() <= beats <= 1.25 * traffic.read.sum()
