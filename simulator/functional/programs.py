"""The programs that a machine ran last, decoded and made ready, by their bytes."""

from dataclasses import dataclass

from isa.config import Config
from isa.decoding import decode_program
from isa.errors import DecodeError
from isa.instructions import INSTRUCTION_BYTES
from isa.program import Program

from .step import Step, step_of
from .work import Work

__all__ = ["KnownProgram", "Programs"]

# Each holds its fields and views of the memories: in a network 2.4 kB, at most some 10 kB.
_KEPT_INSTRUCTIONS = 1 << 16


@dataclass(frozen=True)
class KnownProgram:
    """A legal program.

    Attributes
    ----------
    steps : list of Step, of each instruction
    works : list of Work, filled by whoever executes; None of an instruction not yet executed
    """

    steps: list[Step]
    works: list[Work | None]


class Programs:
    """Programs of one machine; those run last are kept.

    At most 2**16 instructions are kept in all, of a network some 160 MB of the host's memory.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._kept: dict[bytes, KnownProgram] = {}

    def find(self, words: bytes) -> KnownProgram | None:
        """Return the program of `words`; None if it holds an illegal word or is too long to keep.

        Such a program is to be decoded word by word: it may end before the illegal word.
        """
        if len(words) > _KEPT_INSTRUCTIONS * INSTRUCTION_BYTES:
            return None
        program = self._kept.pop(words, None)
        if program is None:
            try:
                decoded = decode_program(Program(self._config, words))
            except DecodeError:
                return None
            program = KnownProgram([step_of(*pair) for pair in decoded], [None] * len(decoded))
        # The last in the dictionary is the one run last.
        self._kept[words] = program
        self._forget()
        return program

    def _forget(self) -> None:
        """Drop what was run longest ago until the rest may be kept."""
        total = sum(len(program.steps) for program in self._kept.values())
        while total > _KEPT_INSTRUCTIONS:
            oldest = next(iter(self._kept))
            total -= len(self._kept.pop(oldest).steps)
