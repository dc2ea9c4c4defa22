"""How the taps of a depthwise window lie in param words, and the two loop levels that walk them."""

from dataclasses import dataclass

from isa.config import SLOTS_PER_PARAM_WORD, TAPS_PER_PARAM_WORD

from .layers import Window

__all__ = ["TapLayout", "tap_layout"]


@dataclass(frozen=True)
class TapLevel:
    """One loop level over taps: `count` steps of `slots` tap slots and (`lines`, `pixels`)."""

    count: int
    slots: int
    lines: int
    pixels: int


@dataclass(frozen=True)
class TapLayout:
    """`words` param words a group with `slots` taps each, walked by two levels, `outer` first."""

    words: int
    slots: int
    outer: TapLevel
    inner: TapLevel


def tap_layout(window: Window) -> TapLayout | None:
    """Return the layout of the taps of `window`, or None where two levels cannot walk them."""
    (height, width), (down, right) = window.kernel, window.dilation
    limit, word = TAPS_PER_PARAM_WORD, SLOTS_PER_PARAM_WORD
    if height * width <= limit:
        outer, inner = TapLevel(height, width, down, 0), TapLevel(width, 1, 0, right)
        return TapLayout(1, height * width, outer, inner)
    if 1 < width <= limit:
        outer, inner = TapLevel(height, word, down, 0), TapLevel(width, 1, 0, right)
        return TapLayout(height, width, outer, inner)
    if height > 1 and width > 1:
        return None
    length = height * width
    slots = max(divisor for divisor in range(1, limit + 1) if length % divisor == 0)
    lines, pixels = (down, 0) if width == 1 else (0, right)
    return TapLayout(
        length // slots,
        slots,
        TapLevel(length // slots, word, slots * lines, slots * pixels),
        TapLevel(slots, 1, lines, pixels),
    )
