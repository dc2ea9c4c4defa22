"""What an instruction reads and writes, as sets of places."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from isa.config import Config
from isa.instructions import (
    MATRIX_LEVELS,
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Destination,
    Memory,
    Opcode,
    Operation,
    instruction_set,
)
from isa.program import Instruction

from ..functional.nest import Addresses, addresses, steps

__all__ = ["Accesses", "accesses", "reads_its_own_writes"]

# DRAM is watched in blocks: finer than a burst would be no safer, coarser orders too much.
_BLOCK_BYTES = 64

Places = defaultdict[str, set[int]]


def _places() -> Places:
    return defaultdict(set)


@dataclass(frozen=True)
class Accesses:
    """Sets of places by memory.

    Attributes
    ----------
    reads, writes : act in units of min(rows, columns) bytes, DRAM in blocks, the others in words
    """

    reads: Places = field(default_factory=_places)
    writes: Places = field(default_factory=_places)

    def conflicts(self, other: "Accesses") -> bool:
        """Return whether the two must keep their order."""
        return (
            _meet(self.writes, other.writes)
            or _meet(self.writes, other.reads)
            or _meet(self.reads, other.writes)
        )


def accesses(config: Config, instruction: Instruction) -> Accesses:
    """Return what `instruction` reads and writes."""
    form = instruction_set(config).format(instruction.opcode)
    fields = {item.name: item.default for item in form.fields} | dict(instruction.fields)
    result = Accesses()
    if instruction.opcode == Opcode.LOAD:
        memory = Memory(fields["memory"])
        size = (
            config.act_word_bytes,
            config.tile_bytes,
            config.param_word_bytes,
            config.table_bytes,
        )[memory]
        _add(config, result.writes, memory.name.lower(), _words(fields, "destination", size), size)
        fields["address"] += fields["z_origin"] * fields["z_stride"] + fields["x_origin"]
        result.reads["dram"] |= _blocks(fields)
    elif instruction.opcode == Opcode.STORE:
        size = config.act_word_bytes
        _add(config, result.reads, "act", _words(fields, "source", size), size)
        result.writes["dram"] |= _blocks(fields)
    elif instruction.opcode == Opcode.MATRIX:
        _add(config, result.reads, "act", _operand(fields, "act", MATRIX_LEVELS), config.rows)
        _add(config, result.reads, "weight", _operand(fields, "weight", MATRIX_LEVELS), 0)
        _add(config, result.writes, "acc", _operand(fields, "acc", MATRIX_LEVELS), 0)
    elif instruction.opcode == Opcode.VECTOR:
        _vector(config, fields, result)
    return result


def reads_its_own_writes(config: Config, instruction: Instruction) -> bool:
    """Return whether a vector instruction reads a place that an earlier iteration wrote."""
    result = accesses(config, instruction)
    if not _meet(result.reads, result.writes):
        return False
    fields = instruction.fields
    a, output = (_operand(fields, name, VECTOR_LEVELS) for name in ("a", "output"))
    in_place = (
        fields["a_memory"] == fields["destination"]
        and fields["b_source"] != BSource.ACC
        and fields["reduce_levels"] == 0
        and np.array_equal(a, output)
        and np.unique(output).size == output.size
    )
    return not in_place


def _vector(config: Config, fields: Mapping[str, int], result: Accesses) -> None:
    a, b, record, output = (
        _operand(fields, name, VECTOR_LEVELS) for name in ("a", "b", "record", "output")
    )
    memory = "act" if fields["a_memory"] == AMemory.ACT else "acc"
    _add(config, result.reads, memory, a, config.columns)
    memory = "act" if fields["destination"] == Destination.ACT else "acc"
    _add(config, result.writes, memory, output, config.columns)
    if fields["b_source"] == BSource.ACC:
        _add(config, result.reads, "acc", b, 0)
    if fields["b_source"] == BSource.TAP:
        _add(config, result.reads, "param", b >> 4, 0)
    if fields["operation"] == Operation.TABLE:
        result.reads["table"].add(fields["table"])
    if fields["requantize"]:
        _add(config, result.reads, "param", record, 0)


def _operand(fields: Mapping[str, int], name: str, levels: int) -> Addresses:
    return addresses(fields[name], steps(fields, "count", levels), steps(fields, name, levels))


def _words(fields: Mapping[str, int], local: str, word_bytes: int) -> Addresses:
    counts = (fields["z_count"], fields["y_count"], -(-fields["x_bytes"] // word_bytes))
    return addresses(fields[local], counts, (fields["z_step"], fields["y_step"], 1))


def _blocks(fields: Mapping[str, int]) -> set[int]:
    """Return the DRAM blocks of all runs, as if every byte existed."""
    counts = (fields["z_count"], fields["y_count"])
    starts = addresses(fields["address"], counts, (fields["z_stride"], fields["y_stride"]))
    blocks: set[int] = set()
    for start in starts.reshape(-1).tolist():
        end = start + fields["x_bytes"]
        blocks.update(range(start // _BLOCK_BYTES, (end - 1) // _BLOCK_BYTES + 1))
    return blocks


def _add(config: Config, places: Places, memory: str, values: Addresses, unit: int) -> None:
    """Add addresses; those of act are in units of `unit` bytes."""
    unique = np.unique(values)
    if memory == "act":
        ratio = unit // min(config.rows, config.columns)
        unique = (unique[:, None] * ratio + np.arange(ratio)).reshape(-1)
    places[memory].update(unique.tolist())


def _meet(left: Mapping[str, set[int]], right: Mapping[str, set[int]]) -> bool:
    return any(not left[name].isdisjoint(right[name]) for name in left.keys() & right.keys())
