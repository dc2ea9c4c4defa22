"""When each instruction starts and ends: queues, tokens and engines, event by event.

An event is a dispatch, a start or an end. Ends of matrix instructions, which nothing moves, are
known when they start; all others may move until they come.
"""

from isa.instructions import Engine

from .constants import NEVER
from .decoding import read_program, signals, waits
from .dispatch import dispatch, fetch_first, open_queue
from .loads import finish_load, load_end, next_load, start_load
from .matrix import start_matrix
from .state import EVENTS, Model
from .stores import finish_store, start_store, store_end
from .vector import finish_vector, start_vector

__all__ = ["ILLEGAL", "STUCK", "run"]

# Instead of cycles.
ILLEGAL, STUCK = -1, -2
_ENGINES = len(Engine)
# Places of events: a dispatch, the starts and the ends of the engines.
_START, _END = 1, 1 + _ENGINES


def run(model: Model) -> int:
    """Run all instructions; return the cycles to the end of the program.

    The result is ILLEGAL if an opcode is unknown, STUCK if a token that is waited for never comes.
    """
    _begin(model)
    if not read_program(model):
        return ILLEGAL
    fetch_first(model)
    while True:
        event = _next_event(model)
        time = model.times[event]
        if time == NEVER:
            return _total_cycles(model)
        if event == 0:
            dispatch(model, time)
        elif event < _END:
            _start_instruction(model, event - _START, time)
        else:
            _end_instruction(model, event - _END, time)
        for engine in range(_ENGINES):
            model.times[_START + engine] = _expect_start(model, engine)
            model.times[_END + engine] = _expect_end(model, engine)


def _begin(model: Model) -> None:
    """Prepare what does not begin with zero."""
    for event in range(EVENTS):
        model.times[event] = NEVER
    for engine in range(_ENGINES):
        model.queues[engine].last = -1
    before = model.loads[0]
    before.asked = before.last_asked = before.end = -1.0
    model.fetched = model.full = -1
    model.addressed = model.sent = -1.0
    model.vector_end = NEVER


def _next_event(model: Model) -> int:
    """Return the event that comes first."""
    found = 0
    for event in range(1, EVENTS):
        if model.times[event] < model.times[found]:
            found = event
    return found


def _start_instruction(model: Model, engine: int, time: int) -> None:
    """Start the next instruction of an engine."""
    queue = model.queues[engine]
    index = model.order[engine * model.total + queue.begun]
    for giver in range(_ENGINES):
        if waits(model, index) >> giver & 1:
            model.taken[giver * _ENGINES + engine] += 1
    model.starts[index] = time
    queue.after = time + 1
    queue.begun += 1
    open_queue(model, engine, time)
    computes = model.codes[index] == engine
    if computes:
        _start_unit(model, engine, index, time)
    if engine == Engine.MATRIX:
        end = max(time + model.hardware.sync, queue.last + 1)
        if computes:
            end = max(end, queue.free + model.hardware.matrix_drain)
        _give_tokens(model, engine, index, end)


def _start_unit(model: Model, engine: int, index: int, time: int) -> None:
    """Start an instruction that is no sync."""
    queue = model.queues[engine]
    if engine == Engine.MATRIX:
        queue.free = start_matrix(model, index, time)
    elif engine == Engine.LOAD:
        start_load(model, index, time)
    elif engine == Engine.STORE:
        queue.free = start_store(model, index, time)
    else:
        queue.free = NEVER
        start_vector(model, index, time)


def _end_instruction(model: Model, engine: int, time: int) -> None:
    """End the oldest instruction of an engine other than matrix."""
    queue = model.queues[engine]
    index = model.order[engine * model.total + queue.done]
    if model.codes[index] == engine:
        if engine == Engine.LOAD:
            finish_load(model)
        elif engine == Engine.VECTOR:
            queue.free = finish_vector(model, index, time)
        else:
            finish_store(model, time)
    _give_tokens(model, engine, index, time)


def _give_tokens(model: Model, engine: int, index: int, time: int) -> None:
    """Note that an instruction ends, and give its tokens."""
    queue = model.queues[engine]
    model.ends[index] = time
    queue.last = time
    queue.done += 1
    mask = signals(model, index)
    for taker in range(_ENGINES):
        if mask >> taker & 1:
            pair = engine * _ENGINES + taker
            model.tokens[pair * model.total + model.given[pair]] = time + model.hardware.token
            model.given[pair] += 1


def _expect_start(model: Model, engine: int) -> int:
    """Return when the next instruction of an engine starts, NEVER while that is unknown."""
    queue, limit = model.queues[engine], model.hardware.issue_in_flight
    if queue.begun == queue.sent or queue.begun - queue.done >= limit:
        return NEVER
    place = engine * model.total + queue.begun
    index = model.order[place]
    start = max(_ready(model, engine, index), queue.after)
    # A sync does not wait for the unit.
    if model.codes[index] == engine and start < NEVER:
        start = max(start, queue.free if engine != Engine.LOAD else next_load(model))
    # At most `limit` instructions are in flight.
    if queue.begun >= limit:
        start = max(start, model.ends[model.order[place - limit]] + 1)
    return min(start, NEVER)


def _ready(model: Model, engine: int, index: int) -> int:
    """Return when an instruction has all its tokens, NEVER while that is unknown."""
    time = model.dispatched[index] + model.hardware.queue
    mask = waits(model, index)
    for giver in range(_ENGINES):
        if mask >> giver & 1:
            pair = giver * _ENGINES + engine
            if model.taken[pair] == model.given[pair]:
                return NEVER
            time = max(time, model.tokens[pair * model.total + model.taken[pair]])
    return time


def _expect_end(model: Model, engine: int) -> int:
    """Return when the oldest instruction of an engine ends, NEVER if there is none."""
    queue = model.queues[engine]
    if queue.done == queue.begun or engine == Engine.MATRIX:
        return NEVER
    index = model.order[engine * model.total + queue.done]
    end = max(model.starts[index] + model.hardware.sync, queue.last + 1)
    if model.codes[index] != engine:
        return end
    if engine == Engine.LOAD:
        return max(end, load_end(model))
    if engine == Engine.VECTOR:
        return max(end, model.vector_end)
    return max(end, store_end(model))


def _total_cycles(model: Model) -> int:
    """Return when the program has ended, all of it; STUCK if it never does."""
    last = 0
    for engine in range(_ENGINES):
        queue = model.queues[engine]
        if queue.done < queue.length:
            return STUCK
        last = max(last, queue.last)
    decoded = model.dispatched[model.count - 1] if model.count else 0
    return max(last + model.hardware.last_end, decoded + model.hardware.end_decoded)
