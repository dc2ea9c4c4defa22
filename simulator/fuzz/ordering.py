"""Waits and signals that keep the order of instructions which touch the same places."""

from collections.abc import Sequence
from dataclasses import replace

from isa.config import Config
from isa.instructions import Engine, Opcode
from isa.program import Instruction

from .accesses import accesses
from .placement import Random

__all__ = ["order"]


def order(
    random: Random, config: Config, instructions: Sequence[Instruction], extra: float = 0.1
) -> list[Instruction]:
    """Return the instructions with waits and signals.

    An instruction waits for the last earlier instruction of each other engine that touches a place
    which it touches too, one of the two writing. Tokens of a pair of engines are given and taken
    in the same order, so the n-th wait meets the n-th signal.

    Parameters
    ----------
    extra : float, share of the waits that are added without need
    """
    engines = [_engine(instruction) for instruction in instructions]
    touched = [accesses(config, instruction) for instruction in instructions]
    waits, signals = ([0] * len(instructions) for _ in range(2))
    # known[taker][giver]: the last instruction of giver that taker has waited for.
    known = [[-1] * len(Engine) for _ in Engine]
    for taker, engine in enumerate(engines):
        for other in Engine:
            if other == engine:
                continue
            wanted = random.random() < extra
            for giver in range(taker - 1, known[engine][other], -1):
                if engines[giver] == other and (wanted or touched[giver].conflicts(touched[taker])):
                    waits[taker] |= 1 << other
                    signals[giver] |= 1 << engine
                    known[engine][other] = giver
                    break
    return [
        replace(instruction, fields={**instruction.fields, "wait": wait, "signal": signal})
        for instruction, wait, signal in zip(instructions, waits, signals, strict=True)
    ]


def _engine(instruction: Instruction) -> Engine:
    if instruction.opcode == Opcode.SYNC:
        return Engine(instruction.fields["engine"])
    return Engine(instruction.opcode)
