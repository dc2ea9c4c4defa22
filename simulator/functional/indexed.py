"""The general way of a vector instruction: arrays of the addresses of all operands and results."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from isa.instructions import (
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Destination,
    Operation,
    Reduction,
)

from .lanes import CHUNK_VALUES, OPERATIONS, REDUCTIONS, SLOT_BITS, SLOTS
from .nest import Addresses, addresses, steps
from .results import finish, result_counts, result_nest
from .scratchpads import Int32, Scratchpads
from .slide import slide_values

__all__ = ["execute_indexed"]


def execute_indexed(fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
    """Execute any vector instruction whose addresses exist, and that has results."""
    record, output = _results(fields, "record"), _results(fields, "output")
    taps = scratchpads.param.view(np.int8).reshape(-1, SLOTS, scratchpads.acc.shape[1])
    pieces = []
    start = 0
    chunks = slide_values if fields["slide"] else _values
    for values in chunks(fields, scratchpads, taps):
        stop = start + len(values)
        records = scratchpads.param[record[start:stop]] if fields["requantize"] else None
        pieces.append(finish(fields, values, records))
        start = stop
    # Where an output address repeats, numpy keeps the last value, as the machine does.
    result = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    if fields["destination"] == Destination.ACT:
        scratchpads.act_columns[output] = result
    else:
        scratchpads.acc[output] = result


def _nest(fields: Mapping[str, int], operand: str) -> Addresses:
    """Return int64[outputs, values of a reduction]: the addresses of one operand."""
    counts = steps(fields, "count", VECTOR_LEVELS)
    strides = steps(fields, operand, VECTOR_LEVELS)
    inner = np.prod(counts[VECTOR_LEVELS - fields["reduce_levels"] :], dtype=np.int64)
    return addresses(fields[operand], counts, strides).reshape(-1, inner)


def _results(fields: Mapping[str, int], operand: str) -> Addresses:
    """Return int64[outputs]: the addresses of the record or the output."""
    base, strides = result_nest(fields, operand)
    return addresses(base, result_counts(fields), strides).reshape(-1)


def _values(
    fields: Mapping[str, int], scratchpads: Scratchpads, taps: npt.NDArray[np.int8]
) -> Iterator[Int32]:
    """Yield int32[outputs, columns], all outputs in several pieces."""
    a, b = _nest(fields, "a"), _nest(fields, "b")
    if fields["reduction"] == Reduction.NONE:
        a, b = a[:, -1:], b[:, -1:]
    chunk = max(1, CHUNK_VALUES // (a.shape[1] * taps.shape[-1]))
    for start in range(0, len(a), chunk):
        part = slice(start, start + chunk)
        yield _reduce(fields, _operate(fields, a[part], b[part], scratchpads, taps))


def _operate(
    fields: Mapping[str, int],
    a: Addresses,
    b: Addresses,
    scratchpads: Scratchpads,
    taps: npt.NDArray[np.int8],
) -> Int32:
    """Return int32[outputs, values, columns]: the operation on every pair of operands."""
    if fields["a_memory"] == AMemory.ACT:
        left: Int32 = scratchpads.act_columns[a].astype(np.int32)
    else:
        left = scratchpads.acc[a]
    left += np.int32(fields["a_offset"])
    operation = Operation(fields["operation"])
    if operation == Operation.COPY:
        return left
    if operation == Operation.TABLE:
        # The index has eight bits: it wraps.
        table = scratchpads.table[fields["table"]].view(np.int8)
        looked_up: Int32 = table[(left + 128) & 0xFF].astype(np.int32)
        return looked_up
    result: Int32 = OPERATIONS[operation](left, _operand_b(fields, b, scratchpads, taps))
    return result


def _operand_b(
    fields: Mapping[str, int],
    b: Addresses,
    scratchpads: Scratchpads,
    taps: npt.NDArray[np.int8],
) -> Int32:
    if fields["b_source"] == BSource.IMMEDIATE:
        return np.array(fields["immediate"], np.int32)
    if fields["b_source"] == BSource.ACC:
        return scratchpads.acc[b]
    values: Int32 = taps[b >> SLOT_BITS, b & ((1 << SLOT_BITS) - 1)].astype(np.int32)
    return values


def _reduce(fields: Mapping[str, int], values: Int32) -> Int32:
    """Return int32[outputs, columns]."""
    reduction = Reduction(fields["reduction"])
    if values.shape[1] == 1:
        return values[:, 0]
    result: Int32 = REDUCTIONS[reduction].reduce(values, axis=1, dtype=np.int32)
    return result
