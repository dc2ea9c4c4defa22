"""The write side of the bus: stores, which read act after all other engines.

Stores are numbered from 0; the next one begins while the last waits for its answers. Those in
flight are the ones from `done_stores` to `begun_stores - 1`.
"""

from .progress import advance, finish_time, start_follower
from .state import SLOTS, Model
from .transfers import read_store, store_walk

__all__ = ["expect_stores", "finish_store", "settle_stores", "start_store", "store_end"]

# Runs that are read ahead of those on the bus (store.RUNS_WAITING and three stages).
_RUNS_AHEAD = 7
# Stores wait for the matrix engine and what the vector engine reads.
_LEADERS = 2
_FIRST_WALK = 3


def start_store(model: Model, index: int, start: int) -> int:
    """Begin a store; return when the next one may start."""
    hardware, number = model.hardware, model.begun_stores
    store = model.stores[number]
    read_store(model, index, store)
    window = hardware.writes_in_flight
    each = store.beats / store.bursts
    address = max(start + hardware.store_address, model.addressed + 1)
    rounds = (store.bursts - 1) // window
    rest = (store.bursts - 1) % window
    period = max(window * each, model.latency + hardware.store_data + each)
    span = rounds * period + (rest + 1) * each
    walk = _FIRST_WALK + number % SLOTS
    words = store_walk(model, index, walk)
    follower = model.followers[1 + number % SLOTS]
    start_follower(model, follower, walk, store.source, words, span)
    store.earliest = int(address) + hardware.store_data
    model.begun_stores = number + 1
    expect_stores(model)
    first = store.last_beat - span + 1
    model.addressed = address + store.bursts - 1
    if store.bursts > window:
        answered = first + (store.bursts - window) * span / store.bursts + model.latency
        model.addressed = max(model.addressed, answered)
    return _store_entered(model, number, start, address, first, span)


def _store_entered(
    model: Model, number: int, start: int, address: float, first: float, span: float
) -> int:
    """Return when the store after this one may start.

    Parameters
    ----------
    address, first : when its first address and its first beat are on the bus
    span : cycles of its beats
    """
    store, window = model.stores[number], model.hardware.writes_in_flight
    entered = float(start + store.runs)
    ahead = store.bursts - store.last_bursts - 1
    if ahead >= 0:
        entered = max(entered, address + ahead - 2)
        if ahead >= window:
            sent = first + (ahead - window + 1) * span / store.bursts
            entered = max(entered, sent + model.latency - 2)
    if store.runs > _RUNS_AHEAD:
        read = first + (store.runs - _RUNS_AHEAD) * store.beats / store.runs
        entered = max(entered, read - 3)
    return int(entered) + model.hardware.store_gap


def store_end(model: Model) -> int:
    """Return the end of the oldest store, as far as it is known."""
    return int(model.stores[model.done_stores].last_beat + 0.5) + model.latency


def finish_store(model: Model, time: int) -> None:
    """Forget the oldest store."""
    settle_stores(model, time)
    model.done_stores += 1


def settle_stores(model: Model, until: float) -> None:
    """Let the reads go on up to the cycle `until`."""
    for number in range(model.done_stores, model.begun_stores):
        reads = model.followers[1 + number % SLOTS]
        if not reads.active:
            continue
        store = model.stores[number]
        reads.time = max(reads.time, store.earliest, model.sent + 1)
        if reads.time >= until:
            break
        advance(model, reads, _LEADERS, until)
        if reads.done < reads.work:
            break
        model.sent = reads.time - 1
        store.last_beat = reads.time - 1
        reads.active = 0


def expect_stores(model: Model) -> None:
    """Find when the last beats are sent, if no other leader begins before."""
    sent = model.sent
    for number in range(model.done_stores, model.begun_stores):
        reads = model.followers[1 + number % SLOTS]
        if not reads.active:
            continue
        store = model.stores[number]
        reads.time = max(reads.time, store.earliest, sent + 1)
        sent = finish_time(model, reads, _LEADERS) - 1
        store.last_beat = sent
