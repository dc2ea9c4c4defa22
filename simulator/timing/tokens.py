"""Who waits for whose token."""

import numpy as np
import numpy.typing as npt

from isa.instructions import Engine

from ..errors import SimulatorError

__all__ = ["match_tokens"]

Integers = npt.NDArray[np.int64]


def match_tokens(
    engines: Integers, wait: Integers, signal: Integers
) -> tuple[list[int], list[tuple[int, ...]]]:
    """Return how many tokens each instruction takes, and who takes the tokens that it gives.

    The n-th token that an engine gives another is the n-th that this one takes.

    Parameters
    ----------
    engines : int64[n], the engine of each instruction, -1 for none
    wait, signal : int64[n], masks of engines

    Raises
    ------
    SimulatorError
        An instruction waits for a token that nobody gives.
    """
    takers: list[tuple[int, ...]] = [()] * engines.size
    pending = np.zeros_like(engines)
    waits = [(wait >> bit & 1).astype(bool) for bit in range(len(Engine))]
    signals = [(signal >> bit & 1).astype(bool) for bit in range(len(Engine))]
    members = [engines == engine for engine in range(len(Engine))]
    for giver in Engine:
        for taker in Engine:
            (sources,) = np.nonzero(members[giver] & signals[taker])
            (sinks,) = np.nonzero(members[taker] & waits[giver])
            if sinks.size > sources.size:
                raise SimulatorError(
                    f"instruction {sinks[sources.size]} waits for a token of engine "
                    f"{giver.name.lower()}, which gives only {sources.size}; "
                    "let one of its instructions signal"
                )
            pending[sinks] += 1
            for source, sink in zip(sources.tolist(), sinks.tolist(), strict=False):
                takers[source] += (sink,)
    return pending.tolist(), takers
