"""Decoding a program at once gives what decoding word by word gives, errors included."""

import random

import pytest

from isa.config import preset
from isa.decoding import decode_program
from isa.errors import DecodeError
from isa.instructions import INSTRUCTION_BITS, Opcode, instruction_set
from isa.program import Instruction, Program


def test_the_same_fields(config, instructions) -> None:
    program = Program.encode(config, [*instructions(config, 3, 60), Instruction(Opcode.END)])
    expected = [(item.opcode, dict(item.fields)) for item in program.instructions()]
    assert decode_program(program) == expected, config.name


def test_the_empty_program() -> None:
    assert decode_program(Program(preset("tiny"), b"")) == []


def test_the_same_errors(config, instructions) -> None:
    """Flip bits of legal words: both decoders agree which words are legal, and why not."""
    seed = 5
    draw = random.Random(seed)
    refused = 0
    good = Program.encode(config, [Instruction(Opcode.END)]).words
    for item in instructions(config, seed, 40):
        word = instruction_set(config).encode(item.opcode, dict(item.fields))
        for _ in range(draw.randint(1, 2)):
            word ^= 1 << draw.choice([draw.randrange(40), draw.randrange(INSTRUCTION_BITS)])
        program = Program(config, good + word.to_bytes(INSTRUCTION_BITS // 8, "little"))
        try:
            expected = instruction_set(config).decode(word)
        except DecodeError as error:
            refused += 1
            with pytest.raises(DecodeError) as caught:
                decode_program(program)
            assert str(caught.value) == f"instruction 1: {error}", f"seed {seed}"
        else:
            assert decode_program(program)[1] == expected, f"seed {seed}"
    assert refused, f"seed {seed}: no word was illegal"
