"""A small case."""

import numpy as np
import pytest

from isa.assembler import assemble
from isa.checker import Window
from isa.config import preset
from simulator.mutants import Case

TINY = preset("tiny")
WINDOWS = (Window(0x400, 256, True, False), Window(0x500, 256, True, True))


@pytest.fixture
def make_case():
    """Return a function that makes a case of a program's text; DRAM counts up."""

    def make(text):
        dram = np.arange(0x600).astype(np.uint8)
        return Case("case", assemble(text, TINY), 0, dram, WINDOWS)

    return make
