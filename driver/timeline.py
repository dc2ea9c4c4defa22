"""When each instruction of a region ran: a machine's trace beside the decoded program."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.decoding import decode_program
from isa.image import Region
from isa.instructions import Engine, Opcode
from isa.program import Instruction

__all__ = ["Cycles", "Timeline", "read_timeline", "spread"]

Cycles = npt.NDArray[np.int64]

# The instruction that ends a program runs on no engine.
_NO_ENGINE = -1


@dataclass(frozen=True, eq=False)
class Timeline:
    """One run of a region. Cycles count from 0 = START; a span is start..end - 1.

    Attributes
    ----------
    region : Region
    instructions : tuple of Instruction, the whole program
    engines : int64[instructions], Engine, or -1 for the end of the program
    starts, ends : int64[instructions], the instruction's span; both 0 for the end of the program
    """

    region: Region
    instructions: tuple[Instruction, ...]
    engines: Cycles
    starts: Cycles
    ends: Cycles

    @property
    def config(self) -> Config:
        """The machine's configuration."""
        return self.region.program.config

    @cached_property
    def cycles(self) -> int:
        """Cycles from START to the last instruction's end."""
        return int(self.ends.max(initial=0))

    @cached_property
    def layers(self) -> Cycles:
        """Layer of each instruction: int64[instructions]."""
        return np.asarray(self.region.instruction_layers, np.int64)

    @cached_property
    def turns(self) -> Cycles:
        """Cycle from which each instruction is its engine's oldest: int64[instructions].

        Several instructions may be in an engine at once; the spans turn..end - 1 of an engine are
        disjoint and together are the cycles in which it was busy.
        """
        turns = self.starts.copy()
        for engine in Engine:
            mine = self.of(engine)
            turns[mine[1:]] = np.maximum(self.starts[mine[1:]], self.ends[mine[:-1]])
        return turns

    def of(self, engine: Engine) -> Cycles:
        """Return the indices of the instructions of `engine`, in order."""
        return np.flatnonzero(self.engines == engine)

    def mask(self, name: str) -> Cycles:
        """Return the mask `wait` or `signal` of each instruction: int64[instructions]."""
        masks = [instruction.fields.get(name, 0) for instruction in self.instructions]
        return np.array(masks, np.int64)


def read_timeline(region: Region, trace: npt.NDArray[np.void]) -> Timeline:
    """Return the timeline of `region`.

    Parameters
    ----------
    trace : records (engine, index, start_cycle, end_cycle), one for each instruction that an
        engine ran, first and last cycle counted from START; of a machine or of the timing model
    """
    segments = {item.index: item.segment for item in region.program.relocations}
    instructions = tuple(
        Instruction(opcode, fields, segments.get(index, ""))
        for index, (opcode, fields) in enumerate(decode_program(region.program))
    )
    engines = np.array([_engine(instruction) for instruction in instructions], np.int64)
    index = trace["index"].astype(np.int64)
    expected = np.flatnonzero(engines != _NO_ENGINE)
    assert np.array_equal(np.sort(index), expected), "the trace is not of this program, run whole"
    assert np.array_equal(engines[index], trace["engine"]), "the trace is not of this program"
    starts, ends = np.zeros((2, len(instructions)), np.int64)
    ends[index] = trace["end_cycle"]
    # The trace counts from 1, as its last cycle is the counter's number of cycles.
    starts[index] = np.maximum(trace["start_cycle"].astype(np.int64) - 1, 0)
    return Timeline(region, instructions, engines, starts, ends)


def spread(
    starts: Cycles, ends: Cycles, amounts: Cycles, edges: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return how much of `amounts` falls between each two edges, each spread over its span.

    Parameters
    ----------
    starts, ends : int64[spans], disjoint and rising
    amounts : int64[spans]
    edges : float64[bins + 1], rising cycles

    Returns
    -------
    float64[bins], their sum is that of the amounts if the edges cover every span
    """
    if not len(starts):
        return np.zeros(len(edges) - 1)
    times = np.stack([starts, ends], axis=1).reshape(-1)
    totals = np.cumsum(np.stack([np.zeros(len(amounts)), amounts], axis=1).reshape(-1))
    result: npt.NDArray[np.float64] = np.diff(np.interp(edges, times, totals))
    return result


def _engine(instruction: Instruction) -> int:
    if instruction.opcode == Opcode.END:
        return _NO_ENGINE
    if instruction.opcode == Opcode.SYNC:
        return instruction.fields["engine"]
    return int(instruction.opcode)
