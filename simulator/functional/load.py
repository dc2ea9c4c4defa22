"""The load instruction: strided runs of DRAM bytes into a scratchpad, with padding."""

from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import as_strided

from isa.instructions import Memory

from ..memory import Bytes
from .nest import Addresses, addresses, bounds
from .scratchpads import Scratchpads, require
from .transfer import READ, Bus

__all__ = ["load"]


def load(fields: Mapping[str, int], scratchpads: Scratchpads, bus: Bus) -> None:
    """Execute a load.

    Raises
    ------
    SimulationError
        A word outside the memory would be written.
    FaultError
        A window fault or a bus error.
    """
    memory = Memory(fields["memory"])
    words = scratchpads.loaded(memory)
    word_bytes = words.shape[1]
    run_words = -(-fields["x_bytes"] // word_bytes)
    counts = (fields["z_count"], fields["y_count"], run_words)
    strides = (fields["z_step"], fields["y_step"], 1)
    low, high = bounds(fields["destination"], counts, strides)
    require(memory.name.lower(), low, high, len(words), "words")
    target = addresses(fields["destination"], counts, strides)
    data = _runs(fields, run_words * word_bytes, bus)
    words[target.reshape(-1)] = data.reshape(-1, word_bytes)


def _runs(fields: Mapping[str, int], padded_bytes: int, bus: Bus) -> Bytes:
    """Return uint8[z_count, y_count, padded_bytes]: every run, completed with fill."""
    z_count, y_count, x_bytes = fields["z_count"], fields["y_count"], fields["x_bytes"]
    data: Bytes = np.empty((z_count, y_count, padded_bytes), np.uint8)
    lines = fields["z_origin"] + np.arange(z_count, dtype=np.int64)
    exists = (lines >= 0) & (lines < fields["line_count"])
    position = fields["x_origin"] + np.arange(y_count, dtype=np.int64) * fields["y_stride"]
    begin = np.clip(-position, 0, x_bytes)
    end = np.clip(fields["line_bytes"] - position, begin, x_bytes)
    line_address = fields["address"] + lines[exists] * fields["z_stride"]
    full = end > begin
    starts = (line_address[:, None] + (position + begin)[full]).reshape(-1)
    sizes = np.broadcast_to((end - begin)[full], (line_address.size, int(full.sum())))
    wrapped = bus.wrap(starts)
    bus.check(wrapped, sizes.reshape(-1), READ)
    whole = bool(exists.all() and (begin == 0).all() and (end == x_bytes).all())
    if whole and np.array_equal(wrapped, starts):
        strides = (fields["z_stride"], fields["y_stride"], 1)
        data[..., :x_bytes] = as_strided(
            bus.memory.bytes[starts[0] :], (z_count, y_count, x_bytes), strides, writeable=False
        )
        data[..., x_bytes:] = fields["fill"] & 0xFF
        return data
    data[...] = fields["fill"] & 0xFF
    _gather(data, exists, line_address, position, (begin, end), bus)
    return data


def _gather(
    data: Bytes,
    exists: np.ndarray,
    line_address: Addresses,
    position: Addresses,
    span: tuple[Addresses, Addresses],
    bus: Bus,
) -> None:
    """Fill in the bytes begin..end of each run of the lines that exist."""
    begin, end = span
    column = np.arange(data.shape[2], dtype=np.int64)
    mask = (column >= begin[:, None]) & (column < end[:, None])
    offsets = (position[:, None] + column)[mask]
    source = bus.wrap(line_address[:, None] + offsets)
    lines = np.flatnonzero(exists)
    y, x = np.nonzero(mask)
    data[lines[:, None], y, x] = bus.memory.bytes[source]
