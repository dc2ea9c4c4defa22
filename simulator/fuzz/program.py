"""Random legal programs."""

from collections.abc import Sequence

from isa.config import Config
from isa.instructions import Opcode
from isa.program import Instruction, Program

from .instructions import Sizes, random_instruction
from .ordering import order
from .placement import Random

__all__ = ["random_program"]

_OPCODES = (Opcode.LOAD, Opcode.MATRIX, Opcode.VECTOR, Opcode.STORE, Opcode.SYNC)
_SHARES = (0.3, 0.25, 0.25, 0.15, 0.05)


def random_program(
    random: Random,
    config: Config,
    length: int,
    sizes: Sizes,
    shares: Sequence[float] = _SHARES,
) -> Program:
    """Return a program of `length` random instructions and END, free of races and deadlock.

    Parameters
    ----------
    shares : of load, matrix, vector, store and sync; their sum is 1
    """
    opcodes = random.choice(len(_OPCODES), length, p=shares)
    instructions = [
        random_instruction(random, config, _OPCODES[opcode], sizes) for opcode in opcodes
    ]
    ordered = order(random, config, instructions)
    return Program.encode(config, [*ordered, Instruction(Opcode.END)])
