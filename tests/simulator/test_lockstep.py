"""Random legal programs do the same on the hardware and on its simulator, byte for byte.

20,000 instructions over all shapes of machine, each seed a program of 500. Compared are the
program's end, its counters, DRAM, and, by a second program that stores it, all that is on chip. A
failure prints a shrunk program. The whole `zu`, which takes minutes to build, runs with
-m exhaustive. More: `python -m simulator.fuzz --config zu --instructions 100000`.
"""

import pytest

from simulator.fuzz.campaign import PROGRAM_INSTRUCTIONS, campaign
from simulator.fuzz.configs import fuzz_config
from simulator.fuzz.lockstep import Lockstep

# Programs on each machine. What costs is the build of a machine, and its last comparison.
PROGRAMS = {
    "tiny": 8,
    "ulx3s": 4,
    "vta": 4,
    "zu-small": 3,
    "odd": 5,
    "wide": 6,
    "tall": 5,
    "bus": 5,
}


@pytest.mark.verilator
@pytest.mark.parametrize(
    ("name", "seed"),
    [
        *((name, seed) for name, count in PROGRAMS.items() for seed in range(count)),
        *(pytest.param("zu", seed, marks=pytest.mark.exhaustive) for seed in range(20)),
    ],
)
def test_same_bytes(name, seed):
    lockstep = Lockstep(fuzz_config(name))
    for report in campaign(lockstep, PROGRAM_INSTRUCTIONS, seed):
        pytest.fail(report, pytrace=False)


def test_there_are_enough():
    assert sum(PROGRAMS.values()) * PROGRAM_INSTRUCTIONS >= 20_000
