"""The machine's on-chip memories, and the check that an instruction stays inside them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.instructions import Memory

from ..errors import SimulationError
from ..memory import Bytes

__all__ = ["Int8", "Int32", "Scratchpads", "require"]

Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Scratchpads:
    """The contents of all on-chip memories; they outlive a program.

    Attributes
    ----------
    act : uint8[act_words, act_word_bytes]
    weight : uint8[weight_tiles, tile_bytes], byte c * rows + r is weight[column c][row r]
    param : uint8[param_words, 9 * columns]
    table : uint8[tables, 256]
    acc : int32[2 * acc_words, columns]
    act_rows : int8[act_row_vectors, rows], act as the matrix engine reads it
    act_columns : int8[act_column_vectors, columns], act as the vector engine sees it
    tiles : int8[weight_tiles, columns, rows]
    """

    act: Bytes
    weight: Bytes
    param: Bytes
    table: Bytes
    acc: Int32
    act_rows: Int8
    act_columns: Int8
    tiles: Int8

    @staticmethod
    def create(config: Config) -> "Scratchpads":
        """Return memories full of zeros."""
        act = np.zeros((config.act_words, config.act_word_bytes), np.uint8)
        weight = np.zeros((config.weight_tiles, config.tile_bytes), np.uint8)
        return Scratchpads(
            act=act,
            weight=weight,
            param=np.zeros((config.param_words, config.param_word_bytes), np.uint8),
            table=np.zeros((config.tables, config.table_bytes), np.uint8),
            acc=np.zeros((2 * config.acc_words, config.columns), np.int32),
            act_rows=act.view(np.int8).reshape(-1, config.rows),
            act_columns=act.view(np.int8).reshape(-1, config.columns),
            tiles=weight.view(np.int8).reshape(-1, config.columns, config.rows),
        )

    def loaded(self, memory: Memory) -> Bytes:
        """Return the memory that a load writes: uint8[words, bytes of a word]."""
        return (self.act, self.weight, self.param, self.table)[memory]


def require(memory: str, low: int, high: int, size: int, unit: str) -> None:
    """Check that the addresses `low`..`high` exist in a memory of `size` words.

    The hardware does not check: its address counters wrap modulo a power of two. What a program
    then means is left open, so the simulator refuses it.

    Raises
    ------
    SimulationError
        An address is outside.
    """
    if low < 0 or high >= size:
        address = low if low < 0 else high
        raise SimulationError(
            f"{memory} address must be in 0..{size - 1} ({unit}), not {address}; "
            f"the instruction reaches {low}..{high}"
        )
