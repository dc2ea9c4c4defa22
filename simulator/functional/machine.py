"""The functional machine: a device that executes instructions in program order, without time."""

from functools import lru_cache
from typing import NamedTuple

from isa.assembler import format_instruction
from isa.config import Config
from isa.errors import DecodeError
from isa.instructions import INSTRUCTION_BYTES, Engine, Opcode, instruction_set
from isa.program import Instruction
from isa.registers import Cause, Status

from ..errors import SimulationError
from ..memory import DEFAULT_MEMORY_BYTES, Data, Memory
from .load import Load
from .matrix import matrix
from .registers import Registers
from .scratchpads import Scratchpads
from .store import store
from .transfer import Bus, FaultError
from .vector import vector

__all__ = ["FunctionalMachine"]


class FunctionalMachine:
    """A device that answers as the hardware does, but has no clock.

    A program runs in `wait`, one instruction after the other. Register for register it looks like
    the hardware, with these differences:

    * Counters of cycles read zero. `read_bytes` counts the loads and the instructions up to END;
      the hardware's fetch reads ahead up to program_length, so there it is larger when END is not
      the last instruction.
    * An instruction that waits for a token that no earlier instruction gave stops the machine with
      Cause.WATCHDOG at once, whatever the watchdog register holds.
    * An address outside a scratchpad raises SimulationError, where the hardware's address wraps.

    Parameters
    ----------
    config : Config
    memory_bytes : int, size of the DRAM

    Attributes
    ----------
    config : Config
    name : str
    memory_bytes : int
    scratchpads : Scratchpads, contents of the on-chip memories, for tests
    """

    name = "functional"

    def __init__(self, config: Config, memory_bytes: int = DEFAULT_MEMORY_BYTES) -> None:
        self.config = config
        self.memory_bytes = memory_bytes
        self.scratchpads = Scratchpads.create(config)
        self._memory = Memory(memory_bytes)
        self._registers = Registers(config)

    def read(self, address: int, size: int) -> bytes:
        """Return `size` bytes of DRAM from `address`."""
        return self._memory.read(address, size)

    def write(self, address: int, data: Data) -> None:
        """Copy `data` to DRAM at `address`."""
        self._memory.write(address, data)

    def read_register(self, offset: int) -> int:
        """Return the 32-bit register at `offset`."""
        return self._registers.read(offset)

    def write_register(self, offset: int, value: int) -> None:
        """Write the 32-bit register at `offset`; START lets the next `wait` run the program."""
        self._registers.write(offset, value)

    def wait(self, timeout_cycles: int | None = None) -> None:
        """Run the program to its end, if one was started.

        Parameters
        ----------
        timeout_cycles : int or None, without meaning here: there are no cycles

        Raises
        ------
        SimulationError
            An instruction uses an address outside a scratchpad. The machine has then stopped with
            Cause.STOPPED and works again.
        """
        if self._registers.status & Status.RUNNING:
            _Run(self.config, self.scratchpads, self._memory, self._registers).run()

    def close(self) -> None:
        """Release nothing: the memory goes with the object."""


class _Run:
    """One program from start to stop."""

    def __init__(
        self, config: Config, scratchpads: Scratchpads, memory: Memory, registers: Registers
    ) -> None:
        self._config = config
        self._scratchpads = scratchpads
        self._registers = registers
        self._bus = Bus(config, memory, registers.windows())
        # tokens[giver][taker]
        self._tokens = [[0] * len(Engine) for _ in Engine]

    def run(self) -> None:
        """Execute until END or an error."""
        registers = self._registers
        base, length = registers.value("program_address"), registers.value("program_length")
        index, engine = 0, Engine.LOAD
        try:
            if length and base >> self._config.address_bits:
                raise FaultError(Cause.WINDOW_FAULT)
            while True:
                if index >= length:
                    raise FaultError(Cause.PROGRAM_CUT_SHORT)
                engine = Engine.LOAD
                step = self._fetch(base + INSTRUCTION_BYTES * index)
                if step.instruction.opcode == Opcode.END:
                    break
                engine = step.engine
                self._execute(index, step)
                index += 1
            registers.finish()
        except FaultError as fault:
            registers.fail(fault.cause, engine, index)
        except SimulationError:
            registers.fail(Cause.STOPPED, engine, index)
            raise
        finally:
            registers.count("instructions", index)
            registers.count("read_bytes", self._bus.read_bytes)
            registers.count("write_bytes", self._bus.write_bytes)

    def _fetch(self, address: int) -> "_Step":
        word = self._bus.fetch(address, INSTRUCTION_BYTES)
        try:
            return _decode(self._config, word)
        except DecodeError:
            raise FaultError(Cause.ILLEGAL_INSTRUCTION) from None

    def _execute(self, index: int, step: "_Step") -> None:
        tokens, engine = self._tokens, step.engine
        for other in step.waits:
            if not tokens[other][engine]:
                raise FaultError(Cause.WATCHDOG)
            tokens[other][engine] -= 1
        opcode, fields = step.instruction.opcode, step.instruction.fields
        try:
            if step.load is not None:
                step.load.execute(self._scratchpads, self._bus)
            elif opcode == Opcode.MATRIX:
                matrix(fields, self._scratchpads)
            elif opcode == Opcode.VECTOR:
                vector(fields, self._scratchpads)
            elif opcode == Opcode.STORE:
                store(fields, self._scratchpads, self._bus)
        except SimulationError as error:
            text = format_instruction(self._config, step.instruction)
            raise SimulationError(f"instruction {index}: {error}: {text}") from None
        for other in step.signals:
            tokens[engine][other] += 1


class _Step(NamedTuple):
    """An instruction, its engine, the engines it waits for and signals; ready to run if a load."""

    instruction: Instruction
    engine: Engine
    waits: tuple[Engine, ...]
    signals: tuple[Engine, ...]
    load: Load | None = None


@lru_cache(maxsize=1 << 16)
def _decode(config: Config, word: bytes) -> _Step:
    instruction = Instruction(*instruction_set(config).decode(int.from_bytes(word, "little")))
    opcode, fields = instruction.opcode, instruction.fields
    if opcode == Opcode.END:
        return _Step(instruction, Engine.LOAD, (), ())
    engine = Engine(fields["engine"] if opcode == Opcode.SYNC else opcode)
    waits, signals = (
        tuple(other for other in Engine if fields[name] >> other & 1) for name in ("wait", "signal")
    )
    load = Load(config, fields) if opcode == Opcode.LOAD else None
    return _Step(instruction, engine, waits, signals, load)
