"""What load and store share: the bus between the machine and DRAM, with windows and errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from isa.config import Config
from isa.registers import Cause

from ..memory import Memory
from .nest import Addresses

__all__ = ["READ", "WRITE", "Bus", "FaultError", "Transfer", "Window"]

# Bits of a window's access register.
READ, WRITE = 1, 2
# AXI4: no burst crosses this boundary (AMBA AXI specification, A3.4.1).
_BOUNDARY_BYTES = 4096


class FaultError(Exception):
    """The machine stops with `cause`; the machine itself adds engine and instruction."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.name)
        self.cause = cause


class Window(NamedTuple):
    """A range of DRAM that the driver opened.

    Attributes
    ----------
    address, size : int, bytes
    access : int, READ | WRITE
    """

    address: int
    size: int
    access: int


class Transfer(NamedTuple):
    """Runs of bytes that an instruction moves, in order, told by their bounds.

    Attributes
    ----------
    low, high : int, smallest address of a run's first byte, and largest of the byte behind a run
    bytes : int, of all runs
    bus_bytes : int, whole bus beats
    wraps : bool, whether the bus carries an address of a run's first byte modulo 2**address_bits
    runs : returns int64[runs] twice: the first address of each, and its bytes
    """

    low: int
    high: int
    bytes: int
    bus_bytes: int
    wraps: bool
    runs: Callable[[], tuple[Addresses, Addresses]]


@dataclass
class Bus:
    """The machine's way to DRAM during one program.

    Attributes
    ----------
    config : Config
    memory : Memory
    windows : the open windows
    read_bytes : int, whole bus beats
    write_bytes : int, enabled byte lanes
    """

    config: Config
    memory: Memory
    windows: Sequence[Window]
    read_bytes: int = field(default=0)
    write_bytes: int = field(default=0)

    def wrap(self, starts: Addresses) -> Addresses:
        """Return addresses as the bus carries them, modulo 2**address_bits."""
        return starts & ((1 << self.config.address_bits) - 1)

    def check(self, transfer: Transfer, access: int) -> None:
        """Check runs of bytes against the windows, then against the end of DRAM, and count them.

        Parameters
        ----------
        transfer : the runs, in order
        access : int, READ or WRITE

        Raises
        ------
        FaultError
            WINDOW_FAULT or BUS_ERROR, whichever the first bad run meets. (In hardware the answer
            to an earlier burst may arrive after a later burst was refused.)
        """
        whole = not transfer.wraps and self.holds(transfer.low, transfer.high, access)
        if transfer.bytes and not whole:
            starts, sizes = transfer.runs()
            starts = self.wrap(starts)
            self._check_each(starts, starts + sizes, access)
        if access == READ:
            self.read_bytes += transfer.bus_bytes
        else:
            self.write_bytes += transfer.bytes

    def fetch(self, address: int, size: int) -> bytes:
        """Return `size` bytes from `address`, whole bus beats, and count them.

        Raises
        ------
        FaultError
            As of `check`.
        """
        start = address & ((1 << self.config.address_bits) - 1)
        if not self.holds(start, start + size, READ):
            run = np.array([start], np.int64)
            self._check_each(run, run + size, READ)
        self.read_bytes += size
        return self.memory.read(start, size)

    def holds(self, start: int, end: int, access: int) -> bool:
        """Return whether one window, and DRAM, hold all bytes from `start` to before `end`."""
        return end <= len(self.memory) and any(
            window.access & access
            and start >= window.address
            and end <= window.address + window.size
            for window in self.windows
        )

    def _check_each(self, starts: Addresses, ends: Addresses, access: int) -> None:
        """Raise the fault of the first bad run, if there is one."""
        outside = ~self._inside(starts, ends, access)
        for run in np.flatnonzero(outside):
            outside[run] = not self._split_inside(int(starts[run]), int(ends[run]), access)
        bad = outside | (ends > len(self.memory))
        if bad.any():
            first = int(np.argmax(bad))
            raise FaultError(Cause.WINDOW_FAULT if outside[first] else Cause.BUS_ERROR)

    def _inside(self, starts: Addresses, ends: Addresses, access: int) -> np.ndarray:
        inside = np.zeros(starts.shape, np.bool_)
        for window in self.windows:
            if window.access & access:
                limit = window.address + window.size
                inside |= (starts >= window.address) & (ends <= limit)
        return inside

    def _split_inside(self, start: int, end: int, access: int) -> bool:
        """Return whether every burst of a run that no window holds alone lies in some window."""
        block = min(_BOUNDARY_BYTES, self.config.bus_bytes * self.config.burst_beats)
        while start < end:
            stop = min(end, (start // block + 1) * block)
            burst = np.array([start], np.int64), np.array([stop], np.int64)
            if not self._inside(*burst, access).all():
                return False
            start = stop
        return True
