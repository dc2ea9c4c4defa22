"""What the static checker finds, in words: which instructions, which places, and how to mend it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from .choices import Engine, Opcode
from .config import SLOTS_PER_PARAM_WORD, Config
from .footprint import DRAM, Access, act_unit_bytes, memory_places
from .intervals import Intervals
from .races import Race

__all__ = ["Finding", "Kind", "Writer"]

_UNITS = {"weight": "tiles", "acc": "words", "param": "words", "table": "tables"}


class Kind(Enum):
    """What is wrong."""

    ILLEGAL = "illegal instruction"
    NO_END = "no end"
    BOUNDS = "out of bounds"
    OWN_WRITES = "reads its own writes"
    DEADLOCK = "deadlock"
    RACE = "race"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a program.

    Attributes
    ----------
    kind : Kind
    instructions : tuple of int, indices: the one at fault, or the two that do not agree
    text : str, one line
    """

    kind: Kind
    instructions: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class Writer:
    """Writes findings about one program.

    Attributes
    ----------
    config : Config
    opcodes, engines : of each instruction up to END
    layers : name of the layer of each instruction, or nothing
    """

    config: Config
    opcodes: Sequence[Opcode]
    engines: Sequence[Engine]
    layers: Sequence[str] = ()

    def name(self, index: int) -> str:
        """Return `instruction 12 (load, conv1)`."""
        words = [self.opcodes[index].name.lower()]
        if self.opcodes[index] == Opcode.SYNC:
            words[0] += f" of {self.engines[index].name.lower()}"
        if index < len(self.layers):
            words.append(self.layers[index])
        return f"instruction {index} ({', '.join(words)})"

    def places(self, memory: str, places: Intervals) -> str:
        """Return `act words 3..7`; of several intervals the first."""
        start, stop = int(places.starts[0]), int(places.stops[0])
        more = f" and {len(places) - 1} more ranges" if len(places) > 1 else ""
        if memory.startswith(DRAM):
            segment = memory.removeprefix(DRAM) or " "
            return f"DRAM{segment}{start:#x}..{stop - 1:#x}{more}"
        if memory == "act":
            unit = act_unit_bytes(self.config)
            start *= unit
            stop *= unit
            return f"act bytes {start:#x}..{stop - 1:#x}{more}"
        return f"{memory} {_UNITS[memory]} {start}..{stop - 1}{more}"

    def bounds(self, index: int, access: Access, places: Intervals) -> Finding:
        """Return that instruction `index` leaves a memory or the windows."""
        size = memory_places(self.config, access.memory)
        outside = places.low < 0 or places.high >= size
        if access.memory.startswith(DRAM) and not outside:
            reason = f"but no window opens that for {'writing' if access.writes else 'reading'}"
            advice = "open a window, move its address or make its counts smaller"
        else:
            whole = Intervals(places.starts[:1] * 0, places.starts[:1] * 0 + size)
            reason = f"which is outside of {self.places(access.memory, whole)}"
            advice = "move its address or make its counts smaller"
        touched = f"{_verb(access.writes)} {self.places(access.memory, places)}"
        text = f"{self.name(index)} {touched}, {reason}; {advice}"
        return Finding(Kind.BOUNDS, (index,), text)

    def slots(self, index: int, slots: Intervals) -> Finding:
        """Return that instruction `index` reads tap slots that no param word has."""
        start, stop = int(slots.starts[0]), int(slots.stops[0])
        text = (
            f"{self.name(index)} reads tap slots {start}..{stop - 1}, but of the "
            f"{SLOTS_PER_PARAM_WORD} slots of a param word only the first "
            f"{self.config.taps_per_param_word} exist; change b, its steps or the counts"
        )
        return Finding(Kind.BOUNDS, (index,), text)

    def own_writes(self, index: int, places: Intervals, memory: str) -> Finding:
        """Return that a vector instruction reads what an earlier iteration wrote."""
        ratio = self.config.columns // act_unit_bytes(self.config) if memory == "act" else 1
        units = Intervals(places.starts * ratio, places.stops * ratio)
        text = (
            f"{self.name(index)} reads {self.places(memory, units)} after an earlier iteration of "
            "itself wrote there; write elsewhere, or split it in two"
        )
        return Finding(Kind.OWN_WRITES, (index,), text)

    def race(self, race: Race, places: Intervals) -> Finding:
        """Return that two instructions touch `places` in no fixed order."""
        pair = sorted(
            ((race.first, race.first_writes), (race.second, race.second_writes)),
            key=lambda item: item[0],
        )
        (first, first_writes), (second, second_writes) = pair
        giver, taker = (self.engines[index].name.lower() for index in (first, second))
        text = (
            f"{self.name(first)} {_verb(first_writes)} and {self.name(second)} "
            f"{_verb(second_writes)} {self.places(race.memory, places)} in no fixed order; let "
            f"instruction {first} signal {taker}, and instruction {second} wait for {giver}"
        )
        return Finding(Kind.RACE, (first, second), text)


def _verb(writes: bool) -> str:
    return "writes" if writes else "reads"
