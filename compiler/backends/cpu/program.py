"""What the host program does: kernel calls and region calls, over tensors in memory."""

from dataclasses import dataclass

from .graph import Tensor
from .kernels import Kernel

__all__ = ["KernelCall", "Operation", "Program", "RegionCall"]


@dataclass(frozen=True, eq=False, slots=True)
class KernelCall:
    """A call of a kernel.

    Attributes
    ----------
    kernel : Kernel
    target : Tensor
        What it writes; it does not overlap what it reads.
    reads : tuple of Tensor
    others : tuple of Tensor
        What it writes beside the target. A kernel's pointers are target, others, reads.
    """

    kernel: Kernel
    target: Tensor
    reads: tuple[Tensor, ...]
    others: tuple[Tensor, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class RegionCall:
    """A call of an accelerator's region."""

    region: int
    reads: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]


Operation = KernelCall | RegionCall


@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """Operations in order.

    Attributes
    ----------
    inputs, outputs : tuple of Tensor
        The parameters and the results of the program. Every output is a tensor of its own that
        an operation writes.
    operations : tuple of Operation
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operations: tuple[Operation, ...]
