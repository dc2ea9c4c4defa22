"""The roofline: how fast each layer computes, against what the machine can do at most."""

import html
import math
from collections.abc import Sequence

from driver.profile import LayerProfile
from isa.config import Config

from .axes import WIDTH, Axis, chart
from .markup import count, element, line, percent, short, text

__all__ = ["roofline"]

_HEIGHT = 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 24, 24, _HEIGHT - 44
_LETTER, _LINE = 6.0, 12.0

Box = tuple[float, float, float, float]
Dot = tuple[int, LayerProfile, float, float, float]


def roofline(layers: Sequence[LayerProfile], config: Config) -> str:
    """Return the chart: a dot a layer with multiplications, numbered as in the table.

    A layer that moves no bytes stands at the right edge.
    """
    peak, slope = config.macs_per_cycle, config.bus_bytes
    points = [
        (number, layer, layer.macs / max(1, layer.dram_bytes), layer.peak_share * peak)
        for number, layer in enumerate(layers, start=1)
        if layer.peak_share
    ]
    if not points:
        return element("p", "No layer multiplies.", class_="soft")
    knee = peak / slope
    shown = [point[2] for point in points if point[1].dram_bytes] or [knee]
    x_axis = _powers(min(*shown, knee / 4), max(*shown, knee * 4), _LEFT, WIDTH - _RIGHT)
    y_axis = _powers(min(point[3] for point in points), peak * 1.3, _BOTTOM, _TOP)
    total = sum(layer.cycles for layer in layers)
    dots = [
        (number, layer, x_axis.place(x), y_axis.place(y), _radius(layer.cycles / total))
        for number, layer, x, y in points
    ]
    return chart(
        "Roofline: MACs a cycle of each layer over its MACs per byte of DRAM",
        _HEIGHT,
        _grid(x_axis, y_axis),
        _roof(x_axis, y_axis, peak, slope),
        *(_dot(dot) for dot in sorted(dots, key=lambda dot: -dot[4])),
        *_labels(dots, (x_axis.place(knee), y_axis.place(peak) - 1, WIDTH, y_axis.place(peak) + 1)),
    )


def _powers(low: float, high: float, start: float, stop: float) -> Axis:
    """Return a logarithmic axis whose low end is a power of two below `low`."""
    return Axis(2.0 ** math.floor(math.log2(low) - 0.3), high * 1.15, start, stop, True)


def _radius(share: float) -> float:
    return 3.5 + 12 * math.sqrt(share)


def _grid(x_axis: Axis, y_axis: Axis) -> str:
    parts = []
    for value in _doublings(x_axis):
        x = x_axis.place(value)
        parts.append(line(x, _TOP, x, _BOTTOM, "grid"))
        parts.append(text(x, _BOTTOM + 15, short(value), class_="tick", text_anchor="middle"))
    for value in _doublings(y_axis):
        y = y_axis.place(value)
        parts.append(line(_LEFT, y, WIDTH - _RIGHT, y, "grid"))
        parts.append(text(_LEFT - 6, y + 4, short(value), class_="tick", text_anchor="end"))
    parts.append(text(WIDTH - _RIGHT, _HEIGHT - 10, "MACs per byte of DRAM", text_anchor="end"))
    parts.append(text(8, 14, "MACs a cycle"))
    return "".join(parts)


def _doublings(axis: Axis) -> list[float]:
    first, last = math.ceil(math.log2(axis.low)), math.floor(math.log2(axis.high))
    step = 1 + (last - first) // 16
    return [2.0**power for power in range(first, last + 1, step)]


def _roof(x_axis: Axis, y_axis: Axis, peak: float, slope: float) -> str:
    knee = peak / slope
    left = max(x_axis.low, y_axis.low / slope)
    points = [(left, left * slope), (knee, peak), (x_axis.high, peak)]
    path = "L".join(f"{x_axis.place(x):.1f} {y_axis.place(y):.1f}" for x, y in points)
    top, middle = y_axis.place(peak), math.sqrt(left * knee)
    return "".join(
        (
            line(_LEFT, top, x_axis.place(knee), top, "limit"),
            element("path", d=f"M{path}", class_="roof"),
            text(_LEFT + 6, top - 6, f"peak: {peak:g} MACs a cycle", class_="tick"),
            text(
                x_axis.place(middle) - 8,
                y_axis.place(middle * slope) - 4,
                f"DRAM: {slope:g} bytes a cycle",
                class_="tick",
                text_anchor="end",
            ),
        )
    )


def _dot(dot: Dot) -> str:
    number, layer, x, y, radius = dot
    title = (
        f"{number} {layer.name}: {count(layer.macs)} MACs, {count(layer.cycles)} cycles, "
        f"{percent(layer.peak_share)} of peak, {count(layer.dram_bytes)} bytes, "
        f"bound by {layer.bound}"
    )
    return element(
        "circle",
        element("title", html.escape(title)),
        cx=x,
        cy=y,
        r=radius,
        class_=f"dot {layer.bound}",
        fill_opacity=0.75,
    )


def _labels(dots: Sequence[Dot], roof: Box) -> list[str]:
    """Write number and name beside each dot where there is room, else the number alone."""
    taken: list[Box] = [roof]
    taken += [(x - r / 2, y - r / 2, x + r / 2, y + r / 2) for *_, x, y, r in dots]
    labels = []
    for number, layer, x, y, radius in sorted(dots, key=lambda dot: -dot[4]):
        full = f"{number} {_name(layer.name)}"
        spots = [
            (content, box)
            for content in (full, str(number))
            for box in _spots(x, y, radius, content)
        ]
        content, box = next((spot for spot in spots if _free(spot[1], taken)), spots[-1])
        taken.append(box)
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        if math.dist(middle, (x, y)) > radius + len(content) * _LETTER / 2 + _LINE:
            labels.append(line(x, y, *middle, "lead"))
        labels.append(text(box[0], box[3] - 3, content))
    return labels


def _name(name: str) -> str:
    """Return the part of a layer's name that tells it from others, cut to what fits a chart."""
    name = name.split("'")[1] if name.count("'") >= 2 else name
    name = "/".join(name.split(";")[0].split("/")[-2:])
    return name if len(name) <= 18 else f"{name[:17]}…"


def _spots(x: float, y: float, radius: float, content: str) -> list[Box]:
    """Return places for a label, the best first."""
    width = len(content) * _LETTER
    boxes = []
    for away in (3.0, 14.0, 28.0, 44.0, 62.0, 82.0):
        reach = radius + away
        for left, top in (
            (x + reach, y - _LINE / 2),
            (x - reach - width, y - _LINE / 2),
            (x - width / 2, y + reach),
            (x - width / 2, y - reach - _LINE),
            (x + reach * 0.7, y + reach * 0.7),
            (x - reach * 0.7 - width, y + reach * 0.7),
        ):
            boxes.append((left, top, left + width, top + _LINE))
    return boxes


def _free(box: Box, taken: Sequence[Box]) -> bool:
    left, top, right, bottom = box
    if left < _LEFT or right > WIDTH - 4 or top < 2 or bottom > _BOTTOM:
        return False
    return not any(
        left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
        for other in taken
    )
