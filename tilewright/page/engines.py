"""What the engines did over time: busy, or waiting for what."""

import html
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from driver.analysis import Analysis
from driver.profile import LayerProfile
from driver.timeline import spread
from isa.instructions import Engine

from .axes import Axis, chart, cycle_axis, cycle_marks
from .causes import CAUSES
from .markup import count, element, percent, table, text

__all__ = ["columns", "engine_chart", "engine_table", "layer_bands"]

_TOP, _ROW, _GAP = 22, 46, 8

Shares = npt.NDArray[np.float64]


def engine_chart(analysis: Analysis, bins: int) -> str:
    """Return a track an engine: in each of `bins` columns the shares of busy and of waits."""
    axis = cycle_axis(analysis.cycles)
    bottom = _TOP + len(Engine) * (_ROW + _GAP)
    parts = [cycle_marks(axis, _TOP, bottom)]
    for engine in Engine:
        floor = _TOP + (engine + 1) * (_ROW + _GAP) - _GAP
        name = engine.name.lower()
        parts.append(text(8, floor - _ROW / 2 + 4, name))
        base = np.zeros(bins)
        for class_, shares in _stack(analysis, engine, bins):
            parts.append(columns(axis, floor, _ROW, base, base + shares, class_))
            base = base + shares
    parts.append(layer_bands(analysis.layers, axis, _TOP, bottom))
    return chart("Engines over time, in cycles", bottom + 22, *parts)


def layer_bands(layers: Sequence[LayerProfile], axis: Axis, top: float, bottom: float) -> str:
    """Return a band a layer, which names it when pointed at, and its number where there is room."""
    parts = []
    begin, free = axis.start, 0.0
    for number, layer in enumerate(layers, start=1):
        end = axis.place(layer.end)
        title = f"{number} {layer.name}: {count(layer.cycles)} cycles, bound by {layer.bound}"
        parts.append(
            element(
                "rect",
                element("title", html.escape(title)),
                x=round(begin, 1),
                y=top,
                width=round(end - begin, 1),
                height=bottom - top,
                class_="band odd" if number % 2 else "band",
            )
        )
        width = 7.0 * len(str(number))
        middle = (begin + end) / 2
        if middle - width / 2 >= free:
            mark = text(round(middle, 1), top - 8, str(number), class_="tick", text_anchor="middle")
            parts.append(mark)
            free = middle + width / 2 + 3
        begin = end
    return "".join(parts)


def columns(axis: Axis, floor: float, height: float, low: Shares, high: Shares, class_: str) -> str:
    """Return a path of one column a bin from share `low` to share `high`; equal ones are joined."""
    # Half units are finer than a screen shows, and keep the path short.
    tops, feet = np.round(2 * height * high) / 2, np.round(2 * height * low) / 2
    changes = np.flatnonzero(np.diff(tops) != 0) + 1, np.flatnonzero(np.diff(feet) != 0) + 1
    starts = np.union1d([0], np.concatenate(changes)).astype(int)
    step = (axis.stop - axis.start) / len(tops)
    parts = []
    for start, stop in zip(starts, [*starts[1:], len(tops)], strict=True):
        size = tops[start] - feet[start]
        if size > 0:
            x, y = axis.start + start * step, floor - tops[start]
            parts.append(f"M{x:.1f} {y:g}h{(stop - start) * step:.1f}v{size:g}H{x:.1f}z")
    return element("path", d="".join(parts), class_=class_) if parts else ""


def engine_table(analysis: Analysis) -> str:
    """Return the sums: where the cycles of each engine went."""
    head = ["engine", "busy", *(f"waits: {name}" for name in CAUSES.values()), "finished"]
    stalled = bool(analysis.counters)
    if stalled:
        head.append("stalled inside")
    rows = []
    for engine in Engine:
        busy, *waits = analysis.shares[engine].tolist()
        cells = [_cell(cycles, analysis.cycles) for cycles in (busy, *waits)]
        if stalled:
            stall = analysis.counters[f"{engine.name.lower()}_stalled"]
            cells.append(_cell(stall, analysis.cycles))
        rows.append([engine.name.lower(), *cells])
    return table(head, rows)


def _cell(cycles: int, total: int) -> str:
    if not cycles:
        return ""
    share = element("div", percent(cycles / total), class_="soft")
    return element("div", count(cycles)) + share


def _stack(analysis: Analysis, engine: Engine, bins: int) -> list[tuple[str, Shares]]:
    """Return (class, share of each bin) of what an engine did, from the bottom up."""
    timeline, waits = analysis.timeline, analysis.waits
    edges = analysis.edges(bins)
    size = max(1.0, analysis.cycles / bins)
    mine = timeline.of(engine)
    starts, ends = timeline.turns[mine], timeline.ends[mine]
    result = [(engine.name.lower(), spread(starts, ends, ends - starts, edges) / size)]
    for cause, name in CAUSES.items():
        found = waits[(waits["engine"] == engine) & (waits["cause"] == cause)]
        starts, ends = found["start"], found["end"]
        share = spread(starts, ends, ends - starts, edges) / size
        result.append((f"{name} waits", share))
    return result
