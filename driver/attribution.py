"""Which layer each cycle belongs to, where layers overlap."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from isa.instructions import Engine

__all__ = ["attribute_cycles"]

Cycles = npt.NDArray[np.int64]

# Those that share a cycle; the second ones only where none of the first is at work.
_COMPUTE = Engine.MATRIX, Engine.VECTOR
_TRANSFER = Engine.LOAD, Engine.STORE
_NOBODY = -1
# A transfer for a layer so much further than the one that is computed next is ahead of time.
_AHEAD = 3


def attribute_cycles(
    layers: int, owners: Cycles, engines: Cycles, starts: Cycles, ends: Cycles
) -> Cycles:
    """Return int64[layers]: the cycles of each layer; their sum is the last instruction's end.

    A cycle in which matrix and vector engine compute belongs in halves to the layers that they
    compute; if one of them does, to its layer. A cycle in which neither does belongs likewise to
    the layers that load and store are at work for, so transfers behind computation cost nothing;
    to the layer that is computed next where that is for a layer much further on, which nobody
    waits for. One in which nothing is at work belongs to the layer whose instruction ends next.

    So what a layer costs is at least half of what the matrix engine computes for it, and where an
    instruction ends some cycles later, so many cycles change hands and no more.

    Parameters
    ----------
    layers : int, number of layers
    owners, engines : int64[instructions], the layer and the Engine of each instruction that ran
    starts, ends : int64[instructions], its span start..end - 1
    """
    order = np.argsort(ends, kind="stable")
    owners, engines, starts, ends = owners[order], engines[order], starts[order], ends[order]
    edges = np.unique(np.concatenate(([0], starts, ends)))
    begins, lengths = edges[:-1], np.diff(edges)
    working = {
        engine: _working(begins, *(item[engines == engine] for item in (owners, starts, ends)))
        for engine in Engine
    }
    following = _following(begins, owners, engines, starts, layers)
    for engine in _TRANSFER:
        early = working[engine] > following + _AHEAD
        working[engine] = np.where(early, following, working[engine])
    halves = np.zeros(layers, np.int64)
    left = np.ones(len(begins), np.bool_)
    for group in (_COMPUTE, _TRANSFER):
        left &= ~_share(halves, lengths, [np.where(left, working[item], _NOBODY) for item in group])
    last = owners[np.searchsorted(ends, begins[left], side="right")]
    np.add.at(halves, last, 2 * lengths[left])
    # Halves are rounded so that the sum stays what it is.
    return np.diff(np.cumsum(halves) // 2, prepend=0)


def _working(times: Cycles, owners: Cycles, starts: Cycles, ends: Cycles) -> Cycles:
    """Return the layer that an engine is at work for at each of `times`, or _NOBODY.

    Several instructions may be in it at once: it is at work for the oldest.

    Parameters
    ----------
    owners, starts, ends : int64[instructions], of the engine, by end
    """
    if not len(ends):
        return np.full(len(times), _NOBODY)
    oldest = np.searchsorted(ends, times, side="right")
    inside = np.minimum(oldest, len(ends) - 1)
    busy = (oldest < len(ends)) & (starts[inside] <= times)
    return np.where(busy, owners[inside], _NOBODY)


def _following(
    times: Cycles, owners: Cycles, engines: Cycles, starts: Cycles, layers: int
) -> Cycles:
    """Return the layer that is computed next at each of `times`, `layers` if none is."""
    computes = np.isin(engines, _COMPUTE)
    order = np.argsort(starts[computes], kind="stable")
    after = np.searchsorted(starts[computes][order], times)
    return np.append(owners[computes][order], layers)[after]


def _share(halves: Cycles, lengths: Cycles, pair: Sequence[Cycles]) -> npt.NDArray[np.bool_]:
    """Add twice the lengths to those at work of two engines; return where there are any."""
    busy = [item != _NOBODY for item in pair]
    count: Cycles = np.stack(busy).astype(np.int64).sum(axis=0)
    for item, here in zip(pair, busy, strict=True):
        np.add.at(halves, item[here], 2 * lengths[here] // count[here])
    shared: npt.NDArray[np.bool_] = count > 0
    return shared
