"""Programs: encoding, decoding, and the DRAM addresses filled in at loading."""

import pytest

from isa.config import preset
from isa.errors import DecodeError, EncodeError
from isa.instructions import INSTRUCTION_BYTES, Opcode, instruction_set
from isa.program import Instruction, Program, Relocation

TINY = preset("tiny")


def program(*instructions, config=TINY):
    return Program.encode(config, instructions)


@pytest.mark.parametrize("seed", range(3))
def test_round_trip(config, instructions, seed):
    given = [*instructions(config, seed, 20), Instruction(Opcode.END)]
    made = program(*given, config=config)
    assert len(made) == 21 and len(made.words) == 21 * INSTRUCTION_BYTES
    assert list(made.instructions()) == given, f"seed {seed}"
    for index, instruction in enumerate(given):
        encoded = instruction_set(config).encode(instruction.opcode, dict(instruction.fields))
        assert made.word(index) == encoded


def test_left_out_fields_take_their_defaults():
    (instruction,) = program(Instruction(Opcode.LOAD, {"x_bytes": 5})).instructions()
    assert instruction.fields["x_bytes"] == 5
    assert instruction.fields["line_bytes"] == (1 << 24) - 1


def test_relocation_adds_the_base_of_the_segment():
    made = program(
        Instruction(Opcode.LOAD, {"address": 0x40, "x_bytes": 7}, "constants"),
        Instruction(Opcode.LOAD, {"address": 0x123}),
        Instruction(Opcode.STORE, {"address": 0x20}, "data"),
        Instruction(Opcode.END),
    )
    assert made.relocations == (Relocation(0, "constants"), Relocation(2, "data"))
    assert [item.segment for item in made.instructions()] == ["constants", "", "data", ""]
    moved = Program(TINY, made.relocate({"constants": 0x1000, "data": 0xFF000, "other": 5}))
    found = [item.fields.get("address") for item in moved.instructions()]
    assert found == [0x1040, 0x123, 0xFF020, None]
    rest = [{**item.fields, "address": 0} for item in moved.instructions()]
    assert rest == [{**item.fields, "address": 0} for item in made.instructions()]
    assert made.relocate({"constants": 0, "data": 0}) == made.words


def test_unknown_segment():
    made = program(Instruction(Opcode.STORE, {}, "data"))
    with pytest.raises(EncodeError, match=r"^segment 'data' has no base address$"):
        made.relocate({"constants": 0})


def test_address_overflow():
    made = program(Instruction(Opcode.LOAD, {"address": 0xFFFF_FF00}, "data"))
    assert Program(TINY, made.relocate({"data": 0xFF})).word(0)
    with pytest.raises(
        EncodeError, match=r"^load\.address must be in 0\.\.4294967295, not 4294967296$"
    ):
        made.relocate({"data": 0x100})


def test_errors_begin_with_the_index():
    end = Instruction(Opcode.END)
    with pytest.raises(
        EncodeError, match=r"^instruction 1: load\.x_bytes must be in 1\.\.1048576, not 0$"
    ):
        program(end, Instruction(Opcode.LOAD, {"x_bytes": 0}))
    with pytest.raises(
        DecodeError, match=r"^instruction 2: matrix: an engine cannot wait for itself$"
    ):
        program(end, end, Instruction(Opcode.MATRIX, {"wait": 2}))


def test_segment_needs_an_address():
    with pytest.raises(EncodeError, match=r"^instruction 0: matrix has no field 'address'$"):
        program(Instruction(Opcode.MATRIX, {}, "data"))


def test_illegal_word():
    made = Program(TINY, (0xE).to_bytes(INSTRUCTION_BYTES, "little"))
    with pytest.raises(DecodeError, match=r"^opcode must be in 0\.\.5, not 14$"):
        list(made.instructions())


def test_empty_program():
    assert len(program()) == 0 and list(program().instructions()) == []
