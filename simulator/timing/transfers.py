"""What loads and stores ask of the bus: bursts, beats, and cycles of their aligners."""

from isa.instructions import Memory

from .decoding import field
from .fields import LoadField, StoreField
from .state import Model
from .underway import Load, Store
from .walks import add_level, begin_walk

__all__ = ["lines_skipped", "load_walk", "read_load", "read_store", "store_walk"]

# AXI4: a burst does not cross this boundary.
_PAGE_SHIFT = 12


def _bursts(model: Model, address: int, beats: int) -> int:
    """Return into how many bursts a run is cut."""
    shape = model.shape
    page = _PAGE_SHIFT - shape.bus_shift
    burst = min(shape.burst_shift, page)
    page_beats = 1 << page
    head = min(beats, page_beats - (address >> shape.bus_shift & (page_beats - 1)))
    left = beats - head
    rest = left & (page_beats - 1)
    more = (1 << burst) - 1
    return (head + more >> burst) + (left >> page << page - burst) + (rest + more >> burst)


def read_load(model: Model, index: int, load: Load) -> None:
    """Find what a load does: all that does not depend on when it begins."""
    shape = model.shape
    bus = shape.bus_bytes
    memory = field(model, index, LoadField.MEMORY)
    x_bytes = field(model, index, LoadField.X_BYTES)
    y_count = field(model, index, LoadField.Y_COUNT)
    z_count = field(model, index, LoadField.Z_COUNT)
    x_origin = field(model, index, LoadField.X_ORIGIN)
    y_stride = field(model, index, LoadField.Y_STRIDE)
    line_bytes = field(model, index, LoadField.LINE_BYTES)
    line_count = field(model, index, LoadField.LINE_COUNT)
    word = model.word_bytes[memory]
    # Of a run: what the aligner makes.
    chunks = (x_bytes + word - 1) // word * (word // bus)
    load.index = index
    load.base = field(model, index, LoadField.DESTINATION)
    load.in_act = int(memory == Memory.ACT)
    load.runs = y_count * z_count
    load.lead_runs = load.runs
    load.lead = chunks * load.runs
    load.work = chunks * load.runs
    # Cycles of the runs, preloading left out, that are over when the last beat is used.
    over = 0
    run = 0
    single = True
    for z in range(z_count):
        line = field(model, index, LoadField.Z_ORIGIN) + z
        there = 0 <= line < line_count
        base = field(model, index, LoadField.ADDRESS)
        base += line * field(model, index, LoadField.Z_STRIDE)
        for y in range(y_count):
            position = x_origin + y * y_stride
            before = max(-position, 0)
            start = max(position, 0)
            size = min(x_bytes - before, line_bytes - start)
            load.last_bursts = 0
            if there and size > 0:
                lane = (base + start) & (bus - 1)
                beats = lane + size + bus - 1 >> shape.bus_shift
                early = before < lane
                preload = int(early and beats > 1)
                leading = 0 if early else before - lane >> shape.bus_shift
                if load.lead_runs == load.runs:
                    load.lead_runs = run
                    load.lead = run * chunks + leading
                over = run * chunks + leading + beats - preload
                load.last_bursts = _bursts(model, base + start, beats)
                load.bursts += load.last_bursts
                load.beats += beats
                load.longest = max(load.longest, beats)
                single = single and load.last_bursts == 1
                load.work += preload
            run += 1
    load.longest *= int(single)
    load.tail = run * chunks - over if load.beats > 0 else 0


def lines_skipped(model: Model, index: int) -> int:
    """Return the cycles of the walker before the first run of a load: bits of its first line."""
    origin = field(model, index, LoadField.Z_ORIGIN)
    bits = 0
    while origin > 0:
        origin >>= 1
        bits += 1
    return bits


def load_walk(model: Model, index: int, slot: int) -> int:
    """Make the walk of the act words that a load writes; return how many they are."""
    return _walk_words(
        model,
        slot,
        field(model, index, LoadField.X_BYTES),
        field(model, index, LoadField.Y_COUNT),
        field(model, index, LoadField.Z_COUNT),
        field(model, index, LoadField.Y_STEP),
        field(model, index, LoadField.Z_STEP),
    )


def store_walk(model: Model, index: int, slot: int) -> int:
    """Make the walk of the act words that a store reads; return how many they are."""
    return _walk_words(
        model,
        slot,
        field(model, index, StoreField.X_BYTES),
        field(model, index, StoreField.Y_COUNT),
        field(model, index, StoreField.Z_COUNT),
        field(model, index, StoreField.Y_STEP),
        field(model, index, StoreField.Z_STEP),
    )


def _walk_words(
    model: Model, slot: int, x_bytes: int, y_count: int, z_count: int, y_step: int, z_step: int
) -> int:
    word = model.word_bytes[Memory.ACT]
    x_words = (x_bytes + word - 1) // word
    words = x_words * y_count * z_count
    begin_walk(model, slot, words, 0)
    add_level(model, slot, x_words, 1)
    add_level(model, slot, y_count, y_step)
    add_level(model, slot, z_count, z_step)
    return words


def read_store(model: Model, index: int, store: Store) -> None:
    """Find what a store does: all that does not depend on when it begins."""
    shape = model.shape
    bus = shape.bus_bytes
    x_bytes = field(model, index, StoreField.X_BYTES)
    y_count = field(model, index, StoreField.Y_COUNT)
    z_count = field(model, index, StoreField.Z_COUNT)
    store.source = field(model, index, StoreField.SOURCE)
    store.runs = y_count * z_count
    for z in range(z_count):
        base = field(model, index, StoreField.ADDRESS)
        base += z * field(model, index, StoreField.Z_STRIDE)
        for y in range(y_count):
            address = base + y * field(model, index, StoreField.Y_STRIDE)
            beats = (address & (bus - 1)) + x_bytes + bus - 1 >> shape.bus_shift
            store.beats += beats
            store.last_bursts = _bursts(model, address, beats)
            store.bursts += store.last_bursts
