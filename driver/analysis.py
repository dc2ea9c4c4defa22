"""All that a trace tells about one run of a region, for whoever shows it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isa.image import Region

from .occupancy import Occupancy, find_occupancy
from .profile import LayerProfile, profile_layers
from .timeline import Cycles, Timeline, read_timeline
from .traffic import Traffic, find_traffic
from .waits import engine_shares, find_waits

__all__ = ["Analysis", "analyse"]


@dataclass(frozen=True, eq=False)
class Analysis:
    """One run of a region.

    Attributes
    ----------
    timeline : Timeline
    layers : tuple of LayerProfile
    waits : records that find_waits gives
    shares : int64[engines, 1 + causes], where each engine's cycles went, see engine_shares
    occupancy : tuple of Occupancy, one a scratchpad
    counters : the machine's counters by name; empty of a model that has none
    """

    timeline: Timeline
    layers: tuple[LayerProfile, ...]
    waits: npt.NDArray[np.void]
    shares: Cycles
    occupancy: tuple[Occupancy, ...]
    counters: Mapping[str, int]

    @property
    def cycles(self) -> int:
        """Cycles from START to the last instruction's end."""
        return self.timeline.cycles

    def edges(self, bins: int) -> npt.NDArray[np.float64]:
        """Return the cycles that cut the run into `bins` equal parts: float64[bins + 1]."""
        return np.linspace(0, self.cycles, bins + 1)

    def traffic(self, bins: int) -> Traffic:
        """Return the DRAM traffic in each of `bins` equal parts of the run."""
        return find_traffic(self.timeline, self.edges(bins))


def analyse(region: Region, trace: npt.NDArray[np.void], counters: Mapping[str, int]) -> Analysis:
    """Return what `trace` tells; it and `counters` are of one run of `region`."""
    timeline = read_timeline(region, trace)
    waits = find_waits(timeline)
    return Analysis(
        timeline=timeline,
        layers=profile_layers(timeline, waits),
        waits=waits,
        shares=engine_shares(timeline, waits),
        occupancy=find_occupancy(timeline),
        counters=counters,
    )
