"""How many threads compute."""

import os
from pathlib import Path

from isa.host import MOST_THREADS

from .errors import Unavailable

__all__ = ["check_threads", "default_threads"]

_TOPOLOGY = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def check_threads(threads: int) -> None:
    """Raise Unavailable unless `threads` can be a number of threads."""
    if not 1 <= threads <= MOST_THREADS:
        raise Unavailable(f"threads must be in 1..{MOST_THREADS}, not {threads}")


def default_threads(topology: Path = _TOPOLOGY, quota: Path = _QUOTA) -> int:
    """Return the number of physical cores that this process may use.

    Two threads of one core share its arithmetic units, which one keeps busy. Where the system does
    not say which processors share a core, each counts. A container with a quota of time gets as
    many as fit it.

    Source: Linux, Documentation/admin-guide/cputopology.rst and cgroup-v2.rst, "cpu.max".
    """
    cores = set()
    for processor in os.sched_getaffinity(0):
        siblings = topology / f"cpu{processor}" / "topology" / "thread_siblings_list"
        try:
            cores.add(siblings.read_text().strip())
        except OSError:
            cores.add(f"{processor}")
    return min(len(cores), _limit(quota), MOST_THREADS)


def _limit(quota: Path) -> int:
    """Return how many cores a quota of time is enough for."""
    try:
        time, period = quota.read_text().split()
    except OSError:
        return MOST_THREADS
    return MOST_THREADS if time == "max" else max(1, int(time) // int(period))
