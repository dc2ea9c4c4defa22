"""The engines, memories and opcodes, and the choices that fields of instructions offer."""

from enum import IntEnum

__all__ = [
    "MATRIX_LEVELS",
    "SLIDE_TAPS",
    "VECTOR_LEVELS",
    "AMemory",
    "BSource",
    "Destination",
    "Engine",
    "Memory",
    "Opcode",
    "Operation",
    "Reduction",
    "Slide",
]

# Levels of the engines' loop nests.
MATRIX_LEVELS = 6
VECTOR_LEVELS = 5
# Taps of a sliding row.
SLIDE_TAPS = 3


class Engine(IntEnum):
    """The four engines, in the order of their bits in a wait or signal mask."""

    LOAD = 0
    MATRIX = 1
    VECTOR = 2
    STORE = 3


class Opcode(IntEnum):
    """What an instruction is; the first four are the engines' own."""

    LOAD = 0
    MATRIX = 1
    VECTOR = 2
    STORE = 3
    SYNC = 4
    END = 5


class Memory(IntEnum):
    """Where a load writes."""

    ACT = 0
    WEIGHT = 1
    PARAM = 2
    TABLE = 3


class AMemory(IntEnum):
    """Where the vector engine reads its first operand."""

    ACT = 0
    ACC = 1


class BSource(IntEnum):
    """Where the vector engine reads its second operand."""

    IMMEDIATE = 0
    TAP = 1
    ACC = 2


class Destination(IntEnum):
    """Where the vector engine writes."""

    ACT = 0
    ACC = 1


class Operation(IntEnum):
    """What the vector engine computes of its operands a and b, in int32 that wraps."""

    COPY = 0
    ADD = 1
    SUBTRACT = 2
    MULTIPLY = 3
    MAXIMUM = 4
    MINIMUM = 5
    TABLE = 6


class Reduction(IntEnum):
    """How the vector engine combines the values of a reduction, in int32 that wraps."""

    NONE = 0
    ADD = 1
    MAXIMUM = 2
    MINIMUM = 3


class Slide(IntEnum):
    """Whether the vector engine slides a row of three taps along a line, and how far a result."""

    OFF = 0
    ONE = 1
    TWO = 2
