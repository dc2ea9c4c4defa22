"""Whether a vector instruction reads what an earlier iteration of itself wrote.

Such an instruction has no meaning: results travel through a pipeline while later operands are
read. To read first and to write afterwards, in place for one, is fine.
"""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from .choices import VECTOR_LEVELS, AMemory, BSource, Destination, Operation
from .footprint import vector_nest
from .intervals import EMPTY, Intervals, nest

__all__ = ["reads_its_own_writes"]

Fields = Mapping[str, int]
Addresses = npt.NDArray[np.int64]

# Iterations that are walked one by one; beyond, an overlap counts as a read of a write.
_MOST_ITERATIONS = 1 << 20


def reads_its_own_writes(fields: Fields) -> Intervals:
    """Return the addresses that a vector instruction reads after it wrote them.

    Parameters
    ----------
    fields : every field of the instruction

    Returns
    -------
    Intervals
        In units of columns bytes of act, or in acc words. Of an instruction of more than a million
        iterations, a superset.
    """
    base, counts, steps = vector_nest(fields, "output")
    if not all(counts):
        return EMPTY
    written = nest(base, counts, steps)
    for operand in _operands(fields):
        both = nest(*vector_nest(fields, operand)).intersection(written)
        if len(both) and not _same_addresses(fields, operand):
            late = _late_reads(fields, operand)
            if late is None:
                return both
            if len(late):
                return late
    return EMPTY


def _operands(fields: Fields) -> list[str]:
    """Return the operands that are read where results are written."""
    found = []
    acc = fields["destination"] == Destination.ACC
    if (fields["a_memory"] == AMemory.ACC) == acc:
        found.append("a")
    reads_b = fields["operation"] not in (Operation.COPY, Operation.TABLE)
    if acc and reads_b and fields["b_source"] == BSource.ACC:
        found.append("b")
    return found


def _same_addresses(fields: Fields, operand: str) -> bool:
    """Return whether each iteration writes, once, where it reads: no need to walk them."""
    if fields["reduce_levels"] or fields["slide"]:
        return False
    base, counts, steps = vector_nest(fields, "output")
    levels = [(abs(step), n) for step, n in zip(steps, counts, strict=True) if n > 1]
    theirs = vector_nest(fields, operand)[2]
    moving = [index for index, count in enumerate(counts) if count > 1]
    same = base == fields[operand] and all(steps[index] == theirs[index] for index in moving)
    return same and _distinct(levels)


def _distinct(levels: Sequence[tuple[int, int]]) -> bool:
    """Return whether each step is longer than all smaller ones together can go."""
    reach = 0
    for step, count in sorted(levels):
        if step <= reach:
            return False
        reach += step * (count - 1)
    return True


def _late_reads(fields: Fields, operand: str) -> Intervals | None:
    """Return what is read after it was written, walking all iterations; None if they are many."""
    shape = tuple(fields[f"count{level}"] for level in range(VECTOR_LEVELS))
    total = prod(shape)
    if total > _MOST_ITERATIONS:
        return None
    order = np.arange(total).reshape(shape)
    outer = VECTOR_LEVELS - fields["reduce_levels"]
    last = order.reshape(*shape[:outer], -1)[..., -1]
    if fields["slide"]:
        # A result comes with its last column.
        last = last[..., 2 :: fields["slide"]]
    base, counts, steps = vector_nest(fields, "output")
    assert last.shape == counts[:outer]
    output = _addresses(base, counts, steps)
    read = _addresses(*vector_nest(fields, operand))
    low = min(output.min(), read.min())
    written_at = np.full(int(max(output.max(), read.max()) - low) + 1, total)
    # Of a repeated index the last value stays: backwards, that is the first write.
    written_at[output.reshape(-1)[::-1] - low] = last.reshape(-1)[::-1]
    late = np.unique(read[written_at[read - low] < order])
    return Intervals(late, late + 1)


def _addresses(base: int, counts: Sequence[int], steps: Sequence[int]) -> Addresses:
    """Return int64[*counts]: the address of every iteration."""
    result: Addresses = np.full((), base, np.int64)
    for count, step in zip(counts, steps, strict=True):
        result = result[..., None] + np.arange(count, dtype=np.int64) * step
    return result
