"""The Verilated machine as a device."""

import ctypes
import os

import numpy as np
import numpy.typing as npt

from isa.cache import cache_folder
from isa.config import Config
from isa.registers import Control, Status, register_map

from ..errors import SimulationError, SimulationTimeout, SimulatorError
from ..memory import DEFAULT_MEMORY_BYTES, Data, Memory
from ..registers import require_register
from ..trace import TRACE_DTYPE
from .build import build
from .library import open_library
from .progress import Progress
from .source import machine_verilog

__all__ = ["VerilatorMachine"]

# Cycles of one call into the library: between two calls Ctrl-C is heard.
_CALL_CYCLES = 200_000


class VerilatorMachine:
    """A device that is the RTL itself, cycle by cycle. Time passes only inside its methods.

    Parameters
    ----------
    config : Config
    memory_bytes : int, size of the DRAM, a multiple of the bus width
    latency_cycles : int, from a burst's address to its first beat, and from its last beat written
        to the answer
    stall_probability : float, in 0..1: how often each channel of the memory bus holds back
    seed : int, of the stalls
    waveform : path of an FST file that is written, or None
    cache_dir : folder of built machines, see cache_folder
    progress : called with what is being built and the share done
    verilog : str, other Verilog with the machine's ports; None makes it from `hardware`

    Attributes
    ----------
    config : Config
    name : str
    memory_bytes : int

    Raises
    ------
    ToolchainError, BuildError
        The machine cannot be built.
    """

    name = "verilator"

    def __init__(
        self,
        config: Config,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        *,
        latency_cycles: int = 40,
        stall_probability: float = 0.0,
        seed: int = 0,
        waveform: str | os.PathLike[str] | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        progress: Progress | None = None,
        verilog: str | None = None,
    ) -> None:
        _require_settings(config, memory_bytes, latency_cycles, stall_probability)
        self.config = config
        self.memory_bytes = memory_bytes
        self._memory = Memory(memory_bytes)
        self._settings: dict[str, int | float | str] = {
            "config": config.name,
            "dram_latency_cycles": latency_cycles,
            "dram_bytes_per_cycle": config.bus_bytes,
            "dram_stall_probability": stall_probability,
            "dram_seed": seed,
        }
        cache = cache_folder(cache_dir)
        text = machine_verilog(config, cache, progress) if verilog is None else verilog
        path = build(text, config, cache=cache, waveform=waveform is not None, progress=progress)
        self._library = open_library(path)
        self._handle: int | None = self._library.machine_open(
            self._memory.bytes.ctypes.data,
            memory_bytes,
            latency_cycles,
            stall_probability,
            seed,
            os.fsencode(waveform) if waveform is not None else None,
        )

    @property
    def settings(self) -> dict[str, int | float | str]:
        """What cycle counts depend on, to be printed with them."""
        return dict(self._settings)

    def read(self, address: int, size: int) -> bytes:
        """Return `size` bytes of DRAM from `address`."""
        return self._memory.read(address, size)

    def write(self, address: int, data: Data) -> None:
        """Copy `data` to DRAM at `address`."""
        self._memory.write(address, data)

    def read_register(self, offset: int) -> int:
        """Return the 32-bit register at `offset`; that takes a few cycles."""
        require_register(self.config, offset)
        value = ctypes.c_uint32()
        response = self._library.machine_read_register(self._open, offset, ctypes.byref(value))
        self._check_bus("read", offset, response)
        return value.value

    def write_register(self, offset: int, value: int) -> None:
        """Write the 32-bit register at `offset`; START empties the instruction trace."""
        require_register(self.config, offset)
        if offset == register_map(self.config)["control"].offset and value & Control.START:
            self._library.machine_trace_clear(self._open)
        response = self._library.machine_write_register(self._open, offset, value)
        self._check_bus("write", offset, response)

    def wait(self, timeout_cycles: int | None = None) -> None:
        """Run until the machine is not running.

        Parameters
        ----------
        timeout_cycles : int or None, most cycles to run

        Raises
        ------
        SimulationTimeout
            It still runs after `timeout_cycles`.
        SimulationError
            The hardware broke a bus protocol.
        """
        status = register_map(self.config)["status"].offset
        begin = self.cycles
        while True:
            left = _CALL_CYCLES
            if timeout_cycles is not None:
                left = min(left, max(0, timeout_cycles - (self.cycles - begin)))
            result = self._library.machine_wait(self._open, status, int(Status.RUNNING), left)
            if result == 1:
                return
            if result < 0:
                self._raise_protocol("while a program ran")
            if timeout_cycles is not None and self.cycles - begin >= timeout_cycles:
                raise SimulationTimeout(
                    f"the program must end within {timeout_cycles} cycles, but is still running; "
                    "wait again, or stop it"
                )

    def run(self, cycles: int) -> int:
        """Run up to `cycles` cycles, fewer if the interrupt rises; return how many."""
        count: int = self._library.machine_run(self._open, cycles)
        if self._library.machine_error(self._open):
            self._raise_protocol("while it ran")
        return count

    @property
    def cycles(self) -> int:
        """Cycles since reset; `counters` of the machine count those of a program."""
        count: int = self._library.machine_cycles(self._open)
        return count

    def instruction_trace(self) -> npt.NDArray[np.void]:
        """Return when each instruction of the last program started and ended.

        Returns
        -------
        TRACE_DTYPE[instructions] in the order of their starts: engine, index in the program, first
        and last cycle counted from START; end_cycle is 0 where an instruction did not end.
        """
        trace = np.zeros(self._library.machine_trace_size(self._open), TRACE_DTYPE)
        self._library.machine_trace_copy(self._open, trace.ctypes.data)
        return trace

    def close(self) -> None:
        """Complete the waveform and free the machine; the device cannot be used afterwards."""
        if self._handle is not None:
            self._library.machine_close(self._handle)
            self._handle = None

    @property
    def _open(self) -> int:
        if self._handle is None:
            raise SimulatorError("the device is closed; open a new one")
        return self._handle

    def _check_bus(self, verb: str, offset: int, response: int) -> None:
        if response:
            what = "no answer" if response < 0 else f"response {response}"
            raise SimulationError(f"{verb} of the register at {offset:#x}: {what} on the bus")

    def _raise_protocol(self, when: str) -> None:
        text = self._library.machine_error(self._open).decode() or "the registers do not answer"
        raise SimulationError(f"the hardware broke a protocol {when}: {text}")


def _require_settings(
    config: Config, memory_bytes: int, latency_cycles: int, stall_probability: float
) -> None:
    if memory_bytes % config.bus_bytes:
        raise SimulatorError(
            f"memory_bytes must be a multiple of bus_bytes = {config.bus_bytes}, not {memory_bytes}"
        )
    if latency_cycles < 1:
        raise SimulatorError(f"latency_cycles must be at least 1, not {latency_cycles}")
    if not 0 <= stall_probability < 1:
        raise SimulatorError(
            f"stall_probability must be at least 0 and below 1, not {stall_probability}"
        )
