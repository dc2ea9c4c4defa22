"""Emits instructions in program order and puts in the waits and signals that their hazards need.

Each instruction names the ranges it reads and writes. Program order is the meaning; an instruction
of another engine that must come first is waited for with one token, unless what its engine has
already waited for implies it (vector clocks). Program order is a legal sequential order, so the
program cannot deadlock, whatever the depth of the queues.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from isa.config import Config
from isa.instructions import Engine, Opcode
from isa.program import Instruction, Program

from .ranges import Hazards, Range

__all__ = ["Builder"]


@dataclass
class _Draft:
    """An emitted instruction; masks grow as later instructions wait for it."""

    opcode: Opcode
    engine: Engine
    fields: dict[str, int]
    segment: str
    layer: int
    wait: int = 0
    signal: int = 0


@dataclass
class Builder:
    """The program under construction.

    Attributes
    ----------
    config : Config
    layer : int, index that the next instructions are attributed to
    """

    config: Config
    layer: int = 0
    _drafts: list[_Draft] = field(default_factory=list)
    _streams: dict[Engine, list[_Draft]] = field(
        default_factory=lambda: {engine: [] for engine in Engine}
    )
    _clocks: dict[Engine, dict[Engine, int]] = field(
        default_factory=lambda: {engine: dict.fromkeys(Engine, 0) for engine in Engine}
    )
    _history: dict[Engine, list[dict[Engine, int]]] = field(
        default_factory=lambda: {engine: [] for engine in Engine}
    )
    _hazards: Hazards = field(default_factory=Hazards)

    def emit(
        self,
        engine: Engine,
        fields: Mapping[str, int],
        reads: Sequence[Range] = (),
        writes: Sequence[Range] = (),
        segment: str = "",
    ) -> None:
        """Append the instruction of `engine` with `fields`.

        Parameters
        ----------
        reads, writes : ranges of memory that it touches; supersets are safe
        segment : DRAM segment that its address counts from
        """
        draft = _Draft(Opcode(engine), engine, dict(fields), segment, self.layer)
        needed = self._hazards.record(engine, len(self._streams[engine]), reads, writes)
        self._wait(draft, needed)
        self._drafts.append(draft)
        self._streams[engine].append(draft)

    def finish(self) -> tuple[Program, tuple[int, ...]]:
        """Return the program, ended, and the layer of each instruction."""
        instructions = [
            Instruction(
                draft.opcode,
                {**draft.fields, "wait": draft.wait, "signal": draft.signal},
                draft.segment,
            )
            for draft in self._drafts
        ]
        layers = tuple(draft.layer for draft in self._drafts)
        program = Program.encode(self.config, [*instructions, Instruction(Opcode.END)])
        return program, (*layers, self.layer)

    def _wait(self, draft: _Draft, needed: Mapping[Engine, int]) -> None:
        """Wait for the first needed[engine] instructions of each other engine."""
        engine, clock = draft.engine, self._clocks[draft.engine]
        unknown = {
            other: count
            for other, count in needed.items()
            if other != engine and clock[other] < count
        }
        for other, count in unknown.items():
            implied = any(
                third != other and self._history[third][known - 1][other] >= count
                for third, known in unknown.items()
            )
            if not implied:
                draft.wait |= 1 << other
                self._streams[other][count - 1].signal |= 1 << engine
        for other, count in unknown.items():
            clock[other] = max(clock[other], count)
            for third, known in self._history[other][count - 1].items():
                if third != engine:
                    clock[third] = max(clock[third], known)
        self._history[engine].append({**clock, engine: len(self._streams[engine]) + 1})
