"""The functional machine: a device that executes instructions in program order, without time."""

from isa.assembler import format_instruction
from isa.config import Config
from isa.errors import DecodeError
from isa.instructions import INSTRUCTION_BYTES, Engine, Opcode
from isa.registers import Cause, Status

from ..errors import SimulationError
from ..memory import DEFAULT_MEMORY_BYTES, Data, Memory
from .programs import KnownProgram, Programs
from .registers import Registers
from .scratchpads import Scratchpads
from .step import Step, decode_word
from .store import Store
from .transfer import READ, Bus, FaultError
from .work import Work, prepare

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

    What follows from a program's words alone is found once: `Programs` says how much is kept.

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
        self._programs = Programs(config)

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
            bus = Bus(self.config, self._memory, self._registers.windows())
            _Run(self.config, self.scratchpads, bus, self._registers, self._programs).run()

    def close(self) -> None:
        """Release nothing: the memory goes with the object."""


class _Run:
    """One program from start to stop."""

    def __init__(
        self,
        config: Config,
        scratchpads: Scratchpads,
        bus: Bus,
        registers: Registers,
        programs: Programs,
    ) -> None:
        self._config = config
        self._scratchpads = scratchpads
        self._registers = registers
        self._bus = bus
        self._base = registers.value("program_address")
        self._end = self._base + INSTRUCTION_BYTES * registers.value("program_length")
        self._known = self._whole_program(programs)
        # tokens[giver][taker]
        self._tokens = [[0] * len(Engine) for _ in Engine]

    def run(self) -> None:
        """Execute until END or an error."""
        registers = self._registers
        length = registers.value("program_length")
        index, engine = 0, Engine.LOAD
        try:
            if length and self._base >> self._config.address_bits:
                raise FaultError(Cause.WINDOW_FAULT)
            while True:
                if index >= length:
                    raise FaultError(Cause.PROGRAM_CUT_SHORT)
                engine = Engine.LOAD
                step = self._fetch(index)
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

    def _whole_program(self, programs: Programs) -> KnownProgram | None:
        """Return the program as it now lies in DRAM, if it can be read and decoded as a whole."""
        base, end = self._base, self._end
        if base >= end or end >> self._config.address_bits:
            return None
        if not self._bus.holds(base, end, READ):
            return None
        return programs.find(self._bus.memory.read(base, end - base))

    def _fetch(self, index: int) -> Step:
        if self._known is not None:
            self._bus.read_bytes += INSTRUCTION_BYTES
            return self._known.steps[index]
        word = self._bus.fetch(self._base + INSTRUCTION_BYTES * index, INSTRUCTION_BYTES)
        try:
            return decode_word(self._config, word)
        except DecodeError:
            raise FaultError(Cause.ILLEGAL_INSTRUCTION) from None

    def _execute(self, index: int, step: Step) -> None:
        tokens, engine = self._tokens, step.engine
        for other in step.waits:
            if not tokens[other][engine]:
                raise FaultError(Cause.WATCHDOG)
            tokens[other][engine] -= 1
        try:
            work = self._work(index, step)
            if work is not None:
                work.execute(self._bus)
        except SimulationError as error:
            text = format_instruction(self._config, step.instruction)
            raise SimulationError(f"instruction {index}: {error}: {text}") from None
        if isinstance(work, Store) and work.writes(self._base, self._end):
            # What follows may have changed: from here on word by word.
            self._known = None
        for other in step.signals:
            tokens[engine][other] += 1

    def _work(self, index: int, step: Step) -> Work | None:
        """Return what the instruction does, made ready at its first execution."""
        known = self._known
        if known is None:
            return prepare(self._config, step.instruction, self._scratchpads)
        work = known.works[index]
        if work is None:
            work = prepare(self._config, step.instruction, self._scratchpads)
            known.works[index] = work
        return work
