"""Sliding rows against the same convolution without them, and lines too short for a result."""

import numpy as np
import pytest

from isa.config import Config
from isa.instructions import BSource, Opcode, Operation, Reduction, Slide
from isa.program import Instruction, Program
from isa.registers import Status
from simulator.functional import FunctionalMachine

CONFIG = Config("small", 4, 4, 512, 7, 8, 5, tables=0, bus_bytes=4)
TAPS = {"operation": Operation.MULTIPLY, "b_source": BSource.TAP, "reduction": Reduction.ADD}


@pytest.fixture
def run(start_program, get_register):
    """Return a function that gives act after one instruction on the content `pads`."""

    def execute(fields, pads):
        machine = FunctionalMachine(CONFIG, 4096)
        machine.scratchpads.act[...] = pads.act
        machine.scratchpads.param[...] = pads.param
        program = Program.encode(
            CONFIG, [Instruction(Opcode.VECTOR, fields), Instruction(Opcode.END)]
        )
        start_program(machine, program.words)
        assert get_register(machine, "status") == Status.DONE
        return machine.scratchpads.act

    return execute


@pytest.fixture
def filled(fill_scratchpads):
    """Return scratchpads of random content."""
    machine = FunctionalMachine(CONFIG, 4096)
    fill_scratchpads(CONFIG, machine.scratchpads, np.random.default_rng(11))
    return machine.scratchpads


@pytest.mark.parametrize("slide", [Slide.ONE, Slide.TWO])
@pytest.mark.parametrize("columns", range(3, 12))
def test_equals_a_convolution_without_it(columns, slide, filled, run):
    """A depthwise 3 x 3 convolution of lines of `columns`, the kernel's word in param 2."""
    lines = 2 if slide == Slide.ONE else 1
    results = (columns - 3) // slide + 1
    both = {"a_offset": 17, "b": 32, "output": 256, "requantize": 1, "record": 1, "zero_point": -3}
    plain = {"count1": lines, "a1": columns, "output1": results, "reduce_levels": 2}
    plain |= {"count2": results, "a2": int(slide), "output2": 1}
    plain |= {"count3": 3, "a3": columns, "b3": 3, "count4": 3, "a4": 1, "b4": 1}
    sliding = {"count2": lines, "a2": columns, "output2": results, "reduce_levels": 1}
    sliding |= {"count3": columns, "a3": 1, "output3": 1, "slide": slide}
    sliding |= {"count4": 3, "a4": columns, "b4": 3}
    expected = run(TAPS | both | plain, filled)
    found = run(TAPS | both | sliding, filled)
    np.testing.assert_array_equal(found, expected)
    assert (found[256 : 256 + lines * results] != filled.act[256 : 256 + lines * results]).any()


@pytest.mark.parametrize("slide", [Slide.ONE, Slide.TWO])
@pytest.mark.parametrize("columns", [1, 2])
def test_a_short_line_gives_nothing(columns, slide, filled, run):
    """Not even its places need to exist."""
    fields = TAPS | {"slide": slide, "count4": columns, "a4": 1, "requantize": 1, "record": 7}
    fields |= {"output": 511, "output3": 1, "count3": 5}
    found = run(fields, filled)
    np.testing.assert_array_equal(found, filled.act)
