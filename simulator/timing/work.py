"""What a program asks of the machine: costs of its instructions, and who waits for whom."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.instructions import Engine, Opcode

from ..errors import SimulatorError
from .columns import opcodes, read_columns, split_words
from .nests import MatrixNests, VectorNests, matrix_nests, vector_nests
from .transfers import Transfers, load_transfers, store_transfers

__all__ = ["Work", "read_work"]

Integers = npt.NDArray[np.int64]

# The engines in each mask.
_BITS = [[bit for bit in range(len(Engine)) if mask >> bit & 1] for mask in range(1 << len(Engine))]


@dataclass(frozen=True, eq=False)
class Work:
    """A program as the schedule sees it; a list has an item for each instruction.

    Attributes
    ----------
    engines : list of int, -1 for END
    rows : list of int, place in the table of its engine, -1 for a sync
    queues : the instructions of each engine, in order
    givers : list of tuple of int, the instructions whose tokens it takes
    takers : list of tuple of int, the instructions that take its tokens
    vector_rows : list of int, the vector instructions
    loads, matrix, vector, stores : what the instructions of each engine do
    """

    engines: list[int]
    rows: list[int]
    queues: list[list[int]]
    givers: list[tuple[int, ...]]
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
        An opcode does not exist, or a token is waited for that nobody gives.
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
    givers, takers = _tokens(engines.tolist(), wait.tolist(), signal.tolist())
    return Work(
        engines=engines.tolist(),
        rows=rows.tolist(),
        queues=[np.nonzero(engines == engine)[0].tolist() for engine in Engine],
        givers=givers,
        takers=takers,
        vector_rows=columns[Opcode.VECTOR].rows.tolist(),
        loads=load_transfers(config, columns[Opcode.LOAD]),
        matrix=matrix_nests(config, columns[Opcode.MATRIX]),
        vector=vector_nests(config, columns[Opcode.VECTOR]),
        stores=store_transfers(config, columns[Opcode.STORE]),
    )


def _tokens(
    engines: list[int], wait: list[int], signal: list[int]
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Return for each instruction whose tokens it takes, and who takes its tokens.

    The n-th token that an engine gives another is the n-th that this one takes.

    Raises
    ------
    SimulatorError
        An instruction waits for a token that nobody gives.
    """
    count = len(Engine)
    given: list[list[int]] = [[] for _ in range(count * count)]
    taken: list[list[int]] = [[] for _ in range(count * count)]
    for index, engine in enumerate(engines):
        if signal[index]:
            for other in _BITS[signal[index]]:
                given[engine * count + other].append(index)
        if wait[index]:
            for other in _BITS[wait[index]]:
                taken[other * count + engine].append(index)
    givers: list[tuple[int, ...]] = [()] * len(engines)
    takers: list[tuple[int, ...]] = [()] * len(engines)
    for pair, (sources, sinks) in enumerate(zip(given, taken, strict=True)):
        if len(sinks) > len(sources):
            raise SimulatorError(
                f"instruction {sinks[len(sources)]} waits for a token of engine "
                f"{Engine(pair // count).name.lower()}, which gives only {len(sources)}; "
                "let one of its instructions signal"
            )
        for source, sink in zip(sources, sinks, strict=False):
            givers[sink] += (source,)
            takers[source] += (sink,)
    return givers, takers
