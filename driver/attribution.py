"""Which layer each cycle belongs to, where layers overlap."""

import numpy as np
import numpy.typing as npt

from isa.instructions import Engine

__all__ = ["attribute_cycles"]

Cycles = npt.NDArray[np.int64]


def attribute_cycles(
    layers: int, owners: Cycles, engines: Cycles, starts: Cycles, ends: Cycles
) -> Cycles:
    """Return int64[layers]: the cycles of each layer; their sum is the last instruction's end.

    A cycle in which the matrix engine computes belongs to the layer that it computes. In any other
    cycle something is waited for: it belongs to the layer whose instruction ends next. So no
    layer's share of the matrix engine's peak is above one, however layers overlap.

    Parameters
    ----------
    layers : int, number of layers
    owners, engines : int64[instructions], the layer and the Engine of each instruction that ran
    starts, ends : int64[instructions], its span start..end - 1
    """
    order = np.argsort(ends, kind="stable")
    owners, engines, starts, ends = owners[order], engines[order], starts[order], ends[order]
    multiplies = engines == Engine.MATRIX
    result = np.zeros(layers, np.int64)
    # Instructions of the matrix engine follow each other; each begins where the last one ended.
    spans = np.stack([starts[multiplies], ends[multiplies]])
    spans[0, 1:] = np.maximum(spans[0, 1:], spans[1, :-1])
    np.add.at(result, owners[multiplies], spans[1] - spans[0])
    # Every end closes a piece of time; what the matrix engine computes in it is taken already.
    edges = np.concatenate(([0], ends))
    computed = np.concatenate(([0], np.cumsum(spans[1] - spans[0])))
    times = np.concatenate(([0], spans.T.reshape(-1)))
    until = np.interp(edges, times, np.repeat(computed, 2)[:-1]).round().astype(np.int64)
    np.add.at(result, owners, np.diff(edges) - np.diff(until))
    return result
