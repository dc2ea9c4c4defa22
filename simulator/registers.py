"""Register offsets as the host uses them, checked; shared by every simulated device."""

from functools import lru_cache

from isa.config import Config
from isa.registers import Access, register_map

from .errors import AddressError

__all__ = ["offsets", "require_register"]


@lru_cache
def offsets(config: Config) -> dict[int, Access]:
    """Return the offset of every 32-bit register word and what a write to it does."""
    return {
        register.offset + 4 * word: register.access
        for register in register_map(config).registers
        for word in range(register.words)
    }


def require_register(config: Config, offset: int) -> Access:
    """Return what a write to the register at `offset` does.

    Raises
    ------
    AddressError
        There is no register at `offset`.
    """
    access = offsets(config).get(offset)
    if access is None:
        raise AddressError(f"there is no register at offset {offset:#x}; see isa.registers")
    return access
