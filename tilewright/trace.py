"""Writes an instruction trace in the Trace Event Format, which Perfetto and Chrome open.

Source: "Trace Event Format", section "Complete Events"; one cycle is written as a microsecond.
"""

import json
import os
from typing import Any

from driver.device import RegionRun, Result
from isa.instructions import Engine

__all__ = ["write_trace"]


def write_trace(path: str | os.PathLike[str], result: Result) -> None:
    """Write one track an engine, one slice an instruction, for every region with a trace."""
    events: list[dict[str, Any]] = []
    for process, run in enumerate(result.regions):
        events += _region_events(process, run)
    with open(path, "w") as file:
        json.dump({"traceEvents": events, "displayTimeUnit": "ns"}, file)


def _region_events(process: int, run: RegionRun) -> list[dict[str, Any]]:
    if run.trace is None:
        return []
    events: list[dict[str, Any]] = [
        {
            "ph": "M",
            "name": "thread_name",
            "pid": process,
            "tid": int(engine),
            "args": {"name": engine.name.lower()},
        }
        for engine in Engine
    ]
    region = run.region
    for row in run.trace:
        index = int(row["index"])
        layer = region.layers[region.instruction_layers[index]]
        events.append(
            {
                "ph": "X",
                "name": layer.name,
                "pid": process,
                "tid": int(row["engine"]),
                "ts": int(row["start_cycle"]),
                "dur": int(row["end_cycle"]) - int(row["start_cycle"]) + 1,
                "args": {"instruction": index},
            }
        )
    return events
