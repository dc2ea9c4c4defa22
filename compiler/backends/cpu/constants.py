"""The constants of a host program: one block of memory, each value once."""

import hashlib
from math import prod

import numpy as np

from isa.host import ALIGNMENT

from .builder import element_bytes
from .graph import Tensor

__all__ = ["ConstantBlock"]


class ConstantBlock:
    """A block in the making: where values lie is known long before they are written there."""

    def __init__(self) -> None:
        self._size = 0
        self._offsets: dict[bytes, int] = {}
        self._tensors: list[tuple[Tensor, int]] = []

    def place(self, tensor: Tensor) -> int:
        """Return where the value of `tensor` will lie."""
        if tensor.make is not None:
            offset = self._add(prod(tensor.shape) * element_bytes(tensor.dtype))
        else:
            data = np.ascontiguousarray(tensor.constant)
            tensor.constant = data
            digest = hashlib.sha256(data.reshape(-1).view(np.uint8).data).digest()
            if digest not in self._offsets:
                self._offsets[digest] = self._add(data.nbytes)
            offset = self._offsets[digest]
        self._tensors.append((tensor, offset))
        return offset

    def collect(self) -> memoryview:
        """Return the block, read-only and aligned; the tensors' values lie in it from now on."""
        memory = np.zeros(self._size + ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
        block = memory[start : start + self._size]
        # The last first, so that memory goes back from its end on.
        for tensor, offset in reversed(self._tensors):
            size_bytes = prod(tensor.shape) * element_bytes(tensor.dtype)
            part = block[offset : offset + size_bytes].view(tensor.dtype).reshape(tensor.shape)
            if tensor.make is not None:
                tensor.make(part)
            else:
                part[...] = tensor.constant
            # What it was made of is let go of: weights are the largest part of what a compiler
            # holds.
            tensor.constant, tensor.make = part, None
        block.flags.writeable = False
        return block.data

    def _add(self, size_bytes: int) -> int:
        """Return where the next value will lie."""
        offset = self._size
        self._size += size_bytes + -size_bytes % ALIGNMENT
        return offset
