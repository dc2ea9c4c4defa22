"""Which of its operands a kernel may write over: those that it reads where it writes."""

from collections.abc import Sequence

from ....ir.dims import Dim
from ..builder import element_bytes
from ..formula import Formula

__all__ = ["lie_together", "overlaid"]


def overlaid(
    formula: Formula, shape: Sequence[Dim], strides: Sequence[Dim], first: int
) -> tuple[int, ...]:
    """Return the reads of a kernel that may lie where its target does, as `Kernel.in_place` does.

    A formula reads for each element of the result before that element is written, and the kernel
    writes each element once. So an operand is safe whose element lies where the result's does.

    Parameters
    ----------
    formula : Formula
        What the kernel does with each element of the result.
    shape, strides : sequence of int
        Of the target.
    first : int
        Read of the kernel that is argument 0 of the formula.
    """
    loads = [node for node in formula if node.operation == "load"]
    size = element_bytes(formula[-1].dtype)
    unsafe = {
        node.argument
        for node in loads
        if element_bytes(node.dtype) != size or not lie_together(shape, node.strides, strides)
    }
    return tuple(first + one for one in sorted({node.argument for node in loads} - unsafe))


def lie_together(shape: Sequence[Dim], left: Sequence[Dim], right: Sequence[Dim]) -> bool:
    """Return whether two tensors with such strides have their elements in the same places."""
    return all(
        extent == 1 or one == other for extent, one, other in zip(shape, left, right, strict=True)
    )
