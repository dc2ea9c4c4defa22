"""The fields of a program's instructions as arrays, all instructions of an opcode at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.errors import DecodeError
from isa.instructions import INSTRUCTION_BITS, INSTRUCTION_BYTES, Opcode, instruction_set

__all__ = ["Columns", "opcodes", "read_columns", "split_words"]

Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_PART_BITS = 64


@dataclass(frozen=True, eq=False)
class _Places:
    """Where the fields of a format lie in the 64-bit parts of a word; one entry a field."""

    index: Mapping[str, int]
    part: Integers
    shift: Words
    mask: Words
    sign: Integers
    minimum: Integers


@dataclass(frozen=True, eq=False)
class Columns:
    """The fields of the instructions of one opcode.

    Attributes
    ----------
    rows : int64[n], their indices in the program
    values : int64[fields, n]
    index : place of each field in `values`
    """

    rows: Integers
    values: Integers
    index: Mapping[str, int]

    def __getitem__(self, name: str) -> Integers:
        result: Integers = self.values[self.index[name]]
        return result

    def levels(self, name: str, count: int) -> Integers:
        """Return int64[count, n]: the fields name0, name1, ..."""
        result: Integers = self.values[[self.index[f"{name}{level}"] for level in range(count)]]
        return result


def split_words(words: bytes) -> Words:
    """Return uint64[n, 9]: the parts of each instruction, the lowest first, and a zero.

    Raises
    ------
    DecodeError
        The bytes are no whole number of instructions.
    """
    if len(words) % INSTRUCTION_BYTES:
        raise DecodeError(
            f"a program must be a multiple of {INSTRUCTION_BYTES} bytes, not {len(words)}"
        )
    parts = np.frombuffer(words, "<u8").reshape(-1, INSTRUCTION_BITS // _PART_BITS)
    return np.pad(parts, ((0, 0), (0, 1)))


def opcodes(config: Config, parts: Words) -> Integers:
    """Return int64[n]: the opcode of each instruction.

    Raises
    ------
    DecodeError
        An opcode does not exist.
    """
    bits = instruction_set(config).format(Opcode.END).field("opcode").bits
    codes: Integers = (parts[:, 0] & np.uint64((1 << bits) - 1)).astype(np.int64)
    (bad,) = np.nonzero(codes > max(Opcode))
    if bad.size:
        raise DecodeError(
            f"instruction {bad[0]}: opcode must be in 0..{max(Opcode)}, not {codes[bad[0]]}"
        )
    return codes


def read_columns(config: Config, opcode: Opcode, parts: Words, rows: Integers) -> Columns:
    """Return the fields of the instructions `rows`, which all have `opcode`."""
    places = _places(config, opcode)
    taken = parts[rows].T
    low = taken[places.part] >> places.shift
    # In two steps: a shift by all 64 bits is not defined.
    high = taken[places.part + 1] << np.uint64(1) << (np.uint64(_PART_BITS - 1) - places.shift)
    values = ((low | high) & places.mask).astype(np.int64)
    values ^= places.sign
    values += places.minimum
    return Columns(rows, values, places.index)


@lru_cache
def _places(config: Config, opcode: Opcode) -> _Places:
    fields = instruction_set(config).format(opcode).fields
    positions = np.cumsum([0, *(field.bits for field in fields[:-1])])
    sign = [1 << (field.bits - 1) if field.signed else 0 for field in fields]
    return _Places(
        index={field.name: place for place, field in enumerate(fields)},
        part=positions // _PART_BITS,
        shift=(positions % _PART_BITS).astype(np.uint64)[:, None],
        mask=np.array([(1 << field.bits) - 1 for field in fields], np.uint64)[:, None],
        sign=np.array(sign, np.int64)[:, None],
        minimum=np.array(
            [field.minimum - bit for field, bit in zip(fields, sign, strict=True)], np.int64
        )[:, None],
    )
