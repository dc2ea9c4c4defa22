"""Random legal programs: they are run on two devices, which must then hold the same bytes."""

from .instructions import Sizes, random_dram, random_instruction
from .ordering import order
from .program import random_program
from .readback import Readback, readback

__all__ = [
    "Readback",
    "Sizes",
    "order",
    "random_dram",
    "random_instruction",
    "random_program",
    "readback",
]
