"""The constants of a host program: one block of memory, each value once."""

import hashlib

import numpy as np

from isa.host import ALIGNMENT

from .graph import Tensor

__all__ = ["ConstantBlock"]


class ConstantBlock:
    """A block in the making."""

    def __init__(self) -> None:
        self._size = 0
        self._offsets: dict[bytes, int] = {}
        self._tensors: list[tuple[Tensor, int]] = []

    def place(self, tensor: Tensor) -> int:
        """Return where the value of `tensor` will lie."""
        data = np.ascontiguousarray(tensor.constant)
        tensor.constant = data
        digest = hashlib.sha256(data.reshape(-1).view(np.uint8).data).digest()
        if digest not in self._offsets:
            self._offsets[digest] = self._size
            self._size += data.nbytes + -data.nbytes % ALIGNMENT
        self._tensors.append((tensor, self._offsets[digest]))
        return self._offsets[digest]

    def collect(self) -> memoryview:
        """Return the block, aligned; the tensors' values lie in it from now on."""
        memory = np.zeros(self._size + ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
        block = memory[start : start + self._size]
        # The last first, so that memory goes back from its end on.
        for tensor, offset in reversed(self._tensors):
            data = tensor.constant
            assert data is not None
            part = block[offset : offset + data.nbytes]
            part[:] = data.reshape(-1).view(np.uint8)
            # Its own memory is let go of: weights are the largest part of what a compiler holds.
            tensor.constant = part.view(data.dtype).reshape(data.shape)
        block.flags.writeable = False
        return block.data
