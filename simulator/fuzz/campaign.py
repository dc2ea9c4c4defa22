"""Runs any number of random instructions in lock step, and reports what fails, shrunk."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from isa.assembler import disassemble
from isa.program import Instruction, Program

from ..errors import SimulationError
from .lockstep import MOST_INSTRUCTIONS, Lockstep
from .program import random_program
from .shrink import bare, is_safe, ordered_program, shrink

__all__ = ["PROGRAM_INSTRUCTIONS", "campaign", "failure"]

PROGRAM_INSTRUCTIONS = 500


def campaign(
    lockstep: Lockstep,
    instructions: int,
    seed: int,
    length: int = PROGRAM_INSTRUCTIONS,
    progress: Callable[[int], None] | None = None,
) -> Iterator[str]:
    """Run programs until `instructions` have been; yield the report of each that fails.

    Parameters
    ----------
    lockstep : Lockstep
    instructions : int, without END
    seed : int, of the first program; each next one has the next seed
    length : int, instructions of a program, at most MOST_INSTRUCTIONS
    progress : called with the number of instructions done, after each program
    """
    done = 0
    while done < instructions:
        count = min(length, instructions - done, MOST_INSTRUCTIONS)
        random = np.random.default_rng(seed)
        program = random_program(random, lockstep.config, count, lockstep.sizes)
        report = failure(lockstep, program, seed)
        if report is not None:
            yield report
        done += count
        seed += 1
        if progress is not None:
            progress(done)


def failure(lockstep: Lockstep, program: Program, seed: int, attempts: int = 1000) -> str | None:
    """Return None, or a report of what differs, with a small program that shows it.

    Parameters
    ----------
    lockstep : Lockstep
    program : Program
    seed : int, of DRAM and stalls; also names the program in the report
    attempts : int, most runs that shrinking may take
    """
    difference = lockstep.difference(program, seed)
    if difference is None:
        return None
    config = lockstep.config

    def fails(instructions: Sequence[Instruction]) -> bool:
        if not all(is_safe(config, item, lockstep.sizes) for item in instructions):
            return False
        try:
            candidate = ordered_program(config, instructions, seed)
            return lockstep.difference(candidate, seed) is not None
        except SimulationError:
            return False

    lines = [f"{config.name}, seed {seed}, {len(program)} instructions: {difference}"]
    instructions = bare(program)
    if fails(instructions):
        program = ordered_program(config, shrink(config, instructions, fails, attempts), seed)
        lines.append(f"shrunk: {lockstep.difference(program, seed)}")
    else:
        lines.append("with other waits and signals it does not fail, so it stands as it is:")
    lines.append(disassemble(program).rstrip())
    command = f"python -m simulator.fuzz --config {config.name} --seed {seed} --program FILE"
    lines.append(f"; run it again: {command}")
    return "\n".join(lines)
