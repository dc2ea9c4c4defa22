"""Reads and writes a machine's registers by name, and checks that it is the machine expected."""

from dataclasses import dataclass

from isa.config import Config
from isa.registers import COUNTERS, IDENTITY, VERSION, Features, register_map

from .errors import ImageMismatch
from .machine import Machine

__all__ = ["Registers", "check_config", "check_machine"]

_WORD = 32


@dataclass(frozen=True)
class Registers:
    """The registers of `machine`, by name; pairs as one 64-bit number."""

    machine: Machine

    def __getitem__(self, name: str) -> int:
        register = register_map(self.machine.config)[name]
        value = 0
        for word in range(register.words):
            value |= self.machine.read_register(register.offset + 4 * word) << (_WORD * word)
        return value

    def __setitem__(self, name: str, value: int) -> None:
        register = register_map(self.machine.config)[name]
        for word in range(register.words):
            part = value >> (_WORD * word) & 0xFFFF_FFFF
            self.machine.write_register(register.offset + 4 * word, part)

    def counters(self) -> dict[str, int]:
        """Return every counter by name."""
        return {counter.name: self[counter.name] for counter in COUNTERS}


def check_machine(machine: Machine, config: Config) -> None:
    """Check that `machine` runs programs of `config`.

    Raises
    ------
    ImageMismatch
        Naming the first register that differs, or the first field of the configuration.
    """
    registers = Registers(machine)
    features = Features.TABLES if config.tables else Features(0)
    for name, expected in (("identity", IDENTITY), ("version", VERSION)):
        if registers[name] != expected:
            raise ImageMismatch(
                f"register {name} of {machine.name} must be {expected:#010x}, "
                f"not {registers[name]:#010x}"
            )
    check_config(f"the device {machine.name}", machine.config, config)
    for name, expected in (("features", int(features)), ("digest", config.digest)):
        if registers[name] != expected:
            raise ImageMismatch(
                f"register {name} of {machine.name} must be {expected:#010x}, "
                f"not {registers[name]:#010x}; build the machine again"
            )


def check_config(place: str, ours: Config, image: Config) -> None:
    """Check that an image's configuration is the one of `place`.

    Raises
    ------
    ImageMismatch
        Naming the first field that differs.
    """
    for name in Config.__dataclass_fields__:
        expected, found = getattr(ours, name), getattr(image, name)
        if name != "name" and expected != found:
            raise ImageMismatch(
                f"the image is for configuration {image.name}, {place} has {ours.name}: "
                f"{name} must be {expected}, not {found}; compile with --config {ours.name}"
            )
