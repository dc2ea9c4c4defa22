"""An instruction decoded: which engine runs it, what it waits for and what it signals."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from isa.config import Config
from isa.instructions import Engine, Opcode, instruction_set
from isa.program import Instruction

__all__ = ["Step", "decode_word", "step_of"]


class Step(NamedTuple):
    """An instruction, its engine, the engines that it waits for and those that it signals."""

    instruction: Instruction
    engine: Engine
    waits: tuple[Engine, ...]
    signals: tuple[Engine, ...]


def step_of(opcode: Opcode, fields: Mapping[str, int]) -> Step:
    """Return the step of a decoded instruction."""
    instruction = Instruction(opcode, fields)
    if opcode == Opcode.END:
        return Step(instruction, Engine.LOAD, (), ())
    engine = Engine(fields["engine"] if opcode == Opcode.SYNC else opcode)
    return Step(instruction, engine, _engines(fields["wait"]), _engines(fields["signal"]))


@lru_cache(maxsize=1 << 12)
def decode_word(config: Config, word: bytes) -> Step:
    """Return the step of one instruction word.

    Raises
    ------
    DecodeError
        The word is no legal instruction.
    """
    return step_of(*instruction_set(config).decode(int.from_bytes(word, "little")))


@lru_cache
def _engines(mask: int) -> tuple[Engine, ...]:
    return tuple(engine for engine in Engine if mask >> engine & 1)
