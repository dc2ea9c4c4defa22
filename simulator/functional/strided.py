"""The fast way of a vector instruction: operands and results are strided views of the memories."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

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

from .lanes import CHUNK_VALUES, OPERATIONS, REDUCTIONS
from .nest import are_distinct, places, steps
from .results import finish, result_counts, result_nest
from .scratchpads import Int8, Int32, Scratchpads

__all__ = ["Strided"]


class Strided:
    """A vector instruction that `can_do` allows, whose addresses exist.

    Parameters
    ----------
    fields : of the instruction
    scratchpads : Scratchpads
    """

    def __init__(self, fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
        pads = scratchpads
        self._fields, self._pads = fields, pads
        self._operation = Operation(fields["operation"])
        self._offset = np.int32(fields["a_offset"])
        reduction = Reduction(fields["reduction"])
        counts = result_counts(fields)
        sums = () if reduction == Reduction.NONE else _reduced(fields)
        self._reduce = REDUCTIONS[reduction] if prod(sums) > 1 else None
        # Levels of one iteration are left out; those of the reduction come last.
        outer = sum(count > 1 for count in counts)
        self._axes = tuple(range(outer, outer + sum(count > 1 for count in sums)))
        a_act = fields["a_memory"] == AMemory.ACT
        self._a = _operand(fields, "a", pads.act_columns if a_act else pads.acc)
        self._b: Any = np.int32(fields["immediate"])
        if _uses_b(self._operation) and fields["b_source"] == BSource.ACC:
            self._b = _operand(fields, "b", pads.acc)
        self._records = _records(fields, pads.param) if fields["requantize"] else None
        to_act = fields["destination"] == Destination.ACT
        base, strides = result_nest(fields, "output")
        self._target = _view(pads.act_columns if to_act else pads.acc, base, counts, strides)

    @staticmethod
    def can_do(fields: Mapping[str, int], scratchpads: Scratchpads) -> bool:
        """Return whether the instruction has no taps, distinct results, and not many values."""
        if fields["slide"]:
            return False
        if _uses_b(Operation(fields["operation"])) and fields["b_source"] == BSource.TAP:
            return False
        values = prod(steps(fields, "count", VECTOR_LEVELS)) * scratchpads.acc.shape[1]
        _, strides = result_nest(fields, "output")
        return values <= CHUNK_VALUES and are_distinct(result_counts(fields), strides)

    def execute(self) -> None:
        """Execute the instruction; every operand is read before a result is written."""
        self._target[...] = finish(self._fields, self._results(), self._records)

    def _results(self) -> Int8 | Int32:
        """Return int32[*results, columns], or int8 with the same values; may be a view."""
        if self._operation == Operation.COPY and not self._offset:
            return self._reduced(self._a)
        left = self._a.astype(np.int32) + self._offset
        if self._operation == Operation.COPY:
            return self._reduced(left)
        if self._operation == Operation.TABLE:
            # The index has eight bits: it wraps.
            table = self._pads.table[self._fields["table"]].view(np.int8)
            return self._reduced(table[(left + np.int32(128)) & 0xFF])
        return self._reduced(OPERATIONS[self._operation](left, self._b))

    def _reduced(self, values: Int8 | Int32) -> Int8 | Int32:
        if self._reduce is None:
            return values
        # A sum of int8 needs more bits; a maximum or a minimum does not.
        dtype = np.int32 if self._reduce is np.add else values.dtype
        result: Int8 | Int32 = self._reduce.reduce(values, axis=self._axes, dtype=dtype)
        return result


def _uses_b(operation: Operation) -> bool:
    return operation not in (Operation.COPY, Operation.TABLE)


def _reduced(fields: Mapping[str, int]) -> tuple[int, ...]:
    """Return the iterations of the levels that reduce."""
    return steps(fields, "count", VECTOR_LEVELS)[VECTOR_LEVELS - fields["reduce_levels"] :]


def _operand(fields: Mapping[str, int], operand: str, memory: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return any[*results, *reduction, columns]: what the iterations take."""
    if fields["reduction"] == Reduction.NONE:
        base, strides = result_nest(fields, operand)
        return _view(memory, base, result_counts(fields), strides)
    counts = steps(fields, "count", VECTOR_LEVELS)
    return _view(memory, fields[operand], counts, steps(fields, operand, VECTOR_LEVELS))


def _records(fields: Mapping[str, int], param: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return uint8[*results, bytes], with one result where all of a level have one record."""
    base, strides = result_nest(fields, "record")
    levels = [pair for pair in zip(result_counts(fields), strides, strict=True) if pair[0] > 1]
    counts = [count if stride else 1 for count, stride in levels]
    return places(param, base, counts, [stride for _, stride in levels])


def _view(
    memory: npt.NDArray[Any], base: int, counts: Sequence[int], strides: Sequence[int]
) -> npt.NDArray[Any]:
    """Return what a nest addresses, without the levels of one iteration."""
    levels = [pair for pair in zip(counts, strides, strict=True) if pair[0] > 1]
    return places(memory, base, [count for count, _ in levels], [stride for _, stride in levels])
