"""Runs as a trace in the Trace Event Format, which Perfetto and Chrome open.

One process a region; in it a track an engine, under it the track of what it waited for, and
counters of DRAM traffic and of live words in each scratchpad. A cycle is written as a microsecond.

Source: "Trace Event Format", sections "Complete Events", "Counter Events", "Metadata Events".
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from driver.analysis import Analysis
from driver.traffic import memory_waits
from driver.waits import Cause
from isa.assembler import format_instruction
from isa.instructions import Engine

__all__ = ["trace_text"]

# Samples of a counter over a run.
_SAMPLES = 1024
# Numbers of threads that a process may use: threads of different processes are different, too.
_THREADS = 100
_WAITED = {
    Cause.QUEUE: "an older instruction is before a full queue",
    Cause.FETCH: "fetch",
    Cause.FINISHED: "nothing left to do",
} | {Cause(engine): f"waits for {engine.name.lower()}" for engine in Engine}

Event = dict[str, Any]


def trace_text(analyses: Sequence[Analysis], settings: Mapping[str, Any]) -> str:
    """Return the trace of some regions' runs as JSON.

    Parameters
    ----------
    settings : what cycle counts depend on; kept beside the counters in `otherData`
    """
    events: list[Event] = []
    for process, analysis in enumerate(analyses, start=1):
        events += _tracks(process, analysis)
        events += _instructions(process, analysis)
        events += _waits(process, analysis)
        events += _traffic(process, analysis)
        events += _occupancy(process, analysis)
    counters = {item.timeline.region.name: dict(item.counters) for item in analyses}
    other = {"settings": dict(settings), "counters": counters}
    trace = {"traceEvents": events, "displayTimeUnit": "ns", "otherData": other}
    return json.dumps(trace, separators=(",", ":"))


def _tracks(process: int, analysis: Analysis) -> Iterator[Event]:
    """Name the process and its tracks."""
    yield _event("M", "process_name", process, args={"name": analysis.timeline.region.name})
    for engine in Engine:
        name = engine.name.lower()
        thread = _thread(process, engine)
        for tid, title in ((thread, name), (thread + 1, f"{name} waits")):
            yield _event("M", "thread_name", process, tid=tid, args={"name": title})
            yield _event("M", "thread_sort_index", process, tid=tid, args={"sort_index": tid})


def _instructions(process: int, analysis: Analysis) -> Iterator[Event]:
    """Slices of a track must not overlap, so one begins when its instruction is the oldest."""
    timeline = analysis.timeline
    for index, instruction in enumerate(timeline.instructions):
        engine = int(timeline.engines[index])
        if engine < 0:
            continue
        opcode, *fields = format_instruction(timeline.config, instruction).split()
        args: dict[str, Any] = {
            "instruction": index,
            "opcode": opcode,
            "started": int(timeline.starts[index]),
        }
        args |= dict(field.split("=", 1) for field in fields)
        begin, end = int(timeline.turns[index]), int(timeline.ends[index])
        name = timeline.region.layers[timeline.layers[index]].name
        tid = _thread(process, engine)
        yield _event("X", name, process, tid=tid, ts=begin, dur=end - begin, args=args)


def _waits(process: int, analysis: Analysis) -> Iterator[Event]:
    """Waits between instructions, and within loads and stores those for the memory or the bus."""
    timeline = analysis.timeline
    rows = [
        (wait["engine"], wait["index"], wait["start"], wait["end"], _WAITED[Cause(wait["cause"])])
        for wait in analysis.waits
    ]
    rows += [
        (timeline.engines[index], index, begin, end, "memory or bus, at most")
        for index, begin, end in memory_waits(timeline)
    ]
    for engine, index, begin, end, name in rows:
        tid = _thread(process, int(engine)) + 1
        layer = timeline.region.layers[timeline.layers[index]].name
        args = {"instruction": int(index), "layer": layer}
        yield _event("X", name, process, tid=tid, ts=int(begin), dur=int(end - begin), args=args)


def _traffic(process: int, analysis: Analysis) -> Iterator[Event]:
    traffic = analysis.traffic(_SAMPLES)
    name = f"DRAM bytes in {analysis.cycles / _SAMPLES:.1f} cycles"
    parts = zip(
        traffic.edges.tolist(), traffic.read.tolist(), traffic.written.tolist(), strict=False
    )
    for begin, read, written in (*parts, (analysis.cycles, 0.0, 0.0)):
        args = {"read": round(read, 1), "written": round(written, 1)}
        yield _event("C", name, process, ts=round(begin, 1), args=args)


def _occupancy(process: int, analysis: Analysis) -> Iterator[Event]:
    edges = analysis.edges(_SAMPLES)
    for memory in analysis.occupancy:
        name = f"{memory.memory} live words of {memory.words}"
        last = -1.0
        for begin, live in zip(edges.tolist(), [*memory.maxima(edges).tolist(), 0.0], strict=True):
            if live != last:
                yield _event("C", name, process, ts=round(begin, 1), args={"live": live})
            last = live


def _thread(process: int, engine: int) -> int:
    """Return the thread of an engine; that of its waits is the next. None is 0 or its process."""
    return _THREADS * process + 2 * engine


def _event(kind: str, name: str, process: int, **rest: Any) -> Event:
    return {"ph": kind, "name": name, "pid": process, **rest}
