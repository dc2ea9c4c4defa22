"""Runs a program on the hardware and on its simulator, and tells where they differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from isa.config import Config
from isa.instructions import Memory, Opcode
from isa.program import Instruction, Program
from isa.registers import Cause, Control, Status, register_map

from ..errors import SimulationError, SimulationTimeout
from ..functional import FunctionalMachine
from ..memory import Data
from ..verilator import VerilatorMachine
from .instructions import Sizes, random_dram
from .ordering import order
from .readback import Readback, readback

__all__ = ["MOST_INSTRUCTIONS", "Lockstep", "Machine"]

_COUNTERS = ("instructions", "read_bytes", "write_bytes")
_READ_WRITE = 3
_PROGRAM = 0
_SIZES = Sizes(param_start=1 << 16, dram_start=1 << 17, dram_bytes=1 << 18)
# With END, as many as lie before the data.
MOST_INSTRUCTIONS = _SIZES.param_start // 64 - 1
_WATCHDOG_CYCLES = 100_000
_TIMEOUT_CYCLES = 50_000_000
_STALL_PROBABILITY = 0.15


class Machine(Protocol):
    """What is needed of a device."""

    config: Config

    def read(self, address: int, size: int) -> bytes:
        """Return bytes of DRAM."""

    def write(self, address: int, data: Data) -> None:
        """Copy bytes to DRAM."""

    def read_register(self, offset: int) -> int:
        """Return a register."""

    def write_register(self, offset: int, value: int) -> None:
        """Write a register."""

    def wait(self, timeout_cycles: int | None = None) -> None:
        """Run until the program stops."""

    def close(self) -> None:
        """Free the device."""


@dataclass(frozen=True)
class Lockstep:
    """Two machines of one configuration that should do the same.

    Every run begins anew: fresh machines, DRAM of random bytes, all of act, weight, param and
    tables filled from it. So a seed and a program say all.

    Attributes
    ----------
    config : Config
    open : function (config, memory_bytes, seed) that returns the machine under test; None opens
        the Verilated hardware with random stalls of its memory
    """

    config: Config
    open: Callable[[Config, int, int], Machine] | None = None

    @property
    def sizes(self) -> Sizes:
        """Where the data of random programs lie in DRAM."""
        return _SIZES

    def difference(self, program: Program, seed: int) -> str | None:
        """Return what differs after `program`, in one sentence, or None.

        Parameters
        ----------
        seed : int, of DRAM's content and of the stalls

        Raises
        ------
        SimulationError
            The program is not legal: it leaves a scratchpad.
        """
        reader = _readback(self.config)
        end = reader.output_address + reader.output_bytes
        memory_bytes = 1 << (end - 1).bit_length()
        dram = random_dram(np.random.default_rng(seed), _SIZES)
        parts = (dram, _filling(self.config), program, reader)
        expected = _run(FunctionalMachine(self.config, memory_bytes), *parts)
        machine = (self.open or _open_hardware)(self.config, memory_bytes, seed)
        try:
            found = _run(machine, *parts)
        except (SimulationError, SimulationTimeout) as error:
            return str(error)
        finally:
            machine.close()
        for right, ours, what in zip(expected, found, _WHAT, strict=True):
            if right != ours:
                return _describe(what, right, ours)
        return None


_WHAT = ("status", *_COUNTERS, "DRAM", "scratchpads")


def _open_hardware(config: Config, memory_bytes: int, seed: int) -> Machine:
    return VerilatorMachine(
        config, memory_bytes, stall_probability=_STALL_PROBABILITY, seed=seed + 1
    )


def _run(
    machine: Machine, dram: Data, filling: Program, program: Program, reader: Readback
) -> Sequence[object]:
    """Return what can be seen of a machine after the program, in the order of _WHAT."""
    machine.write(0, dram)
    state: list[object] = []
    for part in (filling, program):
        _start(machine, part)
        status, error = (_register(machine, name) for name in ("status", "error_cause"))
        state = [(Status(status).name, Cause(error & 0xFF).name, error >> 8)]
        if status != Status.DONE:
            return [*state, *[None] * (len(_WHAT) - 1)]
    state += [_register(machine, name) for name in _COUNTERS]
    state.append(machine.read(_SIZES.param_start, _SIZES.dram_bytes - _SIZES.param_start))
    machine.write(reader.address, reader.constants)
    _start(machine, reader.program)
    state.append(machine.read(reader.output_address, reader.output_bytes))
    return state


def _start(machine: Machine, program: Program) -> None:
    machine.write(_PROGRAM, program.words)
    settings = {
        "window0_address": 0,
        "window0_bytes": 1 << min(31, machine.config.address_bits),
        "window0_access": _READ_WRITE,
        "program_address": _PROGRAM,
        "program_length": len(program),
        "watchdog": _WATCHDOG_CYCLES,
        "control": Control.START,
    }
    registers = register_map(machine.config)
    for name, value in settings.items():
        machine.write_register(registers[name].offset, int(value))
    machine.wait(_TIMEOUT_CYCLES)


def _register(machine: Machine, name: str) -> int:
    return machine.read_register(register_map(machine.config)[name].offset)


@lru_cache
def _readback(config: Config) -> Readback:
    return readback(config, _SIZES.dram_bytes)


@lru_cache
def _filling(config: Config) -> Program:
    """Return a program that loads random bytes everywhere, into param those that are legal."""
    data = (_SIZES.dram_start, _SIZES.dram_bytes)
    rows = [
        (Memory.ACT, config.act_words, config.act_word_bytes, data),
        (Memory.WEIGHT, config.weight_tiles, config.tile_bytes, data),
        (Memory.PARAM, config.param_words, config.param_word_bytes, (_SIZES.param_start, data[0])),
        (Memory.TABLE, config.tables, config.table_bytes, data),
    ]
    instructions = []
    for memory, words, word_bytes, (start, end) in rows:
        step = (end - start) // word_bytes
        for word in range(0, words, step):
            fields = {"memory": memory, "destination": word, "address": start}
            fields["x_bytes"] = min(step, words - word) * word_bytes
            instructions.append(Instruction(Opcode.LOAD, fields))
    ordered = order(np.random.default_rng(0), config, instructions, extra=0)
    return Program.encode(config, [*ordered, Instruction(Opcode.END)])


def _describe(what: str, expected: object, found: object) -> str:
    """Return how two values differ; of bytes, where first and how many."""
    if not (isinstance(expected, bytes) and isinstance(found, bytes)):
        return f"{what} must be {expected}, not {found}"
    wrong = np.flatnonzero(np.frombuffer(expected, np.uint8) != np.frombuffer(found, np.uint8))
    first = int(wrong[0])
    place = first + _SIZES.param_start if what == "DRAM" else first
    return (
        f"{what} differs in {wrong.size} bytes, the first at {place:#x}: "
        f"must be {expected[first]:#04x}, not {found[first]:#04x}"
    )
