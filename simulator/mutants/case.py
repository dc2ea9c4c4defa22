"""A program with all that it needs to run: DRAM, windows, and where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from isa.checker import Window
from isa.program import Program

from ..memory import Bytes

__all__ = ["Case"]


@dataclass(frozen=True, eq=False)
class Case:
    """A program that is about to run.

    Attributes
    ----------
    name : str
    program : Program, without relocations
    address : int, where the program stands in DRAM
    dram : uint8[bytes], DRAM before the run, from address 0; the program is put in
    windows : what the program may touch; one more lets the machine fetch the program
    watchdog_cycles : int, more than any of its instructions takes, twice as long ones included
    """

    name: str
    program: Program
    address: int
    dram: Bytes
    windows: Sequence[Window]
    watchdog_cycles: int = 1 << 16
