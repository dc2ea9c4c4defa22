"""The results of a vector instruction: how many, where they go, how each is finished."""

from collections.abc import Mapping
from operator import mul

import numpy as np
import numpy.typing as npt

from isa.arithmetic import Rounding, requantize, saturate
from isa.instructions import VECTOR_LEVELS, Destination, slide_results

from ..memory import Bytes
from .nest import steps
from .scratchpads import Int32
from .slide import line_counts

__all__ = ["finish", "result_counts", "result_nest"]


def result_counts(fields: Mapping[str, int]) -> tuple[int, ...]:
    """Return the results of each level that does not reduce; none where a line is too short."""
    if fields["slide"]:
        outer, columns, _ = line_counts(fields)
        return (*outer, slide_results(columns, fields["slide"]))
    return steps(fields, "count", VECTOR_LEVELS)[: VECTOR_LEVELS - fields["reduce_levels"]]


def result_nest(fields: Mapping[str, int], operand: str) -> tuple[int, tuple[int, ...]]:
    """Return the address of the first result, and the step of each level that does not reduce.

    A result belongs to the last iteration of its reduction.
    """
    outer = VECTOR_LEVELS - fields["reduce_levels"]
    counts = steps(fields, "count", VECTOR_LEVELS)
    strides = steps(fields, operand, VECTOR_LEVELS)
    last = [count - 1 for count in counts[outer:]]
    return fields[operand] + sum(map(mul, strides[outer:], last)), strides[:outer]


def finish(
    fields: Mapping[str, int], values: npt.NDArray[np.int8] | Int32, records: Bytes | None
) -> npt.NDArray[np.int8] | Int32:
    """Return what is written of results.

    Parameters
    ----------
    values : int32 or int8[*results, columns]
    records : uint8[*results, 9 * columns], words of param, broadcast; used where it requantises

    Returns
    -------
    int8[*results, columns] for act, int32 or int8 for acc
    """
    if fields["requantize"]:
        assert records is not None
        columns = values.shape[-1]
        bias = records[..., : 4 * columns].view("<i4")
        multiplier = records[..., 4 * columns : 8 * columns].view("<i4")
        shift = records[..., 8 * columns :].view(np.int8)
        # numpy's int32 arrays wrap, as the machine's registers do.
        biased = values + bias
        if fields["pre_shift"]:
            biased <<= np.int32(fields["pre_shift"])
        values = requantize(biased, multiplier, shift, Rounding(fields["rounding"]))
    if fields["destination"] == Destination.ACC:
        return values
    return saturate(values, fields["zero_point"], fields["low"], fields["high"])
