"""Scratchpads and DRAM over time."""

import numpy as np

from driver.analysis import Analysis
from driver.occupancy import Occupancy

from .axes import Axis, chart, cycle_axis, cycle_marks
from .engines import columns, layer_bands
from .markup import count, line, percent, text

__all__ = ["occupancy_chart", "traffic_chart"]

_TOP, _ROW, _GAP = 22, 52, 10
# The track that a memory is drawn in: the colour of the engine that mostly writes it.
_CLASSES = {
    "act": "vector",
    "weight": "load",
    "acc": "matrix",
    "param": "store",
    "table": "queue",
}


def occupancy_chart(analysis: Analysis, bins: int) -> str:
    """Return a track a scratchpad: the most words that were live in each of `bins` columns."""
    axis = cycle_axis(analysis.cycles)
    used = [memory for memory in analysis.occupancy if memory.peak]
    bottom = _TOP + len(used) * (_ROW + _GAP)
    parts = [cycle_marks(axis, _TOP, bottom)]
    for place, memory in enumerate(used):
        floor = _TOP + (place + 1) * (_ROW + _GAP) - _GAP
        parts.append(_track(analysis, memory, axis, floor, bins))
    parts.append(layer_bands(analysis.layers, axis, _TOP, bottom))
    return chart("Live words of each scratchpad over time, in cycles", bottom + 22, *parts)


def _track(analysis: Analysis, memory: Occupancy, axis: Axis, floor: float, bins: int) -> str:
    shares = memory.maxima(analysis.edges(bins)) / memory.words
    peak = memory.peak / memory.words
    return "".join(
        (
            line(axis.start, floor - _ROW, axis.stop, floor - _ROW, "limit"),
            columns(axis, floor, _ROW, np.zeros(bins), shares, _CLASSES[memory.memory]),
            text(8, floor - _ROW / 2 - 2, memory.memory),
            text(8, floor - _ROW / 2 + 12, percent(peak), class_="tick"),
        )
    )


def traffic_chart(analysis: Analysis, bins: int) -> str:
    """Return bytes read and written, as shares of what the bus carries in a column's time."""
    axis = cycle_axis(analysis.cycles)
    bottom = _TOP + 2 * (_ROW + _GAP)
    traffic = analysis.traffic(bins)
    most = analysis.timeline.config.bus_bytes * max(1.0, analysis.cycles / bins)
    parts = [cycle_marks(axis, _TOP, bottom)]
    for place, (name, sizes, class_) in enumerate(
        (("read", traffic.read, "load"), ("written", traffic.written, "store")), start=1
    ):
        floor = _TOP + place * (_ROW + _GAP) - _GAP
        shares = np.minimum(sizes / most, 1.0)
        parts.append(line(axis.start, floor - _ROW, axis.stop, floor - _ROW, "limit"))
        parts.append(columns(axis, floor, _ROW, np.zeros(bins), shares, class_))
        parts.append(text(8, floor - _ROW / 2 - 2, name))
        share = sizes.sum() / (most * bins)
        parts.append(text(8, floor - _ROW / 2 + 12, percent(share), class_="tick"))
    parts.append(layer_bands(analysis.layers, axis, _TOP, bottom))
    title = f"DRAM traffic over time; {count(traffic.read.sum() + traffic.written.sum())} bytes"
    return chart(title, bottom + 22, *parts)
