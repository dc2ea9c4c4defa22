"""Where the cycles went: per layer, from a machine's instruction trace."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.image import Region
from isa.instructions import Engine

from .attribution import attribute_cycles
from .timeline import Cycles, Timeline, read_timeline
from .traffic import dram_bytes, moved_bytes, transfer_cycles
from .waits import Cause, find_waits

__all__ = [
    "LayerProfile",
    "TracingMachine",
    "dram_bytes",
    "layer_cycles",
    "profile_layers",
    "profile_region",
]

# An engine that works for less than this share of a layer's cycles does not bound it: latency does.
_BOUND_SHARE = 0.5


@runtime_checkable
class TracingMachine(Protocol):
    """A machine that knows when each instruction began and ended."""

    def instruction_trace(self) -> npt.NDArray[np.void]:
        """Return records (engine, index, start_cycle, end_cycle) of the last run."""


@dataclass(frozen=True)
class LayerProfile:
    """One layer of a run.

    Attributes
    ----------
    name, operator : str
    macs : int
    end : int, cycle after the last one in which this layer or one before it was at work
    cycles : int, those that belong to the layer (attribution.py); their sum is the region's
    dram_bytes : int, bytes that its loads and stores move
    peak_share : float, MACs a cycle over what the matrix engine can do, in the cycles in which
        `engine` was busy with the layer or waited before its instructions
    bound : str, the engine that works longest, or "latency" if none works half of the time; a
        load or store works in the cycles that its beats and words take
    busy : tuple of int, cycles in which each Engine was busy with the layer, whenever that was
    engine : Engine or None, the one that computes the layer: matrix if there is such an
        instruction, else vector, load or store; None if the layer has no instruction
    waits : tuple of int, cycles that this engine waited before the layer's instructions, by Cause
    """

    name: str
    operator: str
    macs: int
    end: int
    cycles: int
    dram_bytes: int
    peak_share: float
    bound: str
    busy: tuple[int, ...]
    engine: Engine | None
    waits: tuple[int, ...]

    def busy_share(self, config: Config) -> float:
        """Return MACs a cycle in which matrix was busy, over what it can do; 0 if it never was."""
        cycles = self.busy[Engine.MATRIX]
        return self.macs / (cycles * config.macs_per_cycle) if cycles else 0.0


def profile_region(
    region: Region, trace: npt.NDArray[np.void], config: Config
) -> tuple[LayerProfile, ...]:
    """Return the profile of each layer of `region`.

    Parameters
    ----------
    trace : records (engine, index, start_cycle, end_cycle) of one run of the region
    config : Config, the machine's
    """
    timeline = read_timeline(region, trace)
    assert timeline.config == config, "the region is of another machine"
    return profile_layers(timeline, find_waits(timeline))


def layer_cycles(region: Region, trace: npt.NDArray[np.void]) -> list[int]:
    """Return the cycles of each layer alone, as in its profile; parameters as profile_region."""
    owners = np.asarray(region.instruction_layers, np.int64)[trace["index"]]
    engines, ends = (trace[name].astype(np.int64) for name in ("engine", "end_cycle"))
    starts = np.maximum(trace["start_cycle"].astype(np.int64) - 1, 0)
    cycles = attribute_cycles(len(region.layers), owners, engines, starts, ends)
    result: list[int] = cycles.tolist()
    return result


def profile_layers(timeline: Timeline, waits: npt.NDArray[np.void]) -> tuple[LayerProfile, ...]:
    """Return the profile of each layer of a timeline; `waits` are those that find_waits gives."""
    count = len(timeline.region.layers)
    ran = timeline.engines >= 0
    ends = _layer_ends(count, timeline.layers, timeline.ends)
    cycles = attribute_cycles(
        count,
        timeline.layers[ran],
        timeline.engines[ran],
        timeline.starts[ran],
        timeline.ends[ran],
    )
    busy = np.zeros((count, len(Engine)), np.int64)
    places = timeline.layers[ran], timeline.engines[ran]
    np.add.at(busy, places, (timeline.ends - timeline.turns)[ran])
    waited = np.zeros((count, len(Engine), len(Cause)), np.int64)
    idle = waits[waits["cause"] != Cause.FINISHED]
    owners = timeline.layers[idle["index"]]
    np.add.at(waited, (owners, idle["engine"], idle["cause"]), idle["end"] - idle["start"])
    moved, shortest = _transfers(timeline, count)
    work = np.where(shortest > 0, np.minimum(busy, shortest), busy)
    return tuple(
        _profile(
            timeline,
            layer,
            (int(ends[layer]), int(cycles[layer])),
            int(moved[layer]),
            busy[layer],
            work[layer],
            waited[layer],
        )
        for layer in range(count)
    )


def _layer_ends(layers: int, owners: Cycles, ends: Cycles) -> Cycles:
    """Return int64[layers], the end of the layer or of one before it, from its instructions'."""
    result = np.zeros(layers, np.int64)
    np.maximum.at(result, owners, ends)
    return np.maximum.accumulate(result)


def _transfers(timeline: Timeline, layers: int) -> tuple[Cycles, Cycles]:
    """Return int64[layers] bytes and int64[layers, engines] fewest cycles of loads and stores."""
    moved = np.zeros(layers, np.int64)
    shortest = np.zeros((layers, len(Engine)), np.int64)
    for engine in (Engine.LOAD, Engine.STORE):
        for index in timeline.of(engine).tolist():
            instruction, layer = timeline.instructions[index], timeline.layers[index]
            moved[layer] += moved_bytes(instruction)
            shortest[layer, engine] += transfer_cycles(instruction, timeline.config)
    return moved, shortest


def _profile(
    timeline: Timeline,
    index: int,
    times: tuple[int, int],
    moved: int,
    busy: Cycles,
    work: Cycles,
    waits: Cycles,
) -> LayerProfile:
    layer = timeline.region.layers[index]
    end, cycles = times
    longest = int(work.argmax())
    at_work = cycles > 0 and work[longest] >= _BOUND_SHARE * cycles
    order = (Engine.MATRIX, Engine.VECTOR, Engine.LOAD, Engine.STORE)
    engine = next((item for item in order if busy[item]), None)
    waited = waits[engine] if engine is not None else np.zeros(len(Cause), np.int64)
    turn = int(busy[engine] + waited.sum()) if engine is not None else 0
    return LayerProfile(
        name=layer.name,
        operator=layer.operator,
        macs=layer.macs,
        end=end,
        cycles=cycles,
        dram_bytes=moved,
        peak_share=layer.macs / (turn * timeline.config.macs_per_cycle) if turn else 0.0,
        bound=Engine(longest).name.lower() if at_work else "latency",
        busy=tuple(busy.tolist()),
        engine=engine,
        waits=tuple(waited.tolist()),
    )
