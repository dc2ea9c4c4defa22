"""What an instruction reads and writes, as sets of places: isa.footprint, for quick comparison."""

from collections import defaultdict
from dataclasses import dataclass, field

from isa import in_place
from isa.config import Config
from isa.footprint import DRAM, footprint
from isa.instructions import instruction_set
from isa.program import Instruction

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
    reads, writes : places as in isa.footprint, DRAM in blocks
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
    result = Accesses()
    for access in footprint(config, instruction.opcode, _fields(config, instruction)):
        places = access.places
        if access.memory == DRAM:
            places = places.divided(_BLOCK_BYTES)
        found = (result.writes if access.writes else result.reads)[access.memory]
        for start, stop in places:
            found.update(range(start, stop))
    return result


def reads_its_own_writes(config: Config, instruction: Instruction) -> bool:
    """Return whether a vector instruction reads a place that an earlier iteration wrote."""
    return bool(len(in_place.reads_its_own_writes(_fields(config, instruction))))


def _fields(config: Config, instruction: Instruction) -> dict[str, int]:
    """Return every field of `instruction`, its defaults filled in."""
    form = instruction_set(config).format(instruction.opcode)
    return {item.name: item.default for item in form.fields} | dict(instruction.fields)


def _meet(left: Places, right: Places) -> bool:
    return any(not left[name].isdisjoint(right[name]) for name in left.keys() & right.keys())
