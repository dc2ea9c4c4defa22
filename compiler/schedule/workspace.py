"""Moves large buffers of a nest's own out of it, as results that nobody reads.

before -> after::

    allocate t: float64[100000] { .. }        { .. }    with t among the outputs

A kernel's own buffers live on the stack, which is small. Loops around what is moved out share it,
and so are not parallel: move buffers out before a schedule is chosen.
"""

from dataclasses import replace
from math import inf, prod

import numpy as np

from .expressions import Buffer
from .nodes import Allocate, Nest, Statement
from .walk import map_statements

__all__ = ["LARGEST_BYTES", "move_out"]

# A vector loop holds a buffer a lane: 64 of them are within what every stack has.
LARGEST_BYTES = 1 << 14


def move_out(nest: Nest, largest_bytes: int = LARGEST_BYTES) -> tuple[Nest, tuple[Buffer, ...]]:
    """Return `nest` without buffers of more than `largest_bytes`, and these, now outputs."""
    moved: list[Buffer] = []

    def change(statement: Statement) -> Statement | None:
        if not isinstance(statement, Allocate) or _size(statement.buffer) <= largest_bytes:
            return None
        moved.append(statement.buffer)
        return statement.body

    body = map_statements(nest.body, change)
    return replace(nest, body=body, outputs=(*nest.outputs, *moved)), tuple(moved)


def _size(buffer: Buffer) -> float:
    """Return the size of a buffer in bytes, infinite while it is not known."""
    sizes = [size for size in buffer.shape if isinstance(size, int)]
    known = len(sizes) == len(buffer.shape)
    return prod(sizes) * np.dtype(buffer.dtype).itemsize if known else inf
