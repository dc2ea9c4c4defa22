"""Makes a program that fails small: first fewer instructions, then simpler fields."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from isa.config import Config
from isa.errors import IsaError
from isa.fields import Field
from isa.instructions import Memory, Opcode, instruction_set
from isa.program import Instruction, Program

from .accesses import accesses, reads_its_own_writes
from .instructions import Sizes
from .ordering import order

__all__ = ["bare", "is_safe", "ordered_program", "shrink"]

Instructions = Sequence[Instruction]

_BLOCK_BYTES = 64
# What says where in DRAM, or what kind of bytes, is left alone.
_KEPT = ("opcode", "wait", "signal", "engine", "memory")


def shrink(
    config: Config,
    instructions: Instructions,
    fails: Callable[[Instructions], bool],
    attempts: int = 1000,
) -> list[Instruction]:
    """Return a smaller list of instructions for which `fails` still holds.

    [a, b, c, d] -> [b, d] -> [b', d]: halves, quarters, ... single instructions are left out while
    it fails; then each field in turn becomes its default, or smaller. The waits and signals are
    the business of `fails`, see `ordered_program`.

    Parameters
    ----------
    config : Config
    instructions : for which `fails` holds; every field is named
    fails : function of instructions; it must also refuse those that are not legal, see `is_safe`
    attempts : int, most calls of `fails`
    """
    left = _Attempts(fails, attempts)
    found = _fewer(list(instructions), left)
    while True:
        before = list(found)
        found = _fewer(_simpler(config, found, left), left)
        if found == before or not left.count:
            return found


def bare(program: Program) -> list[Instruction]:
    """Return the instructions of a program without END, and without waits and signals."""
    return [
        replace(item, fields={**item.fields, "wait": 0, "signal": 0})
        for item in program.instructions()
        if item.opcode != Opcode.END
    ]


def ordered_program(config: Config, instructions: Instructions, seed: int) -> Program:
    """Return instructions with the waits and signals that they need, and some more; and END."""
    ordered = order(np.random.default_rng(seed), config, instructions)
    return Program.encode(config, [*ordered, Instruction(Opcode.END)])


def is_safe(config: Config, instruction: Instruction, sizes: Sizes) -> bool:
    """Return whether an instruction has one meaning, and keeps what must stay in DRAM.

    It reads and writes only the DRAM that is its kind's, it encodes, and it reads nothing that it
    wrote itself. That it stays within the scratchpads is for the functional simulator to say.
    """
    try:
        instruction_set(config).encode(instruction.opcode, dict(instruction.fields))
    except IsaError:
        return False
    if instruction.opcode == Opcode.VECTOR and reads_its_own_writes(config, instruction):
        return False
    low, high = sizes.dram_start, sizes.dram_bytes
    if instruction.opcode == Opcode.LOAD and instruction.fields["memory"] == Memory.PARAM:
        low, high = sizes.param_start, sizes.dram_start
    touched = accesses(config, instruction)
    blocks = touched.reads["dram"] | touched.writes["dram"]
    return all(low <= block * _BLOCK_BYTES < high for block in blocks)


class _Attempts:
    """Calls `fails` as often as is allowed, then says no."""

    def __init__(self, fails: Callable[[Instructions], bool], count: int) -> None:
        self._fails = fails
        self.count = count

    def __call__(self, instructions: Instructions) -> bool:
        if not self.count:
            return False
        self.count -= 1
        return self._fails(instructions)


def _fewer(instructions: list[Instruction], fails: _Attempts) -> list[Instruction]:
    """Leave out runs of instructions, long ones first."""
    size = len(instructions)
    while size:
        start = 0
        while start < len(instructions):
            rest = instructions[:start] + instructions[start + size :]
            if len(rest) < len(instructions) and fails(rest):
                instructions = rest
            else:
                start += size
        size //= 2
    return instructions


def _simpler(
    config: Config, instructions: list[Instruction], fails: _Attempts
) -> list[Instruction]:
    """Make fields smaller, one at a time."""
    for index, instruction in enumerate(instructions):
        form = instruction_set(config).format(instruction.opcode)
        for field in form.fields:
            if field.name in _KEPT:
                continue
            for value in _smaller(field, instructions[index].fields[field.name]):
                item = instructions[index]
                changed = replace(item, fields={**item.fields, field.name: value})
                candidate = [*instructions[:index], changed, *instructions[index + 1 :]]
                if fails(candidate):
                    instructions = candidate
                    break
    return instructions


def _smaller(field: Field, value: int) -> Iterator[int]:
    """Yield simpler values of a field: its default, else nothing, else half; none of a default."""
    if value == field.default:
        return
    half = value // 2 if value >= 0 else -(-value // 2)
    for simpler in dict.fromkeys((field.default, max(field.low, 0), half)):
        if simpler == field.default or abs(simpler) < abs(value):
            yield simpler
