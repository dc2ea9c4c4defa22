"""Two loop levels walk every tap of a depthwise window exactly once."""

import itertools

import pytest

from compiler.backends.accel.layers import Window
from compiler.backends.accel.taps import tap_layout
from isa.config import SLOTS_PER_PARAM_WORD, preset

VTA = preset("vta")


@pytest.mark.parametrize("height", range(1, 18))
def test_every_window(height):
    for width, dilation in itertools.product(range(1, 18), ((1, 1), (2, 3))):
        layout = tap_layout(Window((height, width), dilation=dilation))
        if layout is None:
            # Only these: wider than a param word has slots, and higher than one line.
            assert width > VTA.taps_per_param_word and height > 1
            continue
        assert layout.slots <= VTA.taps_per_param_word
        assert layout.words * layout.slots == height * width
        visits = {}
        for i, j in itertools.product(range(layout.outer.count), range(layout.inner.count)):
            slot = i * layout.outer.slots + j * layout.inner.slots
            line = i * layout.outer.lines + j * layout.inner.lines
            pixel = i * layout.outer.pixels + j * layout.inner.pixels
            assert (line, pixel) not in visits
            visits[line, pixel] = slot
        assert visits == {
            (y * dilation[0], x * dilation[1]): _slot(y * width + x, layout.slots)
            for y in range(height)
            for x in range(width)
        }, f"window {height}x{width}, dilation {dilation}"


def _slot(tap, slots):
    """Return where `pack_taps` puts a tap, in units of slots."""
    return tap // slots * SLOTS_PER_PARAM_WORD + tap % slots
