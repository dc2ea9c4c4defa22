"""Kernels: loop nests as values, each of which writes one LLVM function.

A kernel is a frozen dataclass; equal kernels are one function. Its first pointer is the target.
"""

from typing import Protocol

from ..builder import Builder
from .contraction import Contraction, Dot
from .copy import Copy, Gather
from .depthwise import Depthwise
from .elementwise import Elementwise
from .pool import Pool
from .reduction import Reduction, Search
from .softmax import QuantizedSoftmax, Softmax

__all__ = [
    "Contraction",
    "Copy",
    "Depthwise",
    "Dot",
    "Elementwise",
    "Gather",
    "Kernel",
    "Pool",
    "QuantizedSoftmax",
    "Reduction",
    "Search",
    "Softmax",
]


class Kernel(Protocol):
    """What can write its own function."""

    def emit(self, build: Builder, pointers: list[str]) -> None:
        """Write the function's body; `pointers` are its arguments, the target first."""

    def __hash__(self) -> int: ...
