"""Why an engine did nothing: each gap between its instructions, by cause.

A gap goes from the end of the engine's instruction before to the start of its next one. Token k of
a semaphore is given by the k-th instruction of the giver that signals the taker, so the trace tells
when each token came. The gap up to the last token is a wait for its giver. What is left was spent
before the instruction reached the engine: instructions are dispatched in order, so either an older
one stood before a full queue, or the program was still being fetched.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from isa.instructions import Engine

from .timeline import Cycles, Timeline

__all__ = ["WAIT_DTYPE", "Cause", "engine_shares", "find_waits"]

WAIT_DTYPE = np.dtype(
    [("engine", "u4"), ("index", "u4"), ("cause", "u4"), ("start", "i8"), ("end", "i8")]
)


class Cause(IntEnum):
    """What an engine waited for; the first four are the engines that give tokens."""

    LOAD = 0
    MATRIX = 1
    VECTOR = 2
    STORE = 3
    QUEUE = 4
    FETCH = 5
    FINISHED = 6


def find_waits(timeline: Timeline) -> npt.NDArray[np.void]:
    """Return every wait of every engine.

    Returns
    -------
    WAIT_DTYPE[waits] by engine and start: the instruction that waited, why, and the cycles
    start..end - 1. With the busy spans they fill all cycles of each engine; after an engine's last
    instruction the cause is FINISHED, with that instruction's index.
    """
    token, giver = _last_tokens(timeline)
    dispatch = _dispatch_bounds(timeline)
    rows: list[tuple[int, int, int, int, int]] = []
    for engine in Engine:
        end = index = 0
        for index in timeline.of(engine).tolist():
            begin = int(timeline.starts[index])
            for cause, limit in (
                (int(giver[index]), int(token[index])),
                (Cause.QUEUE, int(dispatch[index])),
                (Cause.FETCH, begin),
            ):
                limit = min(limit, begin)
                if limit > end:
                    rows.append((engine, index, cause, end, limit))
                    end = limit
            end = max(end, int(timeline.ends[index]))
        if end < timeline.cycles:
            rows.append((engine, index, Cause.FINISHED, end, timeline.cycles))
    return np.array(rows, WAIT_DTYPE)


def engine_shares(timeline: Timeline, waits: npt.NDArray[np.void]) -> Cycles:
    """Return where the cycles of each engine went.

    Returns
    -------
    int64[engines, 1 + causes]: busy, then the waits by cause; each row sums to the cycles
    """
    shares = np.zeros((len(Engine), 1 + len(Cause)), np.int64)
    ran = timeline.engines >= 0
    np.add.at(shares[:, 0], timeline.engines[ran], (timeline.ends - timeline.turns)[ran])
    np.add.at(shares, (waits["engine"], 1 + waits["cause"]), waits["end"] - waits["start"])
    return shares


def _last_tokens(timeline: Timeline) -> tuple[Cycles, Cycles]:
    """Return when the last token of each instruction could be taken, and which engine gave it."""
    count = len(timeline.instructions)
    times = np.full((count, len(Engine)), -1, np.int64)
    waits, signals = timeline.mask("wait"), timeline.mask("signal")
    for giver in Engine:
        for taker in Engine:
            gives = np.flatnonzero((timeline.engines == giver) & (signals >> taker & 1 == 1))
            takes = np.flatnonzero((timeline.engines == taker) & (waits >> giver & 1 == 1))
            assert len(takes) <= len(gives), f"{taker.name} takes more than {giver.name} gives"
            times[takes, giver] = timeline.ends[gives[: len(takes)]]
    return times.max(axis=1), times.argmax(axis=1)


def _dispatch_bounds(timeline: Timeline) -> Cycles:
    """Return the cycle before which full queues kept each instruction from its own queue."""
    bounds = np.zeros(len(timeline.instructions), np.int64)
    depth = timeline.config.queue_depth
    for engine in Engine:
        mine = timeline.of(engine)
        bounds[mine[depth:]] = timeline.starts[mine[:-depth]]
    return np.maximum.accumulate(bounds)
