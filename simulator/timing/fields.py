"""Fields of instructions as native code reads them: where each lies, by number.

The numbers of an opcode's fields begin at `FIELDS * opcode`. A field of a loop nest stands for as
many numbers as there are levels, the outermost first.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.fields import Field
from isa.instructions import MATRIX_LEVELS, VECTOR_LEVELS, Memory, Opcode, instruction_set

__all__ = [
    "FIELDS",
    "OPCODE",
    "PARTS",
    "PLACES",
    "LoadField",
    "MatrixField",
    "Place",
    "StoreField",
    "SyncField",
    "VectorField",
    "places",
    "word_bytes",
]

# Numbers of an opcode's fields; numbers in all, and that of the opcode itself.
FIELDS = 64
PLACES = FIELDS * len(Opcode)
OPCODE = FIELDS * Opcode.END
# An instruction is this many parts, of 64 bits.
PARTS = 8
_PART_BITS = 64


class LoadField(IntEnum):
    """Fields of a load."""

    WAIT = 0
    SIGNAL = 1
    MEMORY = 2
    DESTINATION = 3
    ADDRESS = 4
    X_BYTES = 5
    Y_COUNT = 6
    Z_COUNT = 7
    Y_STRIDE = 8
    Z_STRIDE = 9
    Y_STEP = 10
    Z_STEP = 11
    X_ORIGIN = 12
    Z_ORIGIN = 13
    LINE_BYTES = 14
    LINE_COUNT = 15


class MatrixField(IntEnum):
    """Fields of a matrix instruction."""

    WAIT = 64
    SIGNAL = 65
    ACCUMULATE = 66
    REDUCE = 67
    ACC_BASE = 68
    ACT_BASE = 69
    COUNT = 70
    ACC = 76
    ACT = 82


class VectorField(IntEnum):
    """Fields of a vector instruction."""

    WAIT = 128
    SIGNAL = 129
    OPERATION = 130
    REDUCE_LEVELS = 131
    SLIDE = 132
    A_MEMORY = 133
    B_SOURCE = 134
    REQUANTIZE = 135
    DESTINATION = 136
    A_BASE = 137
    B_BASE = 138
    OUTPUT_BASE = 139
    COUNT = 140
    A = 145
    B = 150
    OUTPUT = 155


class StoreField(IntEnum):
    """Fields of a store."""

    WAIT = 192
    SIGNAL = 193
    SOURCE = 194
    ADDRESS = 195
    X_BYTES = 196
    Y_COUNT = 197
    Z_COUNT = 198
    Y_STRIDE = 199
    Z_STRIDE = 200
    Y_STEP = 201
    Z_STEP = 202


class SyncField(IntEnum):
    """Fields of a sync."""

    WAIT = 256
    SIGNAL = 257
    ENGINE = 258


_ENUMS: Mapping[Opcode, type[IntEnum]] = MappingProxyType(
    {
        Opcode.LOAD: LoadField,
        Opcode.MATRIX: MatrixField,
        Opcode.VECTOR: VectorField,
        Opcode.STORE: StoreField,
        Opcode.SYNC: SyncField,
    }
)
_LEVELS = {Opcode.MATRIX: MATRIX_LEVELS, Opcode.VECTOR: VECTOR_LEVELS}


@dataclass(frozen=True)
class Place:
    """Where a field lies: it may begin in one part and go on in the next.

    Attributes
    ----------
    part : int
    shift : int, of its first bit in that part
    low_mask, high_mask : int, of the bits in that part and in the next, shifted down
    low_bits : int, how many lie in that part
    sign : int, the sign bit, or 0
    minimum : int, added to the bits, whose sign bit is turned over before
    """

    part: int
    shift: int
    low_mask: int
    high_mask: int
    low_bits: int
    sign: int
    minimum: int


@lru_cache
def places(config: Config) -> npt.NDArray[np.int64]:
    """Return int64[PLACES * 7]: the Place of each number, zeros where there is none."""
    table = np.zeros((PLACES, len(Place.__annotations__)), np.int64)
    for opcode, names in _ENUMS.items():
        start, found = 0, {}
        for field in instruction_set(config).format(opcode).fields:
            found[field.name] = _place(field, start)
            start += field.bits
        for member in names:
            # A base is named as the steps are, which have the number of their level at the end.
            name = member.name.lower()
            base = name.removesuffix("_base")
            keys = [f"{name}{level}" for level in range(_LEVELS.get(opcode, 0))]
            if base != name or name in found and keys and keys[0] not in found or not keys:
                keys = [base]
            for level, key in enumerate(keys):
                table[member + level] = astuple(found[key])
    (opcode_field, *_) = instruction_set(config).format(Opcode.END).fields
    table[OPCODE] = astuple(_place(opcode_field, 0))
    return table.reshape(-1)


def word_bytes(config: Config, memory: Memory) -> int:
    """Return the bytes of a word of `memory`."""
    return {
        Memory.ACT: config.act_word_bytes,
        Memory.WEIGHT: config.tile_bytes,
        Memory.PARAM: config.param_word_bytes,
        Memory.TABLE: config.table_bytes,
    }[memory]


def _place(field: Field, start: int) -> Place:
    part, shift = divmod(start, _PART_BITS)
    low_bits = min(field.bits, _PART_BITS - shift)
    sign = 1 << (field.bits - 1) if field.signed else 0
    return Place(
        part=part,
        shift=shift,
        low_mask=(1 << low_bits) - 1,
        high_mask=(1 << (field.bits - low_bits)) - 1,
        low_bits=low_bits,
        sign=sign,
        minimum=field.minimum - sign,
    )
