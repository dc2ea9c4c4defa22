"""The store instruction: act words to strided runs of DRAM bytes."""

from collections.abc import Mapping

import numpy as np

from ..memory import Bytes
from .nest import addresses, are_distinct, bounds
from .scratchpads import Scratchpads, require
from .transfer import WRITE, Bus, Transfer

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
    act = scratchpads.act
    word_bytes, x_bytes = act.shape[1], fields["x_bytes"]
    counts = (fields["z_count"], fields["y_count"], -(-x_bytes // word_bytes))
    strides = (fields["z_step"], fields["y_step"], 1)
    low, high = bounds(fields["source"], counts, strides)
    require("act", low, high, len(act), "words")
    shape = (*counts[:2], x_bytes)
    steps_bytes = (strides[0] * word_bytes, strides[1] * word_bytes, 1)
    runs: Bytes = np.ndarray(shape, np.uint8, act, fields["source"] * word_bytes, steps_bytes)
    run_strides = fields["z_stride"], fields["y_stride"]
    starts = addresses(fields["address"], counts[:2], run_strides).reshape(-1)
    transfer = Transfer.of(bus.config, starts, np.full(starts.shape, x_bytes, np.int64))
    bus.check(transfer, WRITE)
    memory = bus.memory.bytes
    if are_distinct(shape, (*run_strides, 1)) and not transfer.wraps:
        target: Bytes = np.ndarray(shape, np.uint8, memory, int(starts[0]), (*run_strides, 1))
        target[...] = runs
        return
    # Runs may overlap; numpy keeps the last value of a repeated index, as the machine does.
    memory[transfer.starts[:, None] + np.arange(x_bytes)] = runs.reshape(-1, x_bytes)
