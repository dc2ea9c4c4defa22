"""What an instruction does, made ready once: addresses checked, views of the memories made.

What is made holds views and numbers only, a few thousand bytes whatever the instruction's size:
index arrays are made anew in each execution.
"""

from typing import Protocol

from isa.config import Config
from isa.instructions import Opcode
from isa.program import Instruction

from .load import Load
from .matrix import Matrix
from .scratchpads import Scratchpads
from .store import Store
from .transfer import Bus
from .vector import Vector

__all__ = ["Work", "prepare"]


class Work(Protocol):
    """An instruction of one machine, to be executed any number of times."""

    def execute(self, bus: Bus) -> None:
        """Do what the instruction says; `bus` is always one to the same memory."""


def prepare(config: Config, instruction: Instruction, scratchpads: Scratchpads) -> Work | None:
    """Return the work of an instruction, None if it has none.

    Raises
    ------
    SimulationError
        The instruction uses an address outside a scratchpad.
    """
    fields = instruction.fields
    match instruction.opcode:
        case Opcode.LOAD:
            return Load(config, fields, scratchpads)
        case Opcode.MATRIX:
            return Matrix(fields, scratchpads)
        case Opcode.VECTOR:
            return Vector(fields, scratchpads)
        case Opcode.STORE:
            return Store(config, fields, scratchpads)
    return None
