"""An instruction that leaves its scratchpad is refused, by name."""

import re

import pytest

from isa.assembler import assemble, disassemble
from isa.config import Config
from isa.registers import Cause, Status
from simulator import SimulationError
from simulator.functional import FunctionalMachine

CONFIG = Config("small", 4, 4, 60, 7, 8, 5, tables=1, bus_bytes=4)
SLIDE = "operation=multiply b_source=tap reduction=add slide=one"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "load address=0x100 destination=58 x_bytes=9",
            "act address must be in 0..59 (words), not 60; the instruction reaches 58..60",
        ),
        (
            "load address=0x100 memory=weight destination=2 y_count=3 y_step=-2",
            "weight address must be in 0..6 (words), not -2; the instruction reaches -2..2",
        ),
        (
            "load address=0x100 memory=table x_bytes=257",
            "table address must be in 0..0 (words), not 1; the instruction reaches 0..1",
        ),
        (
            "store address=0x100 source=63",
            "act address must be in 0..59 (words), not 63; the instruction reaches 63..63",
        ),
        (
            "matrix acc=15 count5=2 acc5=1",
            "acc address must be in 0..15 (words), not 16; the instruction reaches 15..16",
        ),
        (
            "matrix act=2 count0=2 act0=-3",
            "act address must be in 0..59 (vectors of rows bytes), not -1; "
            "the instruction reaches -1..2",
        ),
        (
            "matrix weight=7",
            "weight address must be in 0..6 (tiles), not 7; the instruction reaches 7..7",
        ),
        (
            "vector a=61",
            "act address must be in 0..59 (vectors of columns bytes), not 61; "
            "the instruction reaches 61..61",
        ),
        (
            "vector destination=acc output=16",
            "acc address must be in 0..15 (words), not 16; the instruction reaches 16..16",
        ),
        (
            "vector requantize=1 record=4 reduce_levels=1 count4=3 record4=1",
            "param address must be in 0..4 (words), not 6; the instruction reaches 6..6",
        ),
        (
            "vector operation=add b_source=tap b=80",
            "tap address must be in 0..79 (slots), not 80; the instruction reaches 80..80",
        ),
        (
            f"vector {SLIDE} b=7 count4=3",
            "tap address must be in 0..8 (slots of a param word), not 9; "
            "the instruction reaches 7..9",
        ),
        (
            f"vector {SLIDE} count4=62 a4=1",
            "act address must be in 0..59 (vectors of columns bytes), not 61; "
            "the instruction reaches 0..61",
        ),
        (
            f"vector {SLIDE} count4=6 output=57 output4=1",
            "act address must be in 0..59 (vectors of columns bytes), not 60; "
            "the instruction reaches 57..60",
        ),
        (
            f"vector {SLIDE} count4=4 requantize=1 record=4 record4=1",
            "param address must be in 0..4 (words), not 5; the instruction reaches 4..5",
        ),
        (
            "vector operation=add b_source=tap b=8 count4=2 b4=1",
            "tap address must be in 0..8 (slots of a param word), not 9; "
            "the instruction reaches 8..9",
        ),
    ],
)
def test_outside(start_program, get_register, text, message):
    machine = FunctionalMachine(CONFIG, 4096)
    program = assemble(f"sync\n{text}\nend", CONFIG)
    line = disassemble(program).splitlines()[1]
    with pytest.raises(
        SimulationError, match=f"^{re.escape(f'instruction 1: {message}: {line}')}$"
    ):
        start_program(machine, program.words)
    assert get_register(machine, "status") == Status.ERROR
    assert get_register(machine, "error_cause") & 0xFF == Cause.STOPPED
    assert get_register(machine, "error_instruction") == 1
    start_program(machine, assemble("end", CONFIG).words)
    assert get_register(machine, "status") == Status.DONE
