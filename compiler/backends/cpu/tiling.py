"""How many rows and columns of a contraction are computed at once: what registers hold."""

from collections.abc import Sequence
from itertools import product

from .kernels.tile import split_evenly
from .machine import Machine

__all__ = ["choose_tile", "choose_window_tile"]

_WIDEST_ROW = 32
_MOST_LINES = 4
_MOST_VECTORS = 8
# Rows of a result, or vectors of its columns, if their number is known only at run time.
_USUAL = 64
# Cycles from a product to the next that adds to the same sum, on all CPUs of the last years.
_LATENCY = 4
# Cycles to load a vector of weights, beyond those of a broadcast: it may come from the L2 cache.
_WEIGHT_LOAD = 0.4
# Cycles that a load costs even where products are what takes longest.
_LOAD = 0.08
# Bytes of weights that stay in the L2 cache beside the data and the next weights; and how much more
# a load costs if they do not.
_NEAR_BYTES = 400_000
_FAR = 5
# Cycles that a tile costs besides: to begin and to end it, spread over the steps.
_TILE = 0.3


def choose_tile(
    machine: Machine,
    extents: tuple[int, int],
    vectors: int,
    spare: int,
    vector_bytes: int = 0,
) -> tuple[int, int, int]:
    """Return lines, places in a line, and vectors of columns of a register tile.

    Parameters
    ----------
    extents : (int, int)
        Lines of the result, and places in a line.
    vectors : int
        Vectors of columns that there are.
    spare : int
        Registers that one product needs besides sums and weights.
    vector_bytes : int
        Weights of one vector of columns, for the whole reduction.
    """
    best, choice = float("inf"), (1, 1, 1)
    lines, places = extents = _extent(extents[0]), _extent(extents[1])
    vectors = _extent(vectors)
    for wide in range(1, min(vectors, _MOST_VECTORS) + 1):
        rows = (machine.registers - spare - wide) // wide
        for down in range(1, min(lines, _MOST_LINES, max(rows, 1)) + 1):
            for across in range(1, min(places, _WIDEST_ROW, max(1, rows // down)) + 1):
                cost = _cost(extents, vectors, (down, across, wide), vector_bytes)
                if cost < best:
                    best, choice = cost, (down, across, wide)
    return choice


def _extent(size: int) -> int:
    """Return a size, a guess of one that is known only at run time."""
    return size if isinstance(size, int) else _USUAL


def choose_window_tile(
    machine: Machine, extents: Sequence[int], window: tuple[int, int]
) -> tuple[int, int]:
    """Return lines, and places in each, of a register tile of a depthwise convolution.

    Parameters
    ----------
    extents : (int, int)
        Lines of the result, and places in a line.
    window : (int, int)
        Taps down and across, whose weights stay in registers if they can.
    """
    lines, places = extents
    room = machine.registers - 2 - window[0] * window[1]
    rows = room if room >= 4 else machine.registers // 3
    best, choice = float("inf"), (1, 1)
    for down in range(1, min(lines, _MOST_LINES) + 1):
        for across in range(1, min(places, rows // down) + 1):
            tiles = -(-lines // down) * -(-places // across)
            # Loads of data, and of weights, which may be in the cache next to them.
            loads = (down + window[0] - 1) * (across + window[1] - 1) + window[0] * window[1]
            splits = len(split_evenly(lines, down)) * len(split_evenly(places, across))
            cost = tiles * loads * (1 + 0.05 * splits)
            if cost < best:
                best, choice = cost, (down, across)
    return choice


def _cost(
    extents: Sequence[int], vectors: int, tile: tuple[int, int, int], vector_bytes: int
) -> float:
    """Return about how many cycles a step of the reduction takes for the whole result."""
    splits = [
        split_evenly(extent, size) for extent, size in zip((*extents, vectors), tile, strict=True)
    ]
    cost = 0.0
    for parts in product(*splits):
        count = parts[0][0] * parts[1][0] * parts[2][0]
        rows, wide = parts[0][1] * parts[1][1], parts[2][1]
        sums = rows * wide
        busy = max(sums / 2, (rows + wide) / 2 + wide * _WEIGHT_LOAD, min(_LATENCY, sums))
        far = _FAR if wide * vector_bytes > _NEAR_BYTES else 1
        cost += count * (busy + _LOAD * (rows + far * wide) + _TILE)
    return cost * (1 + 0.01 * len(list(product(*splits))))
