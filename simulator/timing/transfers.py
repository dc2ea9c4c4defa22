"""What loads and stores ask of the bus: bursts, beats, and cycles of their aligners."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isa.config import Config
from isa.instructions import Memory

from .columns import Columns
from .nests import nest_bytes

__all__ = ["TransferCost", "Transfers", "load_transfers", "store_transfers", "word_bytes"]

Integers = npt.NDArray[np.int64]
TransferCost = tuple[int, int, int, int, int, int, int, int, int]

# AXI4: a burst does not cross this boundary.
_PAGE_BYTES = 4096


@dataclass(frozen=True, eq=False)
class Transfers:
    """What each load or store does; int64[n] each.

    Attributes
    ----------
    runs : runs
    bursts, beats : on the bus
    work : cycles of the aligner
    lead : cycles of it before the first beat is needed
    tail : cycles of it after the last beat
    last_bursts : bursts of the last run
    lead_runs : runs before the first that exists
    skip : cycles of the walker before the first run
    nests : of its act words, see bank_walk
    bases : first act word
    words : of the nest
    in_act : whether it is act that is written or read
    """

    runs: Integers
    bursts: Integers
    beats: Integers
    work: Integers
    lead: Integers
    tail: Integers
    last_bursts: Integers
    lead_runs: Integers
    skip: Integers
    nests: list[bytes]
    bases: list[int]
    words: list[int]
    in_act: list[bool]

    def rows(self) -> list[TransferCost]:
        """Return one tuple an instruction, in the order of the attributes."""
        names = (
            "runs",
            "bursts",
            "beats",
            "work",
            "lead",
            "tail",
            "last_bursts",
            "lead_runs",
            "skip",
        )
        return list(zip(*(getattr(self, name).tolist() for name in names), strict=True))


@dataclass(frozen=True, eq=False)
class _Runs:
    """The runs of all instructions, one after the other."""

    count: Integers
    first: Integers
    owner: Integers
    y: Integers
    z: Integers

    def each(self, values: Integers) -> Integers:
        """Return for each run the value of its instruction."""
        return np.repeat(values, self.count)


def _runs(columns: Columns) -> _Runs:
    y_count = columns["y_count"]
    count = y_count * columns["z_count"]
    first = np.cumsum(count) - count
    owner = np.repeat(np.arange(count.size), count)
    z, y = np.divmod(np.arange(owner.size) - np.repeat(first, count), np.repeat(y_count, count))
    return _Runs(count, first, owner, y, z)


def load_transfers(config: Config, columns: Columns) -> Transfers:
    """Return what each load does."""
    runs = _runs(columns)
    owner, bus = runs.owner, config.bus_bytes
    given = {
        name: runs.each(columns[name])
        for name in ("x_bytes", "line_bytes", "line_count", "x_origin", "y_stride", "z_stride")
    }
    line = runs.each(columns["z_origin"]) + runs.z
    position = given["x_origin"] + runs.y * given["y_stride"]
    before = np.maximum(-position, 0)
    start = np.maximum(position, 0)
    size = np.minimum(given["x_bytes"] - before, given["line_bytes"] - start)
    exists = (size > 0) & (line >= 0) & (line < given["line_count"])
    address = runs.each(columns["address"]) + line * given["z_stride"] + start
    size = np.where(exists, size, 0)
    lane = np.where(exists, address & (bus - 1), 0)
    shift = bus.bit_length() - 1
    beats = (lane + size + bus - 1) >> shift
    bursts = _bursts(config, address, beats)
    early = before < lane
    preload = early & (beats > 1)
    word = np.array([word_bytes(config, memory) for memory in Memory])[columns["memory"]]
    chunks = runs.each(-(-columns["x_bytes"] // word) * (word // bus))
    leading = np.where(exists, np.where(early, 0, (before - lane) >> shift), chunks)
    trailing = np.where(exists, chunks + preload - leading - beats, 0)
    total = _totals(runs, chunks + preload)
    lead, tail, lead_runs = _edges(runs, exists, leading, trailing, chunks)
    counts, steps = _levels(columns, word)
    origin = columns["z_origin"]
    skip = np.where(origin > 0, np.frexp(np.maximum(origin, 1).astype(np.float64))[1], 0)
    return Transfers(
        runs=runs.count,
        bursts=_totals(runs, bursts),
        beats=_totals(runs, beats),
        work=total,
        lead=lead,
        tail=tail,
        last_bursts=bursts[runs.first + runs.count - 1] if owner.size else runs.count,
        lead_runs=lead_runs,
        skip=skip,
        nests=nest_bytes(counts, steps),
        bases=columns["destination"].tolist(),
        words=counts.prod(axis=0).tolist(),
        in_act=(columns["memory"] == Memory.ACT).tolist(),
    )


def store_transfers(config: Config, columns: Columns) -> Transfers:
    """Return what each store does."""
    runs = _runs(columns)
    owner, bus = runs.owner, config.bus_bytes
    address = runs.each(columns["address"]) + runs.y * runs.each(columns["y_stride"])
    address += runs.z * runs.each(columns["z_stride"])
    size = runs.each(columns["x_bytes"])
    beats = ((address & (bus - 1)) + size + bus - 1) >> (bus.bit_length() - 1)
    bursts = _bursts(config, address, beats)
    nothing = np.zeros_like(runs.count)
    counts, steps = _levels(columns, np.full(1, config.act_word_bytes))
    total = _totals(runs, beats)
    return Transfers(
        runs=runs.count,
        bursts=_totals(runs, bursts),
        beats=total,
        work=total,
        lead=nothing,
        tail=nothing,
        last_bursts=bursts[runs.first + runs.count - 1] if owner.size else runs.count,
        lead_runs=nothing,
        skip=nothing,
        nests=nest_bytes(counts, steps),
        bases=columns["source"].tolist(),
        words=counts.prod(axis=0).tolist(),
        in_act=[True] * runs.count.size,
    )


def _levels(columns: Columns, word: Integers) -> tuple[Integers, Integers]:
    """Return int64[3, n]: counts and steps of the words of each instruction."""
    words = -(-columns["x_bytes"] // word)
    counts = np.stack((columns["z_count"], columns["y_count"], words))
    return counts, np.stack((columns["z_step"], columns["y_step"], np.ones_like(words)))


def _totals(runs: _Runs, values: Integers) -> Integers:
    """Return the sum over the runs of each instruction."""
    if not runs.owner.size:
        return np.zeros_like(runs.count)
    result: Integers = np.add.reduceat(values, runs.first)
    return result


def _edges(
    runs: _Runs,
    exists: npt.NDArray[np.bool_],
    leading: Integers,
    trailing: Integers,
    chunks: Integers,
) -> tuple[Integers, Integers, Integers]:
    """Return the aligner's cycles before the first beat and after the last, and the runs before."""
    tail = np.zeros_like(runs.count)
    (real,) = np.nonzero(exists)
    done = np.cumsum(chunks)
    if not real.size:
        return _totals(runs, chunks), tail, runs.count
    ends = runs.first + runs.count
    at = np.searchsorted(real, runs.first)
    last = np.searchsorted(real, ends) - 1
    some = last >= at
    first_real = real[np.minimum(at, real.size - 1)]
    last_real = real[last]
    before = done[first_real] - chunks[first_real] - (done[runs.first] - chunks[runs.first])
    after = done[ends - 1] - done[last_real]
    lead = np.where(some, before + leading[first_real], done[ends - 1] - done[runs.first])
    tail = np.where(some, after + trailing[last_real], 0)
    return lead, tail, np.where(some, first_real - runs.first, runs.count)


def _bursts(config: Config, address: Integers, beats: Integers) -> Integers:
    """Return into how many bursts each run is cut."""
    # All are powers of two: shifts and masks are much faster than divisions.
    bus = config.bus_bytes.bit_length() - 1
    page_beats = _PAGE_BYTES // config.bus_bytes
    page = page_beats.bit_length() - 1
    burst = min(config.burst_beats, page_beats).bit_length() - 1
    head = np.minimum(beats, page_beats - ((address >> bus) & (page_beats - 1)))
    left = beats - head
    rest = left & (page_beats - 1)
    result: Integers = -(-head >> burst) + ((left >> page) << (page - burst)) - (-rest >> burst)
    return result


def word_bytes(config: Config, memory: Memory) -> int:
    """Return the bytes of a word of `memory`."""
    return {
        Memory.ACT: config.act_word_bytes,
        Memory.WEIGHT: config.tile_bytes,
        Memory.PARAM: config.param_word_bytes,
        Memory.TABLE: config.table_bytes,
    }[memory]
