"""Small mistakes put into a program: a token lost, an address moved, a count changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from isa.errors import DecodeError, EncodeError
from isa.instructions import Memory, Opcode
from isa.program import Instruction, Program

__all__ = ["KINDS", "Mutant", "mutate"]

Random = np.random.Generator
Edit = Callable[[Random, list[Instruction]], str | None]

_ADDRESSES = (
    "destination",
    "source",
    "address",
    "acc",
    "act",
    "weight",
    "a",
    "b",
    "record",
    "output",
)
# Draws until a mutant differs from its program and can be encoded.
_ATTEMPTS = 200


@dataclass(frozen=True)
class Mutant:
    """A program with one mistake.

    Attributes
    ----------
    kind : str, one of KINDS
    text : str, what was changed
    program : Program
    """

    kind: str
    text: str
    program: Program


def mutate(random: Random, program: Program, kind: str | None = None) -> Mutant:
    """Return `program`, which has no relocations, with one random mistake.

    Parameters
    ----------
    kind : str or None, what kind of mistake; None draws one
    """
    instructions = list(program.instructions())
    for _ in range(_ATTEMPTS):
        name = kind or str(random.choice(list(KINDS)))
        changed = list(instructions)
        text = KINDS[name](random, changed)
        if text is None:
            continue
        try:
            mutant = Program.encode(program.config, changed)
        except (DecodeError, EncodeError):
            continue
        if mutant.words != program.words:
            return Mutant(name, text, mutant)
    raise ValueError(f"no mutant of kind {kind} was found in {_ATTEMPTS} draws; take another kind")


def _drop(mask: str) -> Edit:
    """Return the edit that takes one engine out of a mask."""

    def edit(random: Random, instructions: list[Instruction]) -> str | None:
        index = _choose(random, instructions, lambda item: item.fields.get(mask, 0) != 0)
        if index is None:
            return None
        value = instructions[index].fields[mask]
        bits = [bit for bit in range(4) if value >> bit & 1]
        bit = int(random.choice(bits))
        return _set(instructions, index, mask, value & ~(1 << bit))

    return edit


def _swap(mask: str) -> Edit:
    """Return the edit that exchanges the masks of two instructions of one engine."""

    def edit(random: Random, instructions: list[Instruction]) -> str | None:
        first = _choose(random, instructions, lambda item: item.fields.get(mask, 0) != 0)
        if first is None:
            return None
        opcode, value = instructions[first].opcode, instructions[first].fields[mask]
        others = [
            index
            for index, item in enumerate(instructions)
            if item.opcode == opcode and item.fields[mask] != value and index != first
        ]
        if not others:
            return None
        # Mostly a neighbour: that is the mistake that is easily made.
        near = sorted(others, key=lambda index: abs(index - first))[:4]
        second = int(random.choice(near if random.random() < 0.7 else others))
        text = _set(instructions, first, mask, instructions[second].fields[mask])
        return f"{text}; {_set(instructions, second, mask, value)}"

    return edit


def _move_address(random: Random, instructions: list[Instruction]) -> str | None:
    """Move an address a little, far, or to where another instruction's is."""
    index, name = _field(random, instructions, _ADDRESSES)
    if index is None:
        return None
    value = instructions[index].fields[name]
    kind = random.random()
    if kind < 0.4:
        value += int(random.choice([-16, -4, -2, -1, 1, 2, 4, 16]))
    elif kind < 0.8:
        others = [item.fields[name] for item in instructions if name in item.fields]
        value = int(random.choice(others))
    else:
        value = int(random.integers(0, 2 * max(value, 64)))
    return _set(instructions, index, name, value)


def _change_count(random: Random, instructions: list[Instruction]) -> str | None:
    names = (*(f"count{level}" for level in range(6)), "y_count", "z_count", "x_bytes")
    index, name = _field(random, instructions, names)
    if index is None:
        return None
    value = instructions[index].fields[name]
    changed = int(random.choice([value - 1, value + 1, value // 2, min(2 * value, value + 64)]))
    return _set(instructions, index, name, changed)


def _change_step(random: Random, instructions: list[Instruction]) -> str | None:
    operands = ("acc", "act", "weight", "a", "b", "record", "output")
    names = [f"{operand}{level}" for operand in operands for level in range(6)]
    index, name = _field(
        random, instructions, [*names, "y_step", "z_step", "y_stride", "z_stride", "reduce_levels"]
    )
    if index is None:
        return None
    value = instructions[index].fields[name]
    changed = int(random.choice([value - 1, value + 1, 0, -value, 2 * value]))
    return _set(instructions, index, name, changed)


def _redirect(random: Random, instructions: list[Instruction]) -> str | None:
    """Let a load or a vector instruction read or write another memory."""
    index, name = _field(random, instructions, ("memory", "destination", "a_memory", "b_source"))
    if index is None or (name == "destination" and instructions[index].opcode != Opcode.VECTOR):
        return None
    choices = len(Memory) if name == "memory" else 2 + (name == "b_source")
    return _set(instructions, index, name, int(random.integers(choices)))


def _swap_instructions(random: Random, instructions: list[Instruction]) -> str | None:
    """Exchange two neighbours, each with its tokens."""
    if len(instructions) < 3:
        return None
    index = int(random.integers(len(instructions) - 2))
    pair = instructions[index : index + 2]
    instructions[index : index + 2] = pair[::-1]
    return f"instructions {index} and {index + 1} exchanged"


KINDS: dict[str, Edit] = {
    "drop a signal": _drop("signal"),
    "drop a wait": _drop("wait"),
    "swap two waits": _swap("wait"),
    "swap two signals": _swap("signal"),
    "move an address": _move_address,
    "change a count": _change_count,
    "change a step": _change_step,
    "redirect an operand": _redirect,
    "swap two instructions": _swap_instructions,
}


def _choose(
    random: Random, instructions: Sequence[Instruction], wanted: Callable[[Instruction], bool]
) -> int | None:
    found = [index for index, item in enumerate(instructions) if wanted(item)]
    return int(random.choice(found)) if found else None


def _field(
    random: Random, instructions: Sequence[Instruction], names: Sequence[str]
) -> tuple[int | None, str]:
    """Return a random instruction that has one of the fields, and which."""
    index = _choose(random, instructions, lambda item: any(name in item.fields for name in names))
    if index is None:
        return None, ""
    present = [name for name in names if name in instructions[index].fields]
    return index, str(random.choice(present))


def _set(instructions: list[Instruction], index: int, name: str, value: int) -> str:
    """Change one field; return in words what was done."""
    item = instructions[index]
    before = item.fields[name]
    instructions[index] = replace(item, fields={**item.fields, name: value})
    return f"instruction {index}: {item.opcode.name.lower()}.{name} {before} -> {value}"
