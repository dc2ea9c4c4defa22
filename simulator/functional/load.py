"""The load instruction: strided runs of DRAM bytes into a scratchpad, with padding.

What follows from an instruction alone is found when it is first executed, and kept.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np

from isa.config import Config
from isa.instructions import Memory

from ..memory import Bytes
from .nest import Addresses, addresses, are_distinct, bounds
from .scratchpads import Scratchpads, require
from .transfer import READ, Bus, Transfer

__all__ = ["Load", "load"]


class _Part(NamedTuple):
    """Neighbouring runs of every line that take the same bytes from DRAM.

    Attributes
    ----------
    runs : slice, of the runs of a line
    span : slice, of the bytes of a run
    address : int, of the first byte in the first line that exists
    """

    runs: slice
    span: slice
    address: int


class _Runs(NamedTuple):
    """What a load takes from DRAM.

    Attributes
    ----------
    lines : slice, of the lines that exist
    position : int64[y_count], byte of the line that each run begins with
    begin, end : int64[y_count], bytes of each run that the line has; equal if it has none
    transfer : Transfer, every run that is not empty
    parts : tuple of _Part
    whole : bool, whether nothing is missing
    """

    lines: slice
    position: Addresses
    begin: Addresses
    end: Addresses
    transfer: Transfer
    parts: tuple[_Part, ...]
    whole: bool


def load(fields: Mapping[str, int], scratchpads: Scratchpads, bus: Bus) -> None:
    """Execute a load once, as of `Load.execute`."""
    Load(bus.config, fields).execute(scratchpads, bus)


class Load:
    """A load of a machine, to be executed any number of times.

    Parameters
    ----------
    config : Config
    fields : of the instruction
    """

    def __init__(self, config: Config, fields: Mapping[str, int]) -> None:
        self._config = config
        self._fields = fields

    def execute(self, scratchpads: Scratchpads, bus: Bus) -> None:
        """Execute the load.

        Raises
        ------
        SimulationError
            A word outside the memory would be written.
        FaultError
            A window fault or a bus error.
        """
        fields = self._fields
        memory = Memory(fields["memory"])
        words = scratchpads.loaded(memory)
        word_bytes = words.shape[1]
        run_words = -(-fields["x_bytes"] // word_bytes)
        counts = (fields["z_count"], fields["y_count"], run_words)
        strides = (fields["z_step"], fields["y_step"], 1)
        low, high = bounds(fields["destination"], counts, strides)
        require(memory.name.lower(), low, high, len(words), "words")
        bus.check(self._runs.transfer, READ)
        shape = (*counts[:2], run_words * word_bytes)
        if are_distinct(counts, strides):
            steps_bytes = (strides[0] * word_bytes, strides[1] * word_bytes, 1)
            start = fields["destination"] * word_bytes
            self._copy(np.ndarray(shape, np.uint8, words, start, steps_bytes), bus)
            return
        # Words are written several times, and the last run counts.
        data: Bytes = np.empty(shape, np.uint8)
        self._copy(data, bus)
        target = addresses(fields["destination"], counts, strides).reshape(-1)
        words[target] = data.reshape(-1, word_bytes)

    @cached_property
    def _runs(self) -> _Runs:
        fields = self._fields
        x_bytes, origin = fields["x_bytes"], fields["z_origin"]
        position = addresses(fields["x_origin"], (fields["y_count"],), (fields["y_stride"],))
        first = min(max(-origin, 0), fields["z_count"])
        last = max(min(fields["line_count"] - origin, fields["z_count"]), first)
        begin = np.minimum(np.maximum(-position, 0), x_bytes)
        end = np.minimum(np.maximum(fields["line_bytes"] - position, begin), x_bytes)
        full = end > begin
        lines = fields["address"] + fields["z_stride"] * (
            origin + np.arange(first, last, dtype=np.int64)
        )
        starts = (lines[:, None] + (position + begin)[full]).reshape(-1)
        transfer = Transfer.of(self._config, starts, np.tile((end - begin)[full], len(lines)))
        parts = self._parts(position, begin, end, lines)
        whole = len(lines) == fields["z_count"] and bool(not begin.any() and (end == x_bytes).all())
        return _Runs(slice(first, last), position, begin, end, transfer, parts, whole)

    def _parts(
        self, position: Addresses, begin: Addresses, end: Addresses, lines: Addresses
    ) -> tuple[_Part, ...]:
        """Return the runs by their extent: at most a few at the ends of a line are cut short."""
        changes = np.flatnonzero((np.diff(begin) != 0) | (np.diff(end) != 0)) + 1
        edges = [0, *changes.tolist(), len(begin)]
        return tuple(
            _Part(
                slice(top, stop),
                slice(int(begin[top]), int(end[top])),
                int(lines[0] + position[top] + begin[top]),
            )
            for top, stop in zip(edges[:-1], edges[1:], strict=True)
            if len(lines) and end[top] > begin[top]
        )

    def _copy(self, target: Bytes, bus: Bus) -> None:
        """Write all runs to `target`, uint8[z_count, y_count, bytes of whole words]."""
        fields, runs = self._fields, self._runs
        if not runs.whole:
            target[...] = fields["fill"] & 0xFF
        elif target.shape[2] > fields["x_bytes"]:
            target[..., fields["x_bytes"] :] = fields["fill"] & 0xFF
        if runs.transfer.wraps:
            self._gather(target, bus)
            return
        strides = (fields["z_stride"], fields["y_stride"], 1)
        for part in runs.parts:
            place = target[runs.lines, part.runs, part.span]
            place[...] = np.ndarray(place.shape, np.uint8, bus.memory.bytes, part.address, strides)

    def _gather(self, target: Bytes, bus: Bus) -> None:
        """Write runs whose addresses wrap around, byte by byte."""
        fields, runs = self._fields, self._runs
        column = np.arange(fields["x_bytes"], dtype=np.int64)
        y, x = np.nonzero((column >= runs.begin[:, None]) & (column < runs.end[:, None]))
        for line in range(runs.lines.start, runs.lines.stop):
            base = fields["address"] + (fields["z_origin"] + line) * fields["z_stride"]
            wrapped = bus.wrap(base + runs.position[y] + x)
            target[line, y, x] = bus.memory.bytes[wrapped]
