"""Kernels: loop nests as values, each of which writes one LLVM function.

A kernel is a frozen dataclass; equal kernels are one function. Its first pointer is the target.
"""

from .border import Border
from .contraction import Contraction
from .copy import Copy, Gather
from .depthwise import Depthwise
from .depthwise_dot import DepthwiseDot
from .dot import Dot
from .elementwise import Elementwise
from .interleave import Interleave
from .kernel import Kernel
from .normalization import Normalization
from .pool import Pool
from .reduction import Reduction, Search
from .softmax import QuantizedSoftmax, Softmax
from .transpose import Transpose

__all__ = [
    "Border",
    "Contraction",
    "Copy",
    "Depthwise",
    "DepthwiseDot",
    "Dot",
    "Elementwise",
    "Gather",
    "Interleave",
    "Kernel",
    "Normalization",
    "Pool",
    "QuantizedSoftmax",
    "Reduction",
    "Search",
    "Softmax",
    "Transpose",
]
