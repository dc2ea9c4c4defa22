"""The store instruction: act words to strided runs of DRAM bytes."""

from collections.abc import Mapping

import numpy as np

from .nest import addresses, bounds
from .scratchpads import Scratchpads, require
from .transfer import WRITE, Bus

__all__ = ["store"]


def store(fields: Mapping[str, int], scratchpads: Scratchpads, bus: Bus) -> None:
    """Execute a store.

    Raises
    ------
    SimulationError
        An act word that does not exist would be read.
    FaultError
        A window fault or a bus error; DRAM is then as it was before.
    """
    word_bytes = scratchpads.act.shape[1]
    x_bytes = fields["x_bytes"]
    counts = (fields["z_count"], fields["y_count"], -(-x_bytes // word_bytes))
    strides = (fields["z_step"], fields["y_step"], 1)
    low, high = bounds(fields["source"], counts, strides)
    require("act", low, high, len(scratchpads.act), "words")
    words = scratchpads.act[addresses(fields["source"], counts, strides)]
    runs = words.reshape(-1, counts[2] * word_bytes)[:, :x_bytes]
    starts = addresses(
        fields["address"], counts[:2], (fields["z_stride"], fields["y_stride"])
    ).reshape(-1)
    starts = bus.wrap(starts)
    bus.check(starts, np.full(starts.shape, x_bytes, np.int64), WRITE)
    # Runs may overlap; numpy keeps the last value of a repeated index, as the machine does.
    bus.memory.bytes[starts[:, None] + np.arange(x_bytes)] = runs
