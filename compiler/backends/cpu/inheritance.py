"""Results that take the memory of what they are computed from: ``y = x + z`` where x dies.

The kernel says which operands it may write over (`Kernel.in_place`); whether one of them is needed
no more, and has the size of the result, is found out here.
"""

from collections.abc import Mapping, Sequence

from ...ir.dims import Dim
from .arena import ALIGNMENT
from .graph import Tensor
from .kernels import Border
from .program import KernelCall, Operation

__all__ = ["Span", "blocks_of", "find_heirs", "touched_by"]

Span = tuple[int, int]
"""Numbers of the operations that first and last use something."""


def touched_by(operation: Operation) -> tuple[Tensor, ...]:
    """Return what an operation uses; of a kernel in the order of its pointers."""
    if isinstance(operation, KernelCall):
        return (operation.target, *operation.others, *operation.reads)
    return (*operation.targets, *operation.reads)


def find_heirs(
    operations: Sequence[Operation], spans: Mapping[Tensor, Span]
) -> dict[Tensor, Tensor]:
    """Return the tensors that may lie where an operand lies that is needed no more, and that one.

    Parameters
    ----------
    spans : Mapping of Tensor to Span
        Roots that may be placed, and when they are used.
    """
    heirs: dict[Tensor, Tensor] = {}
    for number, call in enumerate(operations):
        if not isinstance(call, KernelCall) or call.others or call.target.root not in spans:
            continue
        before = operations[spans[call.target.root][0] : number]
        for place in call.kernel.in_place:
            source = call.reads[place].root
            if spans.get(source, (0, -1))[1] == number and _may_inherit(call, source, before):
                heirs[call.target.root] = source
                break
    return heirs


def blocks_of(spans: Mapping[Tensor, Span], heirs: Mapping[Tensor, Tensor]) -> list[list[Tensor]]:
    """Return the tensors that have the same memory, one after the other."""
    blocks: dict[Tensor, list[Tensor]] = {}
    for tensor in sorted(spans, key=lambda tensor: spans[tensor]):
        source = heirs.get(tensor)
        blocks[tensor] = blocks[source] if source is not None else []
        blocks[tensor].append(tensor)
    return [block for tensor, block in blocks.items() if tensor not in heirs]


def _may_inherit(call: KernelCall, source: Tensor, before: Sequence[Operation]) -> bool:
    """Return whether the target of a call may lie where `source` does, which is read last there.

    Parameters
    ----------
    before : sequence of Operation
        From the first that uses the target up to the call: they may fill its border, which is where
        that of `source` was.
    """
    target, start = call.target.root, call.target.start_bytes
    if source is target or not _have_one_size(source.size_bytes, target.size_bytes):
        return False
    for operation in before:
        used = {tensor.root for tensor in touched_by(operation)}
        fills = isinstance(operation, KernelCall) and isinstance(operation.kernel, Border)
        if source in used or (target in used and not fills):
            return False
    reads = [(place, one) for place, one in enumerate(call.reads) if one.root is source]
    return all(place in call.kernel.in_place and one.start_bytes == start for place, one in reads)


def _have_one_size(left: Dim, right: Dim) -> bool:
    """Return whether two blocks are of the same size, bytes past the end not counted."""
    if isinstance(left, int) and isinstance(right, int):
        return abs(left - right) < ALIGNMENT
    return left == right
