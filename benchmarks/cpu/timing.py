"""Times of runners beside each other: in turns, so that whatever disturbs disturbs them all."""

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from .peers import Runner

__all__ = ["CLOCKS", "interleaved"]

CLOCKS: Mapping[str, Callable[[], float]] = MappingProxyType(
    {"wall": time.perf_counter, "cpu": time.process_time}
)
"""Seconds that pass, or that this process computes with all its threads."""

# A turn shorter than this would mostly measure cold caches.
_TURN_SECONDS = 0.01
_WARM_UPS = 3


def interleaved(
    runners: Sequence[Runner], rounds: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the median seconds of one inference of each runner.

    In each round every runner takes a turn, in another order each time: one call that is not
    measured, then as many as fill a hundredth of a second.
    """
    calls = {}
    for runner in runners:
        for _ in range(_WARM_UPS):
            begin = time.perf_counter()
            runner.run()
            seconds = time.perf_counter() - begin
        calls[runner.name] = max(1, int(_TURN_SECONDS / seconds))
    taken: dict[str, list[float]] = {runner.name: [] for runner in runners}
    for number in range(rounds):
        for turn in range(len(runners)):
            runner = runners[(number + turn) % len(runners)]
            run, count = runner.run, calls[runner.name]
            run()
            begin = clock()
            for _ in range(count):
                run()
            taken[runner.name].append((clock() - begin) / count)
    return {name: float(np.median(times)) for name, times in taken.items()}
