"""The read side of the bus: whose data flows when.

Bursts are answered in the order of their addresses; a load keeps at most `window` of them on their
way. Loads are numbered from 1 in the order of the program; load 0 stands for what was before. Those
in flight are the ones from `done_loads + 1` to `begun_loads`.
"""

from .progress import phase_at
from .state import OFFSETS, SLOTS, Model
from .transfers import lines_skipped, load_walk, read_load
from .underway import Load
from .walks import speed_beside

__all__ = [
    "finish_load",
    "load_end",
    "loads_after_vector",
    "loads_beside_vector",
    "next_load",
    "place_load",
    "start_load",
    "stretch",
]

# Of `leaders` and of `walks`.
_WRITER = 2
_FIRST_WALK = 3 + SLOTS


def start_load(model: Model, index: int, start: int) -> None:
    """Begin a load."""
    hardware = model.hardware
    number = model.begun_loads + 1
    load = model.loads[number]
    read_load(model, index, load)
    begin = start + lines_skipped(model, index)
    load.earliest = begin + hardware.load_request
    load.begin = begin + hardware.load_align
    load.after = model.bursts
    load.fetched = model.fetched + 1
    model.bursts += load.bursts
    model.begun_loads = number
    place_load(model, number)


def next_load(model: Model) -> int:
    """Return the first cycle in which the next load may start."""
    number = model.begun_loads
    if number == model.done_loads:
        return model.load_free
    load = model.loads[number]
    entered = float(load.earliest + load.runs - 2)
    window = model.shape.window
    if load.bursts > 0:
        ahead = load.bursts - load.last_bursts - 1
        if ahead >= 0:
            entered = max(entered, _asked_for(model, load, ahead))
        else:
            entered = max(entered, model.loads[number - 1].last_asked)
    if load.runs > window + 2:
        entered = max(entered, load.end - (window + 2) * load.work / load.runs)
    return int(entered) + model.hardware.load_gap


def load_end(model: Model) -> int:
    """Return the end of the oldest load, as far as it is known."""
    return int(model.loads[model.done_loads + 1].end + 0.5) + model.hardware.load_write


def finish_load(model: Model) -> None:
    """Forget the oldest load, which ends."""
    if model.begun_loads == model.done_loads + 1:
        model.load_free = next_load(model)
    model.done_loads += 1
    # No load in flight waits for what came so long ago.
    oldest = model.loads[model.done_loads].after - model.shape.window
    while model.recent < model.begun_loads:
        load = model.loads[model.recent]
        if load.bursts > 0 and load.after + load.bursts > oldest:
            break
        model.recent += 1


def place_load(model: Model, number: int) -> None:
    """Compute when a load asks and when it is answered."""
    load, before = model.loads[number], model.loads[number - 1]
    begin = max(before.end + 1, load.begin)
    if load.bursts == 0:
        load.asked = before.last_asked
        load.last_asked = before.last_asked
        load.arrive = begin
        load.end = begin + load.work - 1
        return
    load.asked = _first_asked(model, load, before, begin)
    answer = load.asked + model.hardware.load_address + model.latency
    load.arrive = max(answer, load.fetched, begin + load.lead)
    stretch(model, number)


def stretch(model: Model, number: int) -> None:
    """Compute when the data of a load has come, which begins to arrive when it did."""
    load, window = model.loads[number], model.shape.window
    each = _burst_cycles(load)
    span = each * load.bursts
    between = float(load.between)
    idle = _idle_cycles(model, load)
    if idle > 0.0:
        # Each waits for the one that is answered `window` before it. In that time instructions may
        # come too, `fetch_ahead` of them; what exceeds it is lost.
        fetched = model.hardware.fetch_ahead * model.shape.beats
        between *= min(max(fetched - idle, 0.0) / fetched, 1.0)
        span += (load.bursts - 1) // window * idle
    span += load.lost
    writer = model.leaders[_WRITER]
    if model.writing and load.arrive < writer.end and load.arrive + span > writer.begin:
        span += _loses(model, number, writer.end, load.arrive + span)
    load.pace = (span + between) / load.bursts
    load.end = load.arrive + load.pace * load.bursts - 1 + load.tail
    load.last_asked = _asked_for(model, load, load.bursts - 1)


