"""The vector instruction: lane-wise operations, reductions and requantisation."""

from collections.abc import Iterator, Mapping
from operator import mul

import numpy as np
import numpy.typing as npt

from isa.arithmetic import Rounding, requantize, saturate
from isa.instructions import (
    SLIDE_TAPS,
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Destination,
    Operation,
    Reduction,
    slide_results,
)

from .nest import Addresses, addresses, bounds, steps
from .scratchpads import Int32, Scratchpads, require
from .slide import line_counts, slide_values

__all__ = ["vector"]

# Values of an operand that are held at once.
_CHUNK_VALUES = 1 << 18
# A param word as taps has 16 slot addresses, of which 9 exist: it is 9 bytes a column.
_SLOT_BITS, _SLOTS = 4, 9

_OPERATIONS: Mapping[Operation, np.ufunc] = {
    Operation.ADD: np.add,
    Operation.SUBTRACT: np.subtract,
    Operation.MULTIPLY: np.multiply,
    Operation.MAXIMUM: np.maximum,
    Operation.MINIMUM: np.minimum,
}
_REDUCTIONS: Mapping[Reduction, np.ufunc] = {
    Reduction.ADD: np.add,
    Reduction.MAXIMUM: np.maximum,
    Reduction.MINIMUM: np.minimum,
}


def vector(fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
    """Execute a vector instruction.

    Reduction NONE keeps the last value of a reduction.

    Raises
    ------
    SimulationError
        An address outside a memory is used.
    """
    _require(fields, scratchpads)
    if not all(_result_counts(fields)):
        return
    record, output = _results(fields, "record"), _results(fields, "output")
    taps = scratchpads.param.view(np.int8).reshape(-1, _SLOTS, scratchpads.acc.shape[1])
    pieces = []
    start = 0
    chunks = slide_values if fields["slide"] else _values
    for values in chunks(fields, scratchpads, taps):
        stop = start + len(values)
        pieces.append(_finish(fields, values, record[start:stop], scratchpads))
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


def _result_counts(fields: Mapping[str, int]) -> tuple[int, ...]:
    """Return the results of each level that does not reduce; none where a line is too short."""
    if fields["slide"]:
        outer, columns, _ = line_counts(fields)
        return (*outer, slide_results(columns, fields["slide"]))
    return steps(fields, "count", VECTOR_LEVELS)[: VECTOR_LEVELS - fields["reduce_levels"]]


def _result_nest(fields: Mapping[str, int], operand: str) -> tuple[int, tuple[int, ...]]:
    """Return the address of the first result, and the step of each level that does not reduce."""
    outer = VECTOR_LEVELS - fields["reduce_levels"]
    counts = steps(fields, "count", VECTOR_LEVELS)
    strides = steps(fields, operand, VECTOR_LEVELS)
    last = [count - 1 for count in counts[outer:]]
    return fields[operand] + sum(map(mul, strides[outer:], last)), strides[:outer]


def _results(fields: Mapping[str, int], operand: str) -> Addresses:
    """Return int64[outputs]: the addresses of the record or the output."""
    base, strides = _result_nest(fields, operand)
    return addresses(base, _result_counts(fields), strides).reshape(-1)


def _values(
    fields: Mapping[str, int], scratchpads: Scratchpads, taps: npt.NDArray[np.int8]
) -> Iterator[Int32]:
    """Yield int32[outputs, columns], all outputs in several pieces."""
    a, b = _nest(fields, "a"), _nest(fields, "b")
    if fields["reduction"] == Reduction.NONE:
        a, b = a[:, -1:], b[:, -1:]
    chunk = max(1, _CHUNK_VALUES // (a.shape[1] * taps.shape[-1]))
    for start in range(0, len(a), chunk):
        part = slice(start, start + chunk)
        yield _reduce(fields, _operate(fields, a[part], b[part], scratchpads, taps))


def _require(fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
    """Check that every address exists."""
    act = ("act", len(scratchpads.act_columns), "vectors of columns bytes")
    acc = ("acc", len(scratchpads.acc), "words")
    param = ("param", len(scratchpads.param), "words")
    taps = ("tap", len(scratchpads.param) << _SLOT_BITS, "slots")
    used = {"a": act if fields["a_memory"] == AMemory.ACT else acc}
    used["output"] = act if fields["destination"] == Destination.ACT else acc
    if fields["requantize"]:
        used["record"] = param
    if _uses_b(fields) and fields["b_source"] != BSource.IMMEDIATE:
        used["b"] = taps if fields["b_source"] == BSource.TAP else acc
    if not all(_result_counts(fields)):
        used = {operand: row for operand, row in used.items() if operand in ("a", "b")}
    for operand, (memory, size, unit) in used.items():
        require(memory, *_span(fields, operand), size, unit)
    if used.get("b") is taps:
        slots = _nest(fields, "b") & ((1 << _SLOT_BITS) - 1)
        last = int(slots.max()) + (SLIDE_TAPS - 1 if fields["slide"] else 0)
        require("tap", int(slots.min()), last, _SLOTS, "slots of a param word")


def _span(fields: Mapping[str, int], operand: str) -> tuple[int, int]:
    """Return the smallest and the largest address of one operand."""
    if operand in ("a", "b"):
        counts = steps(fields, "count", VECTOR_LEVELS)
        return bounds(fields[operand], counts, steps(fields, operand, VECTOR_LEVELS))
    base, strides = _result_nest(fields, operand)
    return bounds(base, _result_counts(fields), strides)


def _uses_b(fields: Mapping[str, int]) -> bool:
    return fields["operation"] not in (Operation.COPY, Operation.TABLE)


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
    result: Int32 = _OPERATIONS[operation](left, _operand_b(fields, b, scratchpads, taps))
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
    values: Int32 = taps[b >> _SLOT_BITS, b & ((1 << _SLOT_BITS) - 1)].astype(np.int32)
    return values


def _reduce(fields: Mapping[str, int], values: Int32) -> Int32:
    """Return int32[outputs, columns]."""
    reduction = Reduction(fields["reduction"])
    if values.shape[1] == 1:
        return values[:, 0]
    result: Int32 = _REDUCTIONS[reduction].reduce(values, axis=1, dtype=np.int32)
    return result


def _finish(
    fields: Mapping[str, int], values: Int32, record: Addresses, scratchpads: Scratchpads
) -> np.ndarray:
    """Return what is written: int8[outputs, columns] for act, int32 for acc."""
    if fields["requantize"]:
        columns = values.shape[1]
        words = scratchpads.param[record]
        bias = np.ascontiguousarray(words[:, : 4 * columns]).view("<i4")
        multiplier = np.ascontiguousarray(words[:, 4 * columns : 8 * columns]).view("<i4")
        shift = words[:, 8 * columns :].view(np.int8)
        # numpy's int32 arrays wrap, as the machine's registers do.
        scaled = (values + bias) << np.int32(fields["pre_shift"])
        values = requantize(scaled, multiplier, shift, Rounding(fields["rounding"]))
    if fields["destination"] == Destination.ACC:
        return values
    return saturate(values, fields["zero_point"], fields["low"], fields["high"])
