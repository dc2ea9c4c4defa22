"""What the matrix and the vector engine do in each instruction, without looking at the data."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.instructions import (
    MATRIX_LEVELS,
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Destination,
    Operation,
)

from .columns import Columns

__all__ = ["MatrixNests", "VectorNests", "matrix_nests", "nest_bytes", "vector_nests"]

Integers = npt.NDArray[np.int64]
MatrixCost = tuple[int, bytes, int, int, float, float]
VectorCost = tuple[int, int, bool, bytes, int, bytes, int, int, int, int]


@dataclass(frozen=True, eq=False)
class MatrixNests:
    """The matrix instructions, a list item each.

    Attributes
    ----------
    cycles : iterations, one a cycle
    nests : counts and steps of the act addresses, see bank_walk
    bases : first act address
    acc_banks : mask of the acc banks that are used
    acc_read, acc_write : share of the cycles in which acc is read, written
    """

    cycles: list[int]
    nests: list[bytes]
    bases: list[int]
    acc_banks: list[int]
    acc_read: list[float]
    acc_write: list[float]

    def rows(self) -> Iterator[MatrixCost]:
        """Return one tuple an instruction, in the order of the attributes."""
        return zip(
            *(self.cycles, self.nests, self.bases, self.acc_banks, self.acc_read, self.acc_write),
            strict=True,
        )


@dataclass(frozen=True, eq=False)
class VectorNests:
    """The vector instructions, a list item each.

    Attributes
    ----------
    iterations : of the nest
    work : cycles from the first read to the last, never refused
    requantize : whether results are requantised
    nests : counts and steps of the addresses of a, see bank_walk; empty if a is not in act
    bases : first address of a
    outputs : counts and steps of the addresses of the output; empty if it is not in act
    output_bases : first address of the output
    gaps : cycles from one address of the output to the next
    acc_read, acc_write : mask of the acc banks that are read, written
    """

    iterations: list[int]
    work: list[int]
    requantize: list[bool]
    nests: list[bytes]
    bases: list[int]
    outputs: list[bytes]
    output_bases: list[int]
    gaps: list[int]
    acc_read: list[int]
    acc_write: list[int]

    def rows(self) -> Iterator[VectorCost]:
        """Return one tuple an instruction, in the order of the attributes."""
        return zip(
            *(self.iterations, self.work, self.requantize, self.nests, self.bases),
            *(self.outputs, self.output_bases, self.gaps, self.acc_read, self.acc_write),
            strict=True,
        )


def matrix_nests(config: Config, columns: Columns) -> MatrixNests:
    """Return what the matrix instructions do."""
    counts = columns.levels("count", MATRIX_LEVELS)
    cycles = counts.prod(axis=0)
    acc = columns.levels("acc", MATRIX_LEVELS)
    # Innermost levels that keep the acc address: acc is read and written once for all of them.
    moves = (acc != 0) & (counts > 1)
    inside = np.cumsum(moves[::-1], axis=0)[::-1] == 0
    kept = np.where(inside, counts, 1).prod(axis=0)
    reduce = columns["reduce"] >> np.arange(MATRIX_LEVELS)[:, None] & 1 == 1
    firsts = np.where(reduce, 1, counts).prod(axis=0) * (1 - columns["accumulate"])
    read = np.maximum(cycles // kept - firsts, 0) / cycles
    return MatrixNests(
        cycles=cycles.tolist(),
        nests=nest_bytes(counts, columns.levels("act", MATRIX_LEVELS)),
        bases=columns["act"].tolist(),
        acc_banks=_acc_banks(config, columns["acc"], counts, acc).tolist(),
        acc_read=read.tolist(),
        acc_write=(1 / kept).tolist(),
    )


def vector_nests(config: Config, columns: Columns) -> VectorNests:
    """Return what the vector instructions do."""
    counts = columns.levels("count", VECTOR_LEVELS)
    iterations = counts.prod(axis=0)
    inside = np.arange(VECTOR_LEVELS)[:, None] >= VECTOR_LEVELS - columns["reduce_levels"]
    reduction = np.where(inside, counts, 1).prod(axis=0)
    a_in_acc = columns["a_memory"] == AMemory.ACC
    b_in_acc = columns["b_source"] == BSource.ACC
    wide = (a_in_acc | b_in_acc) & (columns["operation"] == Operation.MULTIPLY)
    each = reduction * (1 + wide)
    groups = config.columns // config.requantize_lanes
    requantize = columns["requantize"] == 1
    slide = columns["slide"]
    # A sliding row gives a result every `skip` columns.
    skip = np.maximum(slide, 1)
    pace = np.where(requantize, np.maximum(each, -(-groups // skip)), each)
    a = columns.levels("a", VECTOR_LEVELS)
    read_a = _acc_banks(config, columns["a"], counts, a)
    read_b = _acc_banks(config, columns["b"], counts, columns.levels("b", VECTOR_LEVELS))
    output = columns.levels("output", VECTOR_LEVELS)
    write = _acc_banks(config, columns["output"], counts, output)
    in_acc = columns["destination"] == Destination.ACC
    results = np.where(inside, 1, counts)
    sliding = np.arange(VECTOR_LEVELS)[:, None] == VECTOR_LEVELS - 1 - columns["reduce_levels"]
    results = np.where(sliding & (slide > 0), np.maximum((counts - 3) // skip + 1, 1), results)
    return VectorNests(
        iterations=iterations.tolist(),
        work=(each + (iterations // reduction - 1) * pace).tolist(),
        requantize=requantize.tolist(),
        nests=_unless(a_in_acc, nest_bytes(counts, a)),
        bases=columns["a"].tolist(),
        outputs=_unless(in_acc, nest_bytes(results, output)),
        output_bases=columns["output"].tolist(),
        gaps=(pace * skip).tolist(),
        acc_read=np.where(a_in_acc, read_a, np.where(b_in_acc, read_b, 0)).tolist(),
        acc_write=np.where(in_acc, write, 0).tolist(),
    )


def nest_bytes(counts: Integers, steps: Integers) -> list[bytes]:
    """Return counts and steps of each instruction, as bytes: made and compared fast."""
    rows = np.ascontiguousarray(np.concatenate((counts, steps)).T)
    return rows.view(f"V{rows.itemsize * rows.shape[1]}").ravel().tolist()


def _unless(absent: npt.NDArray[np.bool_], nests: list[bytes]) -> list[bytes]:
    """Return the nests, empty where `absent`."""
    return [b"" if gone else nest for gone, nest in zip(absent.tolist(), nests, strict=True)]


def _acc_banks(config: Config, start: Integers, counts: Integers, steps: Integers) -> Integers:
    """Return which banks lie between the lowest and the highest acc address, a bit each."""
    moves = (counts - 1) * steps
    low = start + np.minimum(moves, 0).sum(axis=0)
    high = start + np.maximum(moves, 0).sum(axis=0)
    result: Integers = (low < config.acc_words) * 1 + (high >= config.acc_words) * 2
    return result
