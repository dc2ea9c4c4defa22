"""The load instruction: strided runs of DRAM bytes into a scratchpad, with padding."""

from collections.abc import Mapping

import numpy as np

from isa.config import Config
from isa.instructions import Memory

from ..memory import Bytes
from .nest import Addresses, addresses, are_distinct, bounds
from .runs import Runs, existing_lines, runs_of, starts_and_sizes
from .scratchpads import Scratchpads, require
from .transfer import READ, Bus, Transfer

__all__ = ["Load", "load"]

# A load of more parts makes its views anew in each execution.
_KEPT_COPIES = 16


def load(fields: Mapping[str, int], scratchpads: Scratchpads, bus: Bus) -> None:
    """Execute a load once: see `Load` and its `execute`."""
    Load(bus.config, fields, scratchpads).execute(bus)


class Load:
    """A load of a machine, to be executed any number of times.

    Parameters
    ----------
    config : Config
    fields : of the instruction
    scratchpads : Scratchpads

    Raises
    ------
    SimulationError
        A word outside the memory would be written.
    """

    def __init__(self, config: Config, fields: Mapping[str, int], scratchpads: Scratchpads) -> None:
        memory = Memory(fields["memory"])
        words = scratchpads.loaded(memory)
        run_words = -(-fields["x_bytes"] // words.shape[1])
        self._counts = (fields["z_count"], fields["y_count"], run_words)
        self._strides = (fields["z_step"], fields["y_step"], 1)
        low, high = bounds(fields["destination"], self._counts, self._strides)
        require(memory.name.lower(), low, high, len(words), "words")
        self._fields, self._words = fields, words
        self._lines, self._address = existing_lines(fields)
        runs = runs_of(fields, config.bus_bytes)
        existing = self._lines.stop - self._lines.start
        self._whole = runs.whole and existing == fields["z_count"]
        self._transfer = self._transferred(runs, config.address_bits)
        self._target = self._view()
        # Target and source of each part, once it is known that the source exists.
        self._copies: list[tuple[Bytes, Bytes]] | None = None

    def execute(self, bus: Bus) -> None:
        """Execute the load.

        Raises
        ------
        FaultError
            A window fault or a bus error.
        """
        bus.check(self._transfer, READ)
        target = self._target
        if target is None:
            self._repeated(bus)
            return
        self._fill(target)
        if self._transfer.wraps:
            self._gather(target, bus)
            return
        copies = self._copies or self._parts(target, bus)
        if len(copies) <= _KEPT_COPIES:
            self._copies = copies
        for place, source in copies:
            place[...] = source

    def _transferred(self, runs: Runs, address_bits: int) -> Transfer:
        address = self._address
        wraps = address + runs.first < 0 or bool((address + runs.last) >> address_bits)
        return Transfer(
            address + runs.first,
            address + runs.end,
            runs.bytes,
            runs.bus_bytes,
            wraps,
            self._starts_and_sizes,
        )

    def _starts_and_sizes(self) -> tuple[Addresses, Addresses]:
        return starts_and_sizes(self._fields)

    def _view(self) -> Bytes | None:
        """Return uint8[z_count, y_count, bytes of whole words], None if words repeat."""
        if not are_distinct(self._counts, self._strides):
            return None
        word_bytes = self._words.shape[1]
        strides = (self._strides[0] * word_bytes, self._strides[1] * word_bytes, 1)
        start = self._fields["destination"] * word_bytes
        return np.ndarray(self._shape(), np.uint8, self._words, start, strides)

    def _shape(self) -> tuple[int, int, int]:
        return (*self._counts[:2], self._counts[2] * self._words.shape[1])

    def _repeated(self, bus: Bus) -> None:
        """Write words several times: the last run counts."""
        data: Bytes = np.empty(self._shape(), np.uint8)
        self._fill(data)
        if self._transfer.wraps:
            self._gather(data, bus)
        else:
            for place, source in self._parts(data, bus):
                place[...] = source
        target = addresses(self._fields["destination"], self._counts, self._strides).reshape(-1)
        self._words[target] = data.reshape(-1, self._words.shape[1])

    def _fill(self, target: Bytes) -> None:
        """Write the padding: at least all bytes that no run writes."""
        fields = self._fields
        if not self._whole:
            target[...] = fields["fill"] & 0xFF
        elif target.shape[2] > fields["x_bytes"]:
            target[..., fields["x_bytes"] :] = fields["fill"] & 0xFF

    def _parts(self, target: Bytes, bus: Bus) -> list[tuple[Bytes, Bytes]]:
        """Return target and source of all runs, whose addresses exist."""
        strides = (self._fields["z_stride"], self._fields["y_stride"], 1)
        result = []
        for part in runs_of(self._fields, bus.config.bus_bytes).parts:
            place = target[self._lines, part.runs, part.span]
            start = self._address + part.offset
            source: Bytes = np.ndarray(place.shape, np.uint8, bus.memory.bytes, start, strides)
            result.append((place, source))
        return result

    def _gather(self, target: Bytes, bus: Bus) -> None:
        """Write runs whose addresses wrap around, one run after the other."""
        starts, sizes = starts_and_sizes(self._fields)
        for start, size, place in zip(
            starts.tolist(), sizes.tolist(), self._places(target, bus), strict=True
        ):
            wrapped = bus.wrap(np.arange(start, start + size, dtype=np.int64))
            place[...] = bus.memory.bytes[wrapped]

    def _places(self, target: Bytes, bus: Bus) -> list[Bytes]:
        """Return where each run that is not empty goes, line by line."""
        parts = runs_of(self._fields, bus.config.bus_bytes).parts
        return [
            target[line, run, part.span]
            for line in range(self._lines.start, self._lines.stop)
            for part in parts
            for run in range(part.runs.start, part.runs.stop)
        ]
