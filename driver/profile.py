"""Where the cycles went: per layer, from a machine's instruction trace."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.image import Region
from isa.instructions import Engine, Opcode
from isa.program import Instruction

__all__ = ["LayerProfile", "TracingMachine", "dram_bytes", "profile_region"]

# An engine busy for less than this share of a layer's cycles does not bound it: latency does.
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
    cycles : int, from the end of the layer before it to its own end; their sum is the region's
    dram_bytes : int, bytes that its loads and stores move
    peak_share : float, MACs a cycle over what the matrix engine can do
    bound : str, the engine that is busy longest, or "latency" if none is busy half of the time
    """

    name: str
    operator: str
    macs: int
    cycles: int
    dram_bytes: int
    peak_share: float
    bound: str


def profile_region(
    region: Region, trace: npt.NDArray[np.void], config: Config
) -> tuple[LayerProfile, ...]:
    """Return the profile of each layer of `region`.

    Parameters
    ----------
    trace : records (engine, index, start_cycle, end_cycle) of one run of the region
    """
    count = len(region.layers)
    owner = np.asarray(region.instruction_layers)[trace["index"]]
    ends = np.zeros(count, np.int64)
    np.maximum.at(ends, owner, trace["end_cycle"].astype(np.int64))
    ends = np.maximum.accumulate(ends)
    starts = np.concatenate(([0], ends[:-1]))
    busy = np.zeros((count, len(Engine)), np.int64)
    spans = trace["end_cycle"].astype(np.int64) - trace["start_cycle"].astype(np.int64) + 1
    np.add.at(busy, (owner, trace["engine"]), spans)
    moved = dram_bytes(region)
    return tuple(
        _profile(region, index, int(ends[index] - starts[index]), busy[index], moved, config)
        for index in range(count)
    )


def dram_bytes(region: Region) -> list[int]:
    """Return the bytes that the loads and stores of each layer move, without padding."""
    totals = [0] * len(region.layers)
    instructions = region.program.instructions()
    for layer, instruction in zip(region.instruction_layers, instructions, strict=True):
        totals[layer] += _moved(instruction)
    return totals


def _profile(
    region: Region,
    index: int,
    cycles: int,
    busy: npt.NDArray[np.int64],
    moved: Sequence[int],
    config: Config,
) -> LayerProfile:
    layer = region.layers[index]
    longest = int(busy.argmax())
    bound = Engine(longest).name.lower() if busy[longest] >= _BOUND_SHARE * cycles else "latency"
    share = layer.macs / (cycles * config.macs_per_cycle) if cycles else 0.0
    return LayerProfile(layer.name, layer.operator, layer.macs, cycles, moved[index], share, bound)


def _moved(instruction: Instruction) -> int:
    fields = instruction.fields
    if instruction.opcode == Opcode.STORE:
        return fields["x_bytes"] * fields["y_count"] * fields["z_count"]
    if instruction.opcode != Opcode.LOAD:
        return 0
    first = fields["z_origin"]
    lines = min(first + fields["z_count"], fields["line_count"]) - max(first, 0)
    starts = fields["x_origin"] + fields["y_stride"] * np.arange(fields["y_count"])
    stops = np.minimum(starts + fields["x_bytes"], fields["line_bytes"])
    return max(0, lines) * int(np.maximum(stops - np.maximum(starts, 0), 0).sum())
