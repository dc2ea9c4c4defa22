"""Places outside the memories on the chip, the address space and the windows of DRAM."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .config import Config
from .footprint import DRAM, Access, memory_places
from .intervals import EMPTY, Intervals

__all__ = ["Limits", "Window"]

# No burst crosses this boundary (AMBA AXI specification, A3.4.1), and each must lie in a window.
_BURST_BOUNDARY = 4096


class Window(NamedTuple):
    """A range of DRAM that the driver opens.

    Attributes
    ----------
    base, size : int, bytes
    readable, writable : bool
    """

    base: int
    size: int
    readable: bool
    writable: bool


class Limits:
    """What of each memory an instruction may touch.

    Parameters
    ----------
    config : Config
    windows : the open windows, or None where all of DRAM is open. A run that crosses from one
        into the next is counted as outside, unless they meet on a multiple of 4096, where every
        burst ends.
    """

    def __init__(self, config: Config, windows: Sequence[Window] | None) -> None:
        self._config = config
        self._sizes: dict[str, int] = {}
        self._open = None if windows is None else [_joined(windows, w) for w in (False, True)]

    def outside(self, access: Access) -> Intervals:
        """Return the places of `access` that do not exist, or that no window opens."""
        places, memory = access.places, access.memory
        size = self._sizes.get(memory)
        if size is None:
            size = self._sizes[memory] = memory_places(self._config, memory)
        low, high = places.low, places.high
        if low < 0 or high >= size:
            below = places.clipped(min(low, 0), 0)
            return below.union(places.clipped(size, max(high, size) + 1))
        if self._open is None or not memory.startswith(DRAM):
            return EMPTY
        opened = self._open[access.writes]
        if any(start <= low and high < end for start, end in opened):
            return EMPTY
        inside = np.zeros(len(places), np.bool_)
        for start, end in opened:
            inside |= (places.starts >= start) & (places.stops <= end)
        return Intervals(places.starts[~inside], places.stops[~inside])


def _joined(windows: Sequence[Window], writes: bool) -> list[tuple[int, int]]:
    """Return start and end of what may be touched, windows that meet on a boundary as one."""
    result: list[tuple[int, int]] = []
    for window in sorted(windows):
        if window.size and (window.writable if writes else window.readable):
            start, end = window.base, window.base + window.size
            if result and result[-1][1] >= start and start % _BURST_BOUNDARY == 0:
                start, last = result.pop()
                end = max(end, last)
            result.append((start, end))
    return result
