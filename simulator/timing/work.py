"""What a program asks of the machine: costs of its instructions, and who waits for whom."""

from dataclasses import dataclass

import numpy as np

from isa.config import Config
from isa.instructions import Engine, Opcode

from .columns import opcodes, read_columns, split_words
from .nests import MatrixNests, VectorNests, matrix_nests, vector_nests
from .tokens import match_tokens
from .transfers import Transfers, load_transfers, store_transfers

__all__ = ["Work", "read_work"]


@dataclass(frozen=True, eq=False)
class Work:
    """A program as the schedule sees it; a list has an item for each instruction.

    Attributes
    ----------
    engines : list of int, -1 for END
    rows : list of int, place in the table of its engine, -1 for a sync
    queues : the instructions of each engine, in order
    pending : list of int, the number of tokens it takes
    takers : list of tuple of int, the instructions that take its tokens
    vector_rows : list of int, the vector instructions
    loads, matrix, vector, stores : what the instructions of each engine do
    """

    engines: list[int]
    rows: list[int]
    queues: list[list[int]]
    pending: list[int]
    takers: list[tuple[int, ...]]
    vector_rows: list[int]
    loads: Transfers
    matrix: MatrixNests
    vector: VectorNests
    stores: Transfers


def read_work(config: Config, words: bytes) -> Work:
    """Return the work of the program `words`.

    Raises
    ------
    DecodeError
        The bytes are no instructions.
    SimulatorError
        A token is waited for that nobody gives.
    """
    parts = split_words(words)
    codes = opcodes(config, parts)
    (ends,) = np.nonzero(codes == Opcode.END)
    if ends.size:
        codes = codes[: ends[0] + 1]
    columns = {
        opcode: read_columns(config, opcode, parts, np.nonzero(codes == opcode)[0])
        for opcode in Opcode
        if opcode != Opcode.END
    }
    engines = np.where(codes == Opcode.END, -1, codes)
    sync = columns[Opcode.SYNC]
    engines[sync.rows] = sync["engine"]
    rows = np.zeros_like(codes)
    wait, signal = np.zeros_like(codes), np.zeros_like(codes)
    for opcode, table in columns.items():
        rows[table.rows] = np.arange(table.rows.size) if opcode != Opcode.SYNC else -1
        wait[table.rows], signal[table.rows] = table["wait"], table["signal"]
    pending, takers = match_tokens(engines, wait, signal)
    return Work(
        engines=engines.tolist(),
        rows=rows.tolist(),
        queues=[np.nonzero(engines == engine)[0].tolist() for engine in Engine],
        pending=pending,
        takers=takers,
        vector_rows=columns[Opcode.VECTOR].rows.tolist(),
        loads=load_transfers(config, columns[Opcode.LOAD]),
        matrix=matrix_nests(config, columns[Opcode.MATRIX]),
        vector=vector_nests(config, columns[Opcode.VECTOR]),
        stores=store_transfers(config, columns[Opcode.STORE]),
    )
