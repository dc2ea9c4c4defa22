"""The DRAM of a simulated device: bytes from address 0, every access checked."""

import numpy as np
import numpy.typing as npt

from .errors import AddressError

__all__ = ["DEFAULT_MEMORY_BYTES", "Bytes", "Data", "Memory"]

DEFAULT_MEMORY_BYTES = 64 << 20

Bytes = npt.NDArray[np.uint8]
Data = bytes | bytearray | memoryview | npt.NDArray[np.generic]


class Memory:
    """DRAM of a device.

    Parameters
    ----------
    size : int, bytes

    Attributes
    ----------
    bytes : uint8[size], zero at first; the page is taken from the host when it is first written
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise AddressError(f"memory_bytes must be at least 1, not {size}")
        self.bytes: Bytes = np.zeros(size, np.uint8)

    def __len__(self) -> int:
        """Return the size in bytes."""
        return self.bytes.size

    def read(self, address: int, size: int) -> bytes:
        """Return `size` bytes from `address`.

        Raises
        ------
        AddressError
            The range is not inside the memory.
        """
        self._check("read", address, size)
        return self.bytes[address : address + size].tobytes()

    def write(self, address: int, data: Data) -> None:
        """Copy `data`, an array in row-major order, to `address`.

        Raises
        ------
        AddressError
            The range is not inside the memory.
        """
        if isinstance(data, np.ndarray):
            source: Bytes = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
        else:
            source = np.frombuffer(data, np.uint8)
        self._check("write", address, source.size)
        self.bytes[address : address + source.size] = source

    def _check(self, verb: str, address: int, size: int) -> None:
        if address < 0 or size < 0 or address + size > self.bytes.size:
            raise AddressError(
                f"DRAM {verb} of {size} bytes at {address:#x} must lie in 0x0..{len(self):#x}; "
                "open the device with a larger memory_bytes"
            )
