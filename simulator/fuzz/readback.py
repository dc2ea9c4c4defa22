"""A program that stores the content of every on-chip memory to DRAM, by legal instructions.

Only act can be stored. param is read as taps, acc in four requantisations (one for each byte), a
table by looking up all 256 indices, a weight tile by multiplying it with unit vectors.
"""

from dataclasses import dataclass

import numpy as np

from isa.config import SLOTS_PER_PARAM_WORD, Config
from isa.instructions import AMemory, BSource, Destination, Memory, Opcode, Operation
from isa.program import Instruction, Program

from .ordering import order

__all__ = ["Readback", "readback"]

_ALIGNMENT = 64
_MOST_ITERATIONS = 1 << 13
_MOST_BYTES = 1 << 19


@dataclass(frozen=True)
class Readback:
    """A program that reads everything, and what it needs.

    Attributes
    ----------
    program : Program
    constants : bytes, to be written at `address` before
    address : int, of the constants
    output_address, output_bytes : int, where the content is found afterwards
    """

    program: Program
    constants: bytes
    address: int
    output_address: int
    output_bytes: int


def readback(config: Config, address: int) -> Readback:
    """Return the program for `config`; it overwrites act, acc and param word 0.

    Parameters
    ----------
    address : int, first DRAM address that the program may use, a multiple of 64
    """
    builder = _Builder(config, address)
    builder.read_act()
    builder.read_param()
    builder.read_acc()
    for table in range(config.tables):
        builder.read_table(table)
    builder.read_weight()
    ordered = order(np.random.default_rng(0), config, builder.instructions, extra=0)
    program = Program.encode(config, [*ordered, Instruction(Opcode.END)])
    start = builder.output_start
    return Readback(program, builder.constants, address, start, builder.output - start)


class _Builder:
    """Collects the instructions; column vectors of act from `free` on are scratch space."""

    def __init__(self, config: Config, address: int) -> None:
        self.config = config
        self.instructions: list[Instruction] = []
        record = (
            np.zeros(config.columns, "<i4").tobytes()
            + np.full(config.columns, 1 << 30, "<i4").tobytes()
            + np.full(config.columns, -23, np.int8).tobytes()
        )
        indices = np.repeat(np.arange(-128, 128, dtype=np.int8), config.columns).tobytes()
        units = np.eye(config.rows, dtype=np.int8).tobytes()
        self.constants = b""
        places = []
        for part in (record, indices, units):
            places.append(address + len(self.constants))
            self.constants += part + bytes(-len(part) % _ALIGNMENT)
        self._record, self._indices, self._units = places
        self.output_start = self.output = address + len(self.constants)
        self._ratio = config.act_word_bytes // config.columns
        # The lower half of act holds operands, the upper half what is stored.
        self._free = config.act_words // 2 * self._ratio
        self._room = config.act_column_vectors - self._free

    def read_act(self) -> None:
        total = self.config.act_bytes
        step = _MOST_BYTES // self.config.act_word_bytes * self.config.act_word_bytes
        for start in range(0, total, step):
            self._store(start // self.config.act_word_bytes, min(step, total - start))

    def read_param(self) -> None:
        self._vector(operation=Operation.MULTIPLY, a=0, b=0, output=0, immediate=0)
        slots = self.config.taps_per_param_word
        step = min(self._room // slots, _MOST_ITERATIONS)
        for word in range(0, self.config.param_words, step):
            count = min(step, self.config.param_words - word)
            self._vector(
                operation=Operation.ADD,
                b_source=BSource.TAP,
                b=SLOTS_PER_PARAM_WORD * word,
                count3=count,
                b3=SLOTS_PER_PARAM_WORD,
                output3=slots,
                count4=slots,
                b4=1,
                output4=1,
                output=self._free,
            )
            self._dump(count * slots)

    def read_acc(self) -> None:
        size = self.config.param_word_bytes
        self._load(Memory.PARAM, 0, self._record, size)
        words = 2 * self.config.acc_words
        step = min(self._room, _MOST_ITERATIONS)
        for byte in range(4):
            for word in range(0, words, step):
                count = min(step, words - word)
                self._copy_acc(word, count, requantize=1, rounding=1, pre_shift=24 - 8 * byte)

    def read_table(self, table: int) -> None:
        step = min(self._free, self._room)
        for index in range(0, self.config.table_bytes, step):
            count = min(step, self.config.table_bytes - index)
            place = self._indices + index * self.config.columns
            self._load(Memory.ACT, 0, place, count * self.config.columns)
            self._vector(
                operation=Operation.TABLE,
                table=table,
                count4=count,
                a4=1,
                output4=1,
                output=self._free,
            )
            self._dump(count)

    def read_weight(self) -> None:
        config = self.config
        self._load(Memory.ACT, 0, self._units, config.rows * config.rows)
        words = min(2 * config.acc_words, self._room)
        rows = min(config.rows, words)
        for row in range(0, config.rows, rows):
            here = min(rows, config.rows - row)
            step = min(words // here, _MOST_ITERATIONS)
            for tile in range(0, config.weight_tiles, step):
                count = min(step, config.weight_tiles - tile)
                fields = {"weight": tile, "act": row, "count0": count, "weight0": 1, "acc0": here}
                fields |= {"count1": here, "act1": 1, "acc1": 1}
                self.instructions.append(Instruction(Opcode.MATRIX, fields))
                self._copy_acc(0, count * here)

    def _copy_acc(self, word: int, count: int, **fields: int) -> None:
        self._vector(
            a_memory=AMemory.ACC, a=word, count4=count, a4=1, output4=1, output=self._free, **fields
        )
        self._dump(count)

    def _vector(self, **fields: int) -> None:
        defaults = {"operation": Operation.COPY, "destination": Destination.ACT}
        self.instructions.append(Instruction(Opcode.VECTOR, defaults | fields))

    def _load(self, memory: Memory, word: int, address: int, size: int) -> None:
        fields = {"memory": memory, "destination": word, "address": address, "x_bytes": size}
        self.instructions.append(Instruction(Opcode.LOAD, fields))

    def _dump(self, vectors: int) -> None:
        """Store the first column vectors of the scratch space."""
        self._store(self._free // self._ratio, vectors * self.config.columns)

    def _store(self, word: int, size: int) -> None:
        fields = {"source": word, "address": self.output, "x_bytes": size}
        self.instructions.append(Instruction(Opcode.STORE, fields))
        self.output += size + -size % _ALIGNMENT
