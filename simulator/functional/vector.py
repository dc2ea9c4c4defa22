"""The vector instruction: lane-wise operations, reductions and requantisation."""

from collections.abc import Mapping

from isa.instructions import (
    SLIDE_TAPS,
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Destination,
    Operation,
)

from .indexed import execute_indexed
from .lanes import SLOT_BITS, SLOTS
from .nest import addresses, bounds, steps
from .results import result_counts, result_nest
from .scratchpads import Scratchpads, require
from .strided import Strided
from .transfer import Bus

__all__ = ["Vector", "vector"]


def vector(fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
    """Execute a vector instruction once: see `Vector` and its `execute`."""
    Vector(fields, scratchpads).execute()


class Vector:
    """A vector instruction of a machine, to be executed any number of times.

    Reduction NONE keeps the last value of a reduction.

    Parameters
    ----------
    fields : of the instruction
    scratchpads : Scratchpads

    Raises
    ------
    SimulationError
        An address outside a memory is used.
    """

    def __init__(self, fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
        _require(fields, scratchpads)
        self._fields, self._scratchpads = fields, scratchpads
        self._idle = not all(result_counts(fields))
        strided = not self._idle and Strided.can_do(fields, scratchpads)
        self._strided = Strided(fields, scratchpads) if strided else None

    def execute(self, _bus: Bus | None = None) -> None:
        """Execute the instruction."""
        if self._strided is not None:
            self._strided.execute()
        elif not self._idle:
            execute_indexed(self._fields, self._scratchpads)


def _require(fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
    """Check that every address exists."""
    act = ("act", len(scratchpads.act_columns), "vectors of columns bytes")
    acc = ("acc", len(scratchpads.acc), "words")
    param = ("param", len(scratchpads.param), "words")
    taps = ("tap", len(scratchpads.param) << SLOT_BITS, "slots")
    used = {"a": act if fields["a_memory"] == AMemory.ACT else acc}
    used["output"] = act if fields["destination"] == Destination.ACT else acc
    if fields["requantize"]:
        used["record"] = param
    if _uses_b(fields) and fields["b_source"] != BSource.IMMEDIATE:
        used["b"] = taps if fields["b_source"] == BSource.TAP else acc
    if not all(result_counts(fields)):
        used = {operand: row for operand, row in used.items() if operand in ("a", "b")}
    for operand, (memory, size, unit) in used.items():
        require(memory, *_span(fields, operand), size, unit)
    if used.get("b") is taps:
        counts = steps(fields, "count", VECTOR_LEVELS)
        slots = addresses(fields["b"], counts, steps(fields, "b", VECTOR_LEVELS))
        slots &= (1 << SLOT_BITS) - 1
        last = int(slots.max()) + (SLIDE_TAPS - 1 if fields["slide"] else 0)
        require("tap", int(slots.min()), last, SLOTS, "slots of a param word")


def _span(fields: Mapping[str, int], operand: str) -> tuple[int, int]:
    """Return the smallest and the largest address of one operand."""
    if operand in ("a", "b"):
        counts = steps(fields, "count", VECTOR_LEVELS)
        return bounds(fields[operand], counts, steps(fields, operand, VECTOR_LEVELS))
    base, strides = result_nest(fields, operand)
    return bounds(base, result_counts(fields), strides)


def _uses_b(fields: Mapping[str, int]) -> bool:
    return fields["operation"] not in (Operation.COPY, Operation.TABLE)
