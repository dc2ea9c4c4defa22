"""The AXI4-Lite register map, the causes of an error stop and the counters, as rows."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import lru_cache

from .config import Config
from .instructions import Engine

__all__ = [
    "COUNTERS",
    "IDENTITY",
    "VERSION",
    "Access",
    "Cause",
    "Control",
    "Counter",
    "Features",
    "Interrupt",
    "Register",
    "RegisterMap",
    "Status",
    "register_map",
]

# "TWR1" in ASCII, read as a little-endian word.
IDENTITY = int.from_bytes(b"TWR1", "little")
# Version of the instruction encoding and the register map: major, minor.
VERSION = (1 << 16) | 0
_COUNTER_BASE = 0x200
_WINDOW_BASE = 0x80


class Access(IntEnum):
    """What a write to a register does."""

    READ_ONLY = 0
    READ_WRITE = 1
    WRITE_ONE = 2


class Control(IntFlag):
    """Bits of `control`; each acts when one is written and reads as zero."""

    START = 1
    STOP = 2


class Status(IntFlag):
    """Bits of `status`."""

    RUNNING = 1
    DONE = 2
    ERROR = 4


class Interrupt(IntFlag):
    """Bits of `interrupt_enable` and `interrupt_status`."""

    DONE = 1
    ERROR = 2


class Features(IntFlag):
    """Bits of `features`: the optional parts that a machine has."""

    TABLES = 1


class Cause(IntEnum):
    """Why a machine stopped with an error."""

    NONE = 0
    ILLEGAL_INSTRUCTION = 1
    WINDOW_FAULT = 2
    BUS_ERROR = 3
    WATCHDOG = 4
    PROGRAM_CUT_SHORT = 5
    STOPPED = 6


@dataclass(frozen=True)
class Register:
    """One 32-bit register, or a pair of them that holds 64 bits, low word first.

    Attributes
    ----------
    name : str
    offset : int, bytes
    access : Access
    meaning : str
    words : int, 1 or 2
    """

    name: str
    offset: int
    access: Access
    meaning: str
    words: int = 1


@dataclass(frozen=True)
class Counter:
    """One 64-bit counter, cleared at start; it stops at its largest value.

    Attributes
    ----------
    name : str
    meaning : str
    """

    name: str
    meaning: str


def _counters() -> tuple[Counter, ...]:
    rows = [
        Counter("cycles", "cycles from start to the end of the program"),
        Counter("instructions", "instructions finished"),
        Counter("read_bytes", "bytes read from DRAM, whole bus beats"),
        Counter("write_bytes", "bytes written to DRAM, enabled byte lanes only"),
    ]
    for engine in Engine:
        name = engine.name.lower()
        rows.append(Counter(f"{name}_busy", f"cycles in which {name} executes an instruction"))
        rows.append(
            Counter(f"{name}_stalled", "of these, cycles in which it waits for a memory or the bus")
        )
        rows += [
            Counter(
                f"{name}_waits_{other.name.lower()}",
                f"cycles in which {name} has an instruction that waits for {other.name.lower()}",
            )
            for other in Engine
            if other != engine
        ]
    return tuple(rows)


COUNTERS = _counters()


@dataclass(frozen=True)
class RegisterMap:
    """The registers of one configuration.

    Attributes
    ----------
    registers : tuple of Register, by offset
    address_bits : int, width of the register bus's address
    """

    registers: tuple[Register, ...]
    address_bits: int

    def __getitem__(self, name: str) -> Register:
        """Return the register `name`."""
        for register in self.registers:
            if register.name == name:
                return register
        raise KeyError(name)


@lru_cache
def register_map(config: Config) -> RegisterMap:
    """Return the register map of `config`."""
    ro, rw, w1 = Access.READ_ONLY, Access.READ_WRITE, Access.WRITE_ONE
    rows = [
        Register("identity", 0x00, ro, f"{IDENTITY:#010x}: this is the machine"),
        Register("version", 0x04, ro, "encoding version: major in bits 31..16, minor below"),
        Register("features", 0x08, ro, "optional parts: bit 0 tables"),
        Register("digest", 0x0C, ro, "digest of the configuration"),
        Register("control", 0x10, w1, "bit 0 starts a program, bit 1 stops it"),
        Register("status", 0x14, ro, "bit 0 running, bit 1 done, bit 2 error"),
        Register("error_cause", 0x18, ro, "Cause in bits 7..0, Engine in bits 15..8"),
        Register("error_instruction", 0x1C, ro, "index of the instruction that failed"),
        Register("interrupt_enable", 0x20, rw, "bit 0 done, bit 1 error"),
        Register("interrupt_status", 0x24, w1, "bit 0 done, bit 1 error; one clears"),
        Register("program_address", 0x28, rw, "DRAM address of the program, 64-byte aligned", 2),
        Register("program_length", 0x30, rw, "instructions of the program"),
        Register("watchdog", 0x34, rw, "most cycles without an instruction finished; 0: any"),
    ]
    for index in range(config.windows):
        base, name = _WINDOW_BASE + 0x10 * index, f"window{index}"
        rows += [
            Register(f"{name}_address", base, rw, "first DRAM address of the window", 2),
            Register(f"{name}_bytes", base + 8, rw, "size of the window; 0 closes it"),
            Register(f"{name}_access", base + 12, rw, "bit 0 may be read, bit 1 may be written"),
        ]
    rows += [
        Register(counter.name, _COUNTER_BASE + 8 * index, ro, counter.meaning, 2)
        for index, counter in enumerate(COUNTERS)
    ]
    return RegisterMap(tuple(rows), 10)
