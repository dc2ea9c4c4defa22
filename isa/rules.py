"""What makes an instruction illegal, beside reserved bits and choices that do not exist."""

from dataclasses import dataclass

from .choices import (
    VECTOR_LEVELS,
    AMemory,
    BSource,
    Engine,
    Memory,
    Opcode,
    Operation,
    Reduction,
    Slide,
)
from .config import Config

__all__ = ["Rule", "rules"]


@dataclass(frozen=True)
class Rule:
    """What makes an instruction illegal: every condition (field, mask, value) holds.

    A condition holds when the field's encoded bits, masked, equal the value.
    """

    opcode: Opcode
    conditions: tuple[tuple[str, int, int], ...]
    reason: str


def rules(config: Config) -> tuple[Rule, ...]:
    """Return the rules of the machine `config`."""
    acc_a, acc_b = ("a_memory", 1, AMemory.ACC), ("b_source", 3, BSource.ACC)
    table = ("operation", 7, Operation.TABLE)
    result = [
        *_own_tokens(),
        Rule(Opcode.VECTOR, (acc_a, acc_b), "a and b cannot both be read from acc"),
        Rule(Opcode.VECTOR, (acc_a, table), "a table is indexed from act, not from acc"),
    ]
    if not config.tables:
        result += [
            Rule(Opcode.VECTOR, (table,), "this machine has no tables"),
            Rule(Opcode.LOAD, (("memory", 3, Memory.TABLE),), "this machine has no tables"),
        ]
    return (*result, *_slide(config))


def _own_tokens() -> list[Rule]:
    """Return the rules that no engine waits for itself or signals itself."""
    result = []
    for engine in Engine:
        bit = 1 << engine
        for mask in ("wait", "signal"):
            reason = f"an engine cannot {mask} {'for ' if mask == 'wait' else ''}itself"
            result += [
                Rule(Opcode(engine), ((mask, bit, bit),), reason),
                Rule(Opcode.SYNC, (("engine", 3, engine), (mask, bit, bit)), reason),
            ]
    return result


def _slide(config: Config) -> list[Rule]:
    """Return the rules of an instruction that slides."""
    # (field, its only legal value, its mask), a choice that is not the legal one
    needed = (
        ("operation", 7, Operation, Operation.MULTIPLY, "multiplies"),
        ("b_source", 3, BSource, BSource.TAP, "multiplies by taps"),
        ("a_memory", 1, AMemory, AMemory.ACT, "reads a from act"),
        ("reduction", 3, Reduction, Reduction.ADD, "adds"),
    )
    result = []
    for slide in (Slide.ONE, Slide.TWO):
        slides = ("slide", 3, slide)
        if config.row_taps == 1:
            result.append(Rule(Opcode.VECTOR, (slides,), "this machine has no sliding rows"))
            continue
        for name, mask, choices, legal, meaning in needed:
            result += [
                Rule(Opcode.VECTOR, (slides, (name, mask, other)), f"a sliding row {meaning}")
                for other in choices
                if other != legal
            ]
        levels = ("reduce_levels", 7, VECTOR_LEVELS)
        reason = "a sliding row needs a level outside of those that reduce"
        result.append(Rule(Opcode.VECTOR, (slides, levels), reason))
    return result
