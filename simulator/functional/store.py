"""The store instruction: act words to strided runs of DRAM bytes."""

from collections.abc import Mapping

import numpy as np

from isa.config import Config

from ..memory import Bytes
from .nest import Addresses, addresses, are_distinct, bounds
from .scratchpads import Scratchpads, require
from .transfer import WRITE, Bus, Transfer

__all__ = ["Store", "store"]


def store(fields: Mapping[str, int], scratchpads: Scratchpads, bus: Bus) -> None:
    """Execute a store once: see `Store` and its `execute`."""
    Store(bus.config, fields, scratchpads).execute(bus)


class Store:
    """A store of a machine, to be executed any number of times.

    Parameters
    ----------
    config : Config
    fields : of the instruction
    scratchpads : Scratchpads

    Raises
    ------
    SimulationError
        An act word that does not exist would be read.
    """

    def __init__(self, config: Config, fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
        act = scratchpads.act
        word_bytes, x_bytes = act.shape[1], fields["x_bytes"]
        counts = (fields["z_count"], fields["y_count"], -(-x_bytes // word_bytes))
        strides = (fields["z_step"], fields["y_step"], 1)
        low, high = bounds(fields["source"], counts, strides)
        require("act", low, high, len(act), "words")
        shape = (*counts[:2], x_bytes)
        steps_bytes = (strides[0] * word_bytes, strides[1] * word_bytes, 1)
        self._runs: Bytes = np.ndarray(
            shape, np.uint8, act, fields["source"] * word_bytes, steps_bytes
        )
        self._address = fields["address"]
        self._strides = fields["z_stride"], fields["y_stride"]
        self._transfer = self._transferred(config)
        self._distinct = not self._transfer.wraps and are_distinct(shape, (*self._strides, 1))
        self._target: Bytes | None = None

    def execute(self, bus: Bus) -> None:
        """Execute the store.

        Raises
        ------
        FaultError
            A window fault or a bus error; DRAM is then as it was before.
        """
        bus.check(self._transfer, WRITE)
        memory, runs = bus.memory.bytes, self._runs
        if self._distinct:
            if self._target is None:
                self._target = np.ndarray(
                    runs.shape, np.uint8, memory, self._address, (*self._strides, 1)
                )
            self._target[...] = runs
            return
        # Runs may overlap; numpy keeps the last value of a repeated index, as the machine does.
        x_bytes = runs.shape[2]
        starts = bus.wrap(self._starts_and_sizes()[0])
        memory[starts[:, None] + np.arange(x_bytes)] = runs.reshape(-1, x_bytes)

    def writes(self, start: int, end: int) -> bool:
        """Return whether a byte from `start` to before `end` may be written."""
        transfer = self._transfer
        return transfer.wraps or (transfer.low < end and transfer.high > start)

    def _transferred(self, config: Config) -> Transfer:
        counts, x_bytes = self._runs.shape[:2], self._runs.shape[2]
        low, last = bounds(self._address, counts, self._strides)
        wraps = low < 0 or bool(last >> config.address_bits)
        size = self._runs.size
        return Transfer(low, last + x_bytes, size, size, wraps, self._starts_and_sizes)

    def _starts_and_sizes(self) -> tuple[Addresses, Addresses]:
        starts = addresses(self._address, self._runs.shape[:2], self._strides).reshape(-1)
        return starts, np.full(starts.shape, self._runs.shape[2], np.int64)
