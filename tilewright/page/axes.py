"""Axes of the charts: where a value stands, and which values are written."""

import math
from dataclasses import dataclass

from .markup import element, line, short, text

__all__ = ["WIDTH", "Axis", "chart", "cycle_axis", "cycle_marks"]

# Units of every chart; a browser scales them to the page.
WIDTH = 1000
_LEFT, _RIGHT = 62, 12


@dataclass(frozen=True)
class Axis:
    """A linear or logarithmic axis.

    Attributes
    ----------
    low, high : float, values at both ends; of a logarithmic axis above 0
    start, stop : float, places of both ends
    logarithmic : bool
    """

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Return where `value` stands; values outside stand at the nearer end."""
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)


def cycle_axis(cycles: int) -> Axis:
    """Return the axis that all charts over time share."""
    return Axis(0, max(1, cycles), _LEFT, WIDTH - _RIGHT)


def round_steps(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` + 1 round numbers at equal distances in low..high."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in (1, 2, 5, 10):
        if (high - low) / (factor * step) <= most:
            step *= factor
            break
    first = math.ceil(low / step)
    return [step * place for place in range(first, math.floor(high / step) + 1)]


def chart(title: str, height: float, *parts: str) -> str:
    """Return an SVG drawing; `title` is read out to who cannot see it."""
    name = element("title", title)
    attributes = {"viewBox": f"0 0 {WIDTH} {height:g}", "role": "img", "aria-label": title}
    opening = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f"<svg {opening}>{name}{''.join(parts)}</svg>"


def cycle_marks(axis: Axis, top: float, bottom: float) -> str:
    """Return grid lines at round numbers of cycles, and the numbers below them."""
    parts = []
    for value in round_steps(axis.low, axis.high, 8):
        x = axis.place(value)
        parts.append(line(x, top, x, bottom, "grid"))
        parts.append(text(x, bottom + 14, short(value), class_="tick", text_anchor="middle"))
    return "".join(parts)
