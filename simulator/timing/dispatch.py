"""Fetch and the decoder: when each instruction is handed to the queue of its engine."""

from .constants import NEVER
from .loads import place_load, stretch
from .state import Model

__all__ = ["dispatch", "fetch_first", "open_queue"]


def fetch_first(model: Model) -> None:
    """Ask for the first instructions."""
    hardware = model.hardware
    for place in range(min(hardware.fetch_ahead, model.count)):
        _fetch(model, hardware.first_address + place)
    model.times[0] = model.arrived[0] + hardware.decode if model.count else NEVER


def dispatch(model: Model, time: int) -> None:
    """Hand the next instruction to its queue and ask for one more."""
    hardware = model.hardware
    index = model.coming
    model.dispatched[index] = time
    if model.engines[index] >= 0:
        model.queues[model.engines[index]].sent += 1
    if model.asked < model.count:
        _fetch(model, time + hardware.fetch_request)
    model.times[0] = NEVER
    index += 1
    model.coming = index
    if index == model.count:
        return
    held = max(
        time + model.shape.beats + hardware.decoder_gap, model.arrived[index] + hardware.decode
    )
    engine = model.engines[index]
    if engine >= 0 and _waiting(model, engine) >= model.shape.depth + hardware.queue_extra:
        model.full = engine
        model.held = held
    else:
        model.times[0] = held


def _waiting(model: Model, engine: int) -> int:
    """Return how many instructions are in the queue of an engine."""
    return model.queues[engine].sent - model.queues[engine].begun


def open_queue(model: Model, engine: int, time: int) -> None:
    """Go on when an instruction has left a queue."""
    if engine == model.full:
        model.times[0] = max(model.held, time + 1)
        model.full = -1


def _fetch(model: Model, address: int) -> None:
    """Read the next instruction, whose address is on the bus at `address`.

    It waits behind the bursts that loads have asked for. Each of its beats delays the load whose
    bursts it comes between, and all loads that are answered after it.
    """
    beats = model.shape.beats
    begin = max(address + model.latency, model.fetched + 1)
    room = float(model.shape.window)
    # What asks until then goes first.
    asked = address - model.hardware.load_address
    moved = False
    for number in range(model.done_loads + 1, model.begun_loads + 1):
        load = model.loads[number]
        # Whether nothing but the amount of its data has changed.
        stretched = False
        if load.asked > asked:
            # All that follow ask later still, and are answered after this.
            if not moved and load.arrive >= begin + beats:
                break
            load.fetched = begin + beats
            moved = True
        elif load.bursts > 0:
            done = max((address - load.arrive) / load.pace, 0.0)
            ahead = load.bursts - done
            if asked < load.last_asked:
                ahead = min(ahead, asked - load.asked + 1 - done, room)
                load.between += beats
                stretched = not moved
                moved = True
            if ahead > 0:
                room -= ahead
                begin = max(begin, int(load.arrive + (done + ahead) * load.pace))
        if stretched:
            stretch(model, number)
        elif moved:
            place_load(model, number)
    model.fetched = begin + beats - 1
    model.arrived[model.asked] = model.fetched
    model.asked += 1
