"""How the taps of a depthwise window lie in param words, and the two loop levels that walk them."""

from dataclasses import dataclass

from isa.config import SLOTS_PER_PARAM_WORD, TAPS_PER_PARAM_WORD, Config

from .layers import Window

__all__ = ["TapLayout", "slides", "tap_layout"]

# Width of the windows, and the strides, that the vector engine slides over a row of pixels.
_SLIDING_WIDTH = 3
_SLIDING_STRIDES = (1, 2)


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


def slides(window: Window, config: Config) -> bool:
    """Return whether the machine reads a pixel once for all taps of a line of `window`."""
    return (
        config.row_taps == _SLIDING_WIDTH == window.kernel[1]
        and window.dilation[1] == 1
        and window.stride[1] in _SLIDING_STRIDES
    )
