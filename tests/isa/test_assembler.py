"""Program text: it is the second form of every program, and every mistake is named."""

import random
from dataclasses import replace

import pytest

from isa.assembler import assemble, disassemble, format_instruction
from isa.config import preset
from isa.errors import AssemblyError
from isa.instructions import Memory, Opcode
from isa.program import Instruction, Program

TINY = preset("tiny")


@pytest.mark.parametrize("seed", range(3))
def test_round_trip(config, instructions, seed):
    """assemble(disassemble(p)) == p, relocations and all."""
    draw = random.Random(seed)
    given = [
        replace(item, segment=draw.choice(["", "constants", "data", "_x9"]))
        if "address" in item.fields
        else item
        for item in instructions(config, seed, 20)
    ]
    made = Program.encode(config, [*given, Instruction(Opcode.END)])
    text = disassemble(made)
    assert text.count("\n") == 21
    assert assemble(text, config) == made, f"seed {seed}"


def test_text(golden, instructions):
    """The form of the text, kept as a file."""
    golden(disassemble(Program.encode(TINY, instructions(TINY, 0, 12))))


def test_defaults_are_left_out():
    assert format_instruction(TINY, Instruction(Opcode.MATRIX)) == "matrix"
    assert disassemble(Program.encode(TINY, [Instruction(Opcode.END)])) == "end\n"


def test_names():
    load = Instruction(
        Opcode.LOAD,
        {"memory": Memory.WEIGHT, "wait": 0b1010, "address": 64, "x_bytes": 3, "fill": -7},
        "constants",
    )
    text = "load wait=matrix|store memory=weight address=constants+0x40 x_bytes=3 fill=-7"
    assert format_instruction(TINY, load) == text
    (found,) = assemble(text, TINY).instructions()
    assert found.segment == "constants"
    assert {name: found.fields[name] for name in load.fields} == load.fields


def test_comments_and_empty_lines():
    text = "; a program\n\n  matrix  act=0x10 ; the first\n\tend;\n   \n"
    found = list(assemble(text, TINY).instructions())
    assert [item.opcode for item in found] == [Opcode.MATRIX, Opcode.END]
    assert found[0].fields["act"] == 16


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "jump a=1",
            "instruction must be one of load, matrix, vector, store, sync, end, not 'jump'",
        ),
        ("LOAD", "instruction must be one of load, matrix, vector, store, sync, end, not 'LOAD'"),
        ("load x_bytes", "load: expected field=value, found 'x_bytes'"),
        ("load x_bytes=", "load: expected field=value, found 'x_bytes='"),
        ("load x_bytes = 3", "load: expected field=value, found 'x_bytes'"),
        ("load fill=1 fill=2", "load.fill is given twice"),
        ("load width=1", "load has no field 'width'"),
        ("matrix address=data+4", "matrix has no field 'address'"),
        ("load opcode=matrix", "load: the opcode is the first word, not a field"),
        ("load x_bytes=three", "load.x_bytes must be an integer, not 'three'"),
        ("load x_bytes=010", "load.x_bytes must be an integer, not '010'"),
        ("load address=data+", "load.address must be an integer, not 'data+'"),
        ("load address=data+x", "load.address must be an integer, not 'x'"),
        ("load x_bytes=data+4", "load.x_bytes must be an integer, not 'data+4'"),
        ("load memory=disk", "load.memory must be one of act, weight, param, table, not 'disk'"),
        ("load memory=act|param", "load.memory must be one of act, weight, param, table, not "
         "'act|param'"),
        ("load wait=matrix|", "load.wait must be one of load, matrix, vector, store, not ''"),
        ("load wait=fetch", "load.wait must be one of load, matrix, vector, store, not 'fetch'"),
        ("load x_bytes=0", "load.x_bytes must be in 1..1048576, not 0"),
        ("load address=-1", "load.address must be in 0..4294967295, not -1"),
        ("matrix signal=matrix", "matrix: an engine cannot signal itself"),
        (
            "vector a_memory=acc b_source=acc",
            "vector: a and b cannot both be read from acc",
        ),
        ("end wait=load", "end has no field 'wait'"),
    ],
)  # fmt: skip
def test_error(line, message):
    """Each message begins with path and line."""
    with pytest.raises(AssemblyError) as caught:
        assemble(f"; first\nend\n{line} ; third", TINY, path="a.tws")
    assert str(caught.value) == f"a.tws:3: {message}"


def test_path_is_text_where_there_is_none():
    with pytest.raises(AssemblyError, match=r"^<text>:1: end has no field 'x'$"):
        assemble("end x=1", TINY)
