"""The functional machine's registers: what the host writes and what it reads back."""

from functools import lru_cache

from isa.config import Config
from isa.instructions import INSTRUCTION_BYTES, Engine
from isa.registers import (
    COUNTERS,
    IDENTITY,
    VERSION,
    Access,
    Cause,
    Control,
    Features,
    Interrupt,
    Status,
    register_map,
)

from ..registers import offsets, require_register
from .transfer import READ, WRITE, Window

__all__ = ["Registers"]

_MASK = 0xFFFFFFFF


class Registers:
    """The register file.

    Parameters
    ----------
    config : Config

    Attributes
    ----------
    status : Status
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._words = dict.fromkeys(offsets(config), 0)
        self.status = Status(0)
        self._set("identity", IDENTITY)
        self._set("version", VERSION)
        self._set("features", Features.TABLES if config.tables else 0)
        self._set("digest", config.digest)

    def read(self, offset: int) -> int:
        """Return the 32-bit word at `offset`."""
        require_register(self._config, offset)
        if offset == register_map(self._config)["status"].offset:
            return int(self.status)
        return self._words[offset]

    def write(self, offset: int, value: int) -> None:
        """Write the 32-bit word at `offset`; a read-only register keeps its value."""
        access = require_register(self._config, offset)
        table = register_map(self._config)
        if access == Access.READ_WRITE:
            self._words[offset] = value & _existing_bits(self._config)[offset]
        elif offset == table["interrupt_status"].offset:
            self._words[offset] &= ~value & _MASK
        elif offset == table["control"].offset:
            self._command(Control(value & (Control.START | Control.STOP)))

    def value(self, name: str) -> int:
        """Return the register `name`, all of its words."""
        register = register_map(self._config)[name]
        words = [self._words[register.offset + 4 * word] for word in range(register.words)]
        return sum(word << 32 * index for index, word in enumerate(words))

    def windows(self) -> list[Window]:
        """Return the windows that are open."""
        names = [f"window{index}" for index in range(self._config.windows)]
        windows = [
            Window(*(self.value(f"{name}_{part}") for part in ("address", "bytes", "access")))
            for name in names
        ]
        return [window for window in windows if window.size]

    def count(self, name: str, value: int) -> None:
        """Set a counter."""
        self._set(name, value)

    def finish(self) -> None:
        """Stop running: the program is done."""
        self.status = Status.DONE
        self._raise_interrupt(Interrupt.DONE)

    def fail(self, cause: Cause, engine: Engine, instruction: int) -> None:
        """Stop running with an error."""
        self.status = Status.ERROR
        self._set("error_cause", cause | engine << 8)
        self._set("error_instruction", instruction)
        self._raise_interrupt(Interrupt.ERROR)

    def _command(self, command: Control) -> None:
        running = bool(self.status & Status.RUNNING)
        if command & Control.STOP and running:
            self.fail(Cause.STOPPED, Engine.LOAD, 0)
        elif command & Control.START and not running:
            self.status = Status.RUNNING
            self._set("error_cause", 0)
            self._set("error_instruction", 0)
            for counter in COUNTERS:
                self._set(counter.name, 0)

    def _raise_interrupt(self, interrupt: Interrupt) -> None:
        self._set("interrupt_status", self.value("interrupt_status") | interrupt)

    def _set(self, name: str, value: int) -> None:
        register = register_map(self._config)[name]
        for word in range(register.words):
            self._words[register.offset + 4 * word] = value >> 32 * word & _MASK


@lru_cache
def _existing_bits(config: Config) -> dict[int, int]:
    """Return the bits of each register word that the machine has; the others read as zero."""
    table = register_map(config)
    bits = dict.fromkeys(offsets(config), _MASK)
    bits[table["program_address"].offset] = _MASK - (INSTRUCTION_BYTES - 1)
    bits[table["interrupt_enable"].offset] = Interrupt.DONE | Interrupt.ERROR
    for index in range(config.windows):
        bits[table[f"window{index}_access"].offset] = READ | WRITE
    return bits
