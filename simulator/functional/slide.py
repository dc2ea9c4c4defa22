"""The sliding rows of a vector instruction: each vector of act meets three taps of a row."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from isa.config import SLOTS_PER_PARAM_WORD
from isa.instructions import SLIDE_TAPS, VECTOR_LEVELS, slide_results

from .nest import addresses, steps
from .scratchpads import Int32, Scratchpads

__all__ = ["line_counts", "slide_values"]

# Values of act that are held at once.
_CHUNK_VALUES = 1 << 18


def line_counts(fields: Mapping[str, int]) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    """Return the counts of the levels outside of the sliding one, its own, of those inside."""
    counts = steps(fields, "count", VECTOR_LEVELS)
    level = VECTOR_LEVELS - 1 - fields["reduce_levels"]
    return counts[:level], counts[level], counts[level + 1 :]


def slide_values(
    fields: Mapping[str, int], scratchpads: Scratchpads, taps: npt.NDArray[np.int8]
) -> Iterator[Int32]:
    """Yield the results of one line after the other, several at a time.

    Parameters
    ----------
    taps : int8[param_words, slots, columns]

    Yields
    ------
    int32[results, columns]
    """
    outer, columns, inner = line_counts(fields)
    slide = fields["slide"]
    results = slide_results(columns, slide)
    counts, shape = (*outer, columns, *inner), (-1, columns, int(np.prod(inner, dtype=np.int64)))
    a, b = (
        addresses(fields[name], counts, steps(fields, name, VECTOR_LEVELS)).reshape(shape)
        for name in ("a", "b")
    )
    lanes = taps.shape[-1]
    lines = max(1, _CHUNK_VALUES // (a[0].size * lanes))
    for start in range(0, len(a), lines):
        act: Int32 = scratchpads.act_columns[a[start : start + lines]].astype(np.int32)
        act += np.int32(fields["a_offset"])
        slots = b[start : start + lines]
        if not fields[f"b{len(outer)}"]:
            slots = slots[:, :1]
        total = np.zeros((len(act), results, lanes), np.int32)
        for tap in range(SLIDE_TAPS):
            window = slice(tap, tap + slide * (results - 1) + 1, slide)
            here = slots[:, window] if slots.shape[1] > 1 else slots
            row = taps[here // SLOTS_PER_PARAM_WORD, here % SLOTS_PER_PARAM_WORD + tap]
            for line in range(act.shape[2]):
                total += act[:, window, line] * row[:, :, line]
        yield total.reshape(-1, lanes)
