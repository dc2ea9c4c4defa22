"""The trace file: tracks, slices that do not overlap, counters."""

import json
from collections import defaultdict

import pytest

from isa.instructions import Engine
from tilewright.trace import trace_text

pytestmark = pytest.mark.verilator


@pytest.fixture(scope="module")
def trace(analysis):
    return json.loads(trace_text([analysis, analysis], {"dram_latency_cycles": 40}))


@pytest.fixture(scope="module")
def events(trace):
    """Events of the first region."""
    return [event for event in trace["traceEvents"] if event["pid"] == 1]


def test_a_track_an_engine_and_one_for_its_waits(trace, events):
    names = [event["args"]["name"] for event in events if event["name"] == "thread_name"]
    assert names == [
        name for engine in Engine for name in (engine.name.lower(), f"{engine.name.lower()} waits")
    ]
    threads = [
        (event["pid"], event["tid"])
        for event in trace["traceEvents"]
        if event["name"] == "thread_name"
    ]
    assert len({tid for _, tid in threads}) == len(threads) == 16
    assert all(tid not in (0, pid) for pid, tid in threads)


def test_slices_of_a_track_do_not_overlap(analysis, events):
    tracks = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            tracks[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    assert len(tracks) == 8
    for spans in tracks.values():
        spans.sort()
        assert all(begin < end for begin, end in spans)
        assert all(one[1] <= other[0] for one, other in zip(spans, spans[1:], strict=False))
        assert spans[0][0] >= 0
        assert spans[-1][1] <= analysis.cycles


def test_a_slice_an_instruction(analysis, events):
    slices = {
        event["args"]["instruction"]: event
        for event in events
        if event["ph"] == "X" and "opcode" in event["args"]
    }
    timeline = analysis.timeline
    assert sorted(slices) == list(range(len(timeline.instructions) - 1))
    for index, event in slices.items():
        assert event["name"] == timeline.region.layers[timeline.layers[index]].name
        assert event["ts"] + event["dur"] == timeline.ends[index]
        assert event["args"]["started"] == timeline.starts[index] <= event["ts"]
        assert event["args"]["opcode"] == timeline.instructions[index].opcode.name.lower()
    first = slices[0]["args"]
    assert first["address"].split("+")[0] in ("constants", "data")


def test_waits_are_named_by_cause(analysis, events):
    names = {event["name"] for event in events if event["ph"] == "X" and event["tid"] % 2}
    assert {"waits for load", "waits for matrix", "waits for vector", "fetch"} <= names
    assert "memory or bus, at most" in names
    waits = [event for event in events if event["ph"] == "X" and event["tid"] == 103]
    # What matrix waited, with what it was busy, is all.
    busy = sum(event["dur"] for event in events if event["ph"] == "X" and event["tid"] == 102)
    assert busy + sum(event["dur"] for event in waits) == analysis.cycles


def test_counters(analysis, events):
    series = defaultdict(list)
    for event in events:
        if event["ph"] == "C":
            series[event["name"]].append((event["ts"], event["args"]))
    assert len(series) == 1 + len(analysis.occupancy)
    for samples in series.values():
        times = [time for time, _ in samples]
        assert times == sorted(set(times))
        assert set(samples[-1][1].values()) == {0}
    (traffic,) = (samples for name, samples in series.items() if name.startswith("DRAM bytes in"))
    total = sum(args["read"] + args["written"] for _, args in traffic)
    assert total == pytest.approx(sum(layer.dram_bytes for layer in analysis.layers), rel=0.02)
    for memory in analysis.occupancy:
        samples = series[f"{memory.memory} live words of {memory.words}"]
        assert max(args["live"] for _, args in samples) == memory.peak


def test_settings_and_counters_stand_beside(analysis, trace):
    assert trace["otherData"] == {
        "settings": {"dram_latency_cycles": 40},
        "counters": {"accel_0": dict(analysis.counters)},
    }