def _burst_cycles(load: Load) -> float:
    """Return the cycles of a burst of a load that waits for nothing."""
    return max(load.work - load.lead - load.tail, load.beats) / load.bursts


def _idle_cycles(model: Model, load: Load) -> float:
    """Return in how many cycles of a round trip nothing comes: `window` bursts are on their way."""
    window, each = model.shape.window, _burst_cycles(load)
    if load.bursts <= window:
        return 0.0
    # Bursts of different lengths take turns: those `window` apart are alike, the longest count.
    last = max(each, load.longest)
    return max(model.hardware.load_address + model.latency + last - window * each, 0.0)


def _first_asked(model: Model, load: Load, before: Load, begin: float) -> float:
    """Return when `load` asks for its first burst; its first chunk can be made at `begin`."""
    window = model.shape.window
    asked = float(load.earliest)
    if asked <= before.last_asked:
        asked = before.last_asked + 1
    if load.lead_runs > 0:
        asked = max(asked, load.earliest + load.lead_runs)
        if load.lead_runs > window:
            # The runs before it that do not exist fill the queue.
            share = 1 - (window + 1) / load.lead_runs
            asked = max(asked, begin + load.lead * share + 2)
    if load.after >= window and asked <= before.end:
        asked = max(asked, _completed(model, load.after - window) + 1)
    return asked


def _asked_for(model: Model, load: Load, burst: int) -> float:
    """Return when `load` asks for `burst`."""
    asked = load.asked + burst
    window = model.shape.window
    if burst >= window:
        asked = max(asked, load.arrive + (burst - window + 1) * load.pace)
    return asked


def _completed(model: Model, burst: int) -> float:
    """Return when the burst, counted over all loads, has come."""
    number = model.recent
    while model.loads[number].after + model.loads[number].bursts <= burst:
        number += 1
    load = model.loads[number]
    return load.arrive + (burst - load.after + 1) * load.pace - 1


def loads_beside_vector(model: Model) -> None:
    """Go on beside a vector instruction that begins to write act."""
    moved = False
    for number in range(model.done_loads + 1, model.begun_loads + 1):
        load = model.loads[number]
        if moved or (load.in_act and load.end > model.leaders[_WRITER].begin):
            place_load(model, number)
            moved = True


def loads_after_vector(model: Model, time: int) -> None:
    """Go on when that instruction has ended."""
    if not model.writing:
        return
    model.writing = 0
    for number in range(model.done_loads + 1, model.begun_loads + 1):
        load = model.loads[number]
        if load.arrive > time:
            break
        load.lost += _loses(model, number, time + 1, load.end)


def _loses(model: Model, number: int, until: int, end: float) -> float:
    """Return the cycles that a load, which ends at `end`, waits for what is written `until`."""
    load, writer = model.loads[number], model.leaders[_WRITER]
    begin = max(load.arrive, writer.begin)
    cycles = min(end, until) - begin
    if cycles <= 0 or not load.in_act:
        return 0.0
    slot = _FIRST_WALK + number % SLOTS
    if load.words == 0:
        load.words = load_walk(model, load.index, slot)
    phase = phase_at(model, writer, begin)
    at = writer.base + model.offsets[writer.walk * OFFSETS + phase]
    # It makes the chunks of a word in turn, and some cycles none.
    hold = model.shape.word_chunks
    idle = 0.0
    share = 1.0
    span = end - load.arrive
    if load.bursts > 0:
        idle = _idle_cycles(model, load)
    if idle > 0.0:
        # It can go faster for a while, as what it asked for has come meanwhile.
        each = _burst_cycles(load)
        share += idle / (model.shape.window * each)
        span = each * load.bursts
    pace = max(span / (load.words * hold), 1.0)
    speed = speed_beside(model, writer.walk, at, writer.gap, slot, load.base, pace, hold)
    return max(cycles * (1.0 - speed * share) - idle, 0.0)
