"""What the driver asks of a machine: DRAM, registers, time. Simulators and boards answer it."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from isa.config import Config

__all__ = ["Machine"]

Data = bytes | bytearray | memoryview | npt.NDArray[np.generic]


class Machine(Protocol):
    """A machine that holds a program and runs it.

    Attributes
    ----------
    config : Config
    name : str
    memory_bytes : int, size of its DRAM
    """

    @property
    def config(self) -> Config:
        """The configuration that it was built with."""

    @property
    def name(self) -> str:
        """What kind of device it is."""

    @property
    def memory_bytes(self) -> int:
        """Size of the DRAM."""

    def read(self, address: int, size: int) -> bytes:
        """Return `size` bytes of DRAM from `address`."""

    def write(self, address: int, data: Data) -> None:
        """Copy `data` to DRAM at `address`."""

    def read_register(self, offset: int) -> int:
        """Return the 32-bit register at `offset`."""

    def write_register(self, offset: int, value: int) -> None:
        """Write the 32-bit register at `offset`."""

    def wait(self, timeout_cycles: int | None = None) -> None:
        """Return when no program runs any more."""

    def close(self) -> None:
        """Release what the machine holds."""
