"""Bytes that loads and stores move between DRAM and the scratchpads."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.decoding import decode_program
from isa.image import Region
from isa.instructions import Engine, Memory, Opcode
from isa.program import Instruction

from .timeline import Cycles, Timeline, spread

__all__ = [
    "Traffic",
    "dram_bytes",
    "find_traffic",
    "memory_waits",
    "moved_bytes",
    "transfer_cycles",
]


@dataclass(frozen=True, eq=False)
class Traffic:
    """DRAM traffic over time; instructions and whole bus beats are not counted.

    Attributes
    ----------
    edges : float64[bins + 1], cycles
    read, written : float64[bins], bytes; an instruction's are spread evenly over its time
    """

    edges: npt.NDArray[np.float64]
    read: npt.NDArray[np.float64]
    written: npt.NDArray[np.float64]


def find_traffic(timeline: Timeline, edges: npt.NDArray[np.float64]) -> Traffic:
    """Return the traffic between each two of the cycles `edges`."""
    parts = []
    for engine in (Engine.LOAD, Engine.STORE):
        mine = timeline.of(engine)
        sizes = np.array([moved_bytes(timeline.instructions[index]) for index in mine], np.int64)
        parts.append(spread(timeline.turns[mine], timeline.ends[mine], sizes, edges))
    return Traffic(edges, parts[0], parts[1])


def memory_waits(timeline: Timeline) -> Cycles:
    """Return when loads and stores moved nothing: int64[waits, 3] of instruction, start and end.

    An estimate from above: an instruction's time less what its bytes need. A load waits for DRAM's
    first answer, so it is the beginning of its time; a store for the last, so it is the end.
    """
    rows = []
    for engine in (Engine.LOAD, Engine.STORE):
        for index in timeline.of(engine).tolist():
            start, end = int(timeline.turns[index]), int(timeline.ends[index])
            needed = transfer_cycles(timeline.instructions[index], timeline.config)
            if not 0 < needed < end - start:
                continue
            loads = engine == Engine.LOAD
            rows.append((index, start, end - needed) if loads else (index, start + needed, end))
    return np.array(rows, np.int64).reshape(-1, 3)


def dram_bytes(region: Region) -> list[int]:
    """Return the bytes that the loads and stores of each layer move, without padding."""
    totals = [0] * len(region.layers)
    instructions = decode_program(region.program)
    for layer, (opcode, fields) in zip(region.instruction_layers, instructions, strict=True):
        totals[layer] += moved_bytes(Instruction(opcode, fields))
    return totals


def moved_bytes(instruction: Instruction) -> int:
    """Return the bytes of DRAM that `instruction` reads or writes; padding is not read."""
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


def transfer_cycles(instruction: Instruction, config: Config) -> int:
    """Return the fewest cycles of a load or store: a beat of the bus or a word on chip a cycle."""
    if instruction.opcode not in (Opcode.LOAD, Opcode.STORE):
        return 0
    fields = instruction.fields
    words = -(-fields["x_bytes"] // _word_bytes(instruction, config))
    beats = -(-moved_bytes(instruction) // config.bus_bytes)
    return max(beats, words * fields["y_count"] * fields["z_count"])


def _word_bytes(instruction: Instruction, config: Config) -> int:
    if instruction.opcode == Opcode.STORE:
        return config.act_word_bytes
    return {
        Memory.ACT: config.act_word_bytes,
        Memory.WEIGHT: config.tile_bytes,
        Memory.PARAM: config.param_word_bytes,
        Memory.TABLE: config.table_bytes,
    }[Memory(instruction.fields["memory"])]
