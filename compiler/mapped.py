"""Bytes of files that are read where they lie, and let go of before nobody needs them.

A mapped page counts as memory in use from its first access on, although the system could read it
again any time.
"""

from mmap import ACCESS_READ, MADV_DONTNEED, PAGESIZE, mmap
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["let_go", "map_file"]


def map_file(path: str | PathLike[str]) -> memoryview:
    """Return the bytes of a file, which must stay as it is for as long as they are used.

    Raises
    ------
    OSError
        There is no such file, or it cannot be read or mapped.
    ValueError
        It is empty.
    """
    with open(path, "rb") as file:
        return memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))


def let_go(array: npt.NDArray[Any]) -> None:
    """Give back the memory of an array that lies in a mapped file, until it is read again.

    Of any other array nothing changes.
    """
    found: Any = array
    while isinstance(found, np.ndarray) and found.base is not None:
        found = found.base
    if not isinstance(found, memoryview) or not isinstance(found.obj, mmap):
        return
    begin = np.frombuffer(found.obj, np.uint8).ctypes.data
    low, high = (address - begin for address in np.lib.array_utils.byte_bounds(array))
    first = low // PAGESIZE * PAGESIZE
    found.obj.madvise(MADV_DONTNEED, first, high - first)
