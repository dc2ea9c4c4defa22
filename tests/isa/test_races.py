"""Races: the pass over the program finds one exactly where a look at every pair finds one."""

import random

from isa.checker import Kind, findings
from isa.config import Config
from isa.decoding import decode_program
from isa.footprint import footprint
from isa.instructions import Engine, Opcode
from isa.program import Instruction, Program
from isa.tokens import Order, Tokens, run_tokens

# Small memories, so that instructions meet often.
SMALL = Config("small", 4, 4, act_words=16, weight_tiles=2, acc_words=8, param_words=4, bus_bytes=4)

OWN = {
    Opcode.LOAD: Engine.LOAD,
    Opcode.MATRIX: Engine.MATRIX,
    Opcode.VECTOR: Engine.VECTOR,
    Opcode.STORE: Engine.STORE,
}


def draw_instruction(draw: random.Random, opcode: Opcode) -> dict[str, int]:
    place, count = draw.randrange(12), draw.choice([1, 2, 4])
    if opcode == Opcode.LOAD:
        shape = {"x_bytes": 4, "y_count": draw.choice([1, 2]), "y_step": 2, "y_stride": 12}
        return {"destination": place, "address": 4 * draw.randrange(16), **shape}
    if opcode == Opcode.STORE:
        shape = {"x_bytes": draw.choice([3, 8]), "y_count": draw.choice([1, 2]), "y_step": 2}
        return {"source": place, "address": 4 * draw.randrange(16), "y_stride": 12, **shape}
    if opcode == Opcode.MATRIX:
        return {"act": place, "count5": count, "act5": 1, "acc": draw.randrange(12), "acc5": 1}
    memory = draw.randrange(2)
    return {
        "a_memory": memory,
        "destination": 1 - memory,
        "a": place,
        "a4": 1,
        "output": draw.randrange(12),
        "output4": draw.choice([0, 1]),
        "count4": count,
    }


def draw_program(draw: random.Random, length: int) -> Program:
    """Return a program whose waits are met in program order, and guard some of what they must."""
    given = [[0] * 4 for _ in Engine]
    result = []
    for _ in range(length):
        opcode = draw.choice(list(OWN))
        engine, wait, signal = OWN[opcode], 0, 0
        for other in Engine:
            if other != engine and given[other][engine] and draw.random() < 0.8:
                given[other][engine] -= 1
                wait |= 1 << other
            if other != engine and draw.random() < 0.7:
                given[engine][other] += 1
                signal |= 1 << other
        fields = draw_instruction(draw, opcode)
        result.append(Instruction(opcode, {**fields, "wait": wait, "signal": signal}))
    return Program.encode(SMALL, [*result, Instruction(Opcode.END)])


def every_race(program: Program) -> set[tuple[int, int]]:
    """Return all pairs that race, by looking at each."""
    decoded = decode_program(program)[:-1]
    tokens = [Tokens(OWN[opcode], fields["wait"], fields["signal"]) for opcode, fields in decoded]
    order = run_tokens(SMALL, tokens)
    touched = [
        [
            (access.memory, access.writes, {p for s, e in access.places for p in range(s, e)})
            for access in footprint(SMALL, opcode, fields)
        ]
        for opcode, fields in decoded
    ]
    return {
        (first, second)
        for second in range(len(decoded))
        for first in range(second)
        if tokens[first].engine != tokens[second].engine
        and not before(order, tokens, first, second)
        and not before(order, tokens, second, first)
        and any(
            memory == other and (writes or also) and places & theirs
            for memory, writes, places in touched[first]
            for other, also, theirs in touched[second]
        )
    }


def before(order: Order, tokens: list[Tokens], first: int, second: int) -> bool:
    """Return whether `first` has finished when `second` starts."""
    return order.clocks[second][tokens[first].engine] > order.positions[first]


def test_a_race_is_found_exactly_where_there_is_one() -> None:
    answers = {True: 0, False: 0}
    for seed in range(120):
        program = draw_program(random.Random(seed), 2 + seed % 14)
        expected = every_race(program)
        told = list(findings(program))
        assert {item.kind for item in told} <= {Kind.RACE}, f"seed {seed}"
        found = {item.instructions for item in told}
        assert found <= expected, f"seed {seed}"
        assert bool(found) == bool(expected), f"seed {seed}"
        answers[bool(expected)] += 1
    assert min(answers.values()) > 12, answers
