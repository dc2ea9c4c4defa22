"""Which kernel copies a box of elements."""

from ..kernels import Copy, Interleave, Kernel, Transpose
from ..kernels.box import Box
from ..kernels.transpose import find_block
from ..sizes import symbols_of

__all__ = ["copy_kernel"]

# Planes that are read side by side.
_FEW_PLANES = 4


def copy_kernel(box: Box, starts_bytes: tuple[int, int], vector_bytes: int) -> Kernel:
    """Return the kernel that copies `box`.

    Parameters
    ----------
    starts_bytes : (int, int)
        Where target and source begin in memory that is aligned.
    """
    if not symbols_of(box):
        if _is_wider(box, starts_bytes):
            box = box.joined()
        if _are_planes(box):
            return Interleave(box, vector_bytes)
    order = _turned(box, vector_bytes)
    return Copy(box) if order is None else Transpose(box.reordered(order), vector_bytes)


def _is_wider(box: Box, starts_bytes: tuple[int, int]) -> bool:
    """Return whether elements along the last axis can be copied as one of up to eight bytes."""
    if not box.shape or box.target_strides[-1] != 1 or box.source_strides[-1] != 1:
        return False
    run = box.shape[-1]
    size = run * box.element_bytes
    steps = *box.target_strides[:-1], *box.source_strides[:-1], box.target_start, box.source_start
    return (
        size in (2, 4, 8)
        and all(step % run == 0 for step in steps)
        and all(start % size == 0 for start in starts_bytes)
    )


def _are_planes(box: Box) -> bool:
    """Return whether a copy brings a few planes together."""
    return (
        len(box.shape) > 1
        and 1 < box.shape[-1] <= _FEW_PLANES
        and box.target_strides[-2:] == (box.shape[-1], 1)
        and box.source_strides[-2] == 1
    )


def _turned(box: Box, vector_bytes: int) -> list[int] | None:
    """Return the order of axes for a kernel that transposes blocks, None for one that copies.

    The axis along which the target is contiguous comes before the last, that of the source last.
    """
    rows = [axis for axis, stride in enumerate(box.target_strides) if stride == 1]
    columns = [axis for axis, stride in enumerate(box.source_strides) if stride == 1]
    if len(rows) != 1 or len(columns) != 1 or rows == columns:
        return None
    order = [axis for axis in range(len(box.shape)) if axis not in (rows[0], columns[0])]
    size = box.shape[rows[0]], box.shape[columns[0]]
    if find_block(size, box.element_bytes, vector_bytes) == (1, 1):
        return None
    return [*order, rows[0], columns[0]]
