"""Weights in the order in which contraction kernels read them."""

from dataclasses import dataclass

import numpy as np

from ..builder import element_bytes
from ..graph import Tensor
from ..kernels import Dot
from ..kernels.tile import column_blocks
from ..machine import Machine
from ..tiling import choose_tile
from .operands import Operands

__all__ = ["Weights", "arrange_weights", "group_size"]


@dataclass(frozen=True, eq=False, slots=True)
class Weights:
    """Weights of a contraction.

    Attributes
    ----------
    tensor : Tensor
    dot : Dot
        How a step of the reduction is computed.
    tile : (int, int, int)
        Lines, places and vectors of columns computed at once.
    step : int
        Elements from one step to the next, 0 if they are packed: see `Contraction`.
    group_stride : int
        Elements from one group to the next.
    """

    tensor: Tensor
    dot: Dot
    tile: tuple[int, int, int]
    step: int
    group_stride: int


def group_size(machine: Machine, operands: Operands) -> int:
    """Return how many products one instruction sums: 4 of int8, 2 of int16, else 1."""
    kernel = operands.weight.constant
    if kernel is None or operands.sum_dtype != "int32":
        return 1
    bytes_in = operands.data.dtype in ("int8", "uint8")
    if machine.has_dot_product and bytes_in and operands.weight.dtype == "int8":
        return 4
    narrow = operands.data.dtype in ("int8", "uint8", "int16")
    fits = operands.weight.dtype in ("int8", "uint8", "int16")
    return 2 if machine.has_pair_product and narrow and fits else 1


def arrange_weights(
    machine: Machine,
    operands: Operands,
    shape: tuple[int, int, int, int],
    group: int,
    extents: tuple[int, int],
) -> Weights:
    """Return the weights of `operands` for a contraction.

    ``[taps * inputs, groups * outputs]  ->  [groups][block][taps, inputs / group, lanes, group]``
    where a block has some vectors of `lanes` outputs, with zeros where a tap has not a multiple of
    `group` inputs, or a group of channels not a multiple of `lanes` outputs. Weights that are not
    known stay as they are.

    Parameters
    ----------
    shape : (groups, taps, inputs of a tap, outputs of a group)
    group : int
        How many products at a time.
    extents : (int, int)
        Lines of the result, and places in a line.
    """
    groups, taps, length, columns = shape
    kernel = operands.weight.constant
    wide = machine.vector_bytes // element_bytes(operands.sum_dtype)
    if kernel is None:
        dot = Dot(operands.data.memory_dtype, operands.weight.dtype, operands.sum_dtype, 1, wide)
        tile = choose_tile(machine, extents, max(1, columns // wide), _spare(machine, dot))
        return Weights(operands.weight, dot, tile, groups * columns, columns)
    lanes = min(wide, max(2, 1 << (columns - 1).bit_length()))
    if group > 1:
        lanes = max(4, lanes)
    vectors, steps = -(-columns // lanes), -(-length // group)
    dtype = {1: operands.weight.dtype, 2: "int16", 4: "int8"}[group]
    dot = Dot(operands.data.memory_dtype, dtype, operands.sum_dtype, group, lanes)
    tile = choose_tile(machine, extents, vectors, _spare(machine, dot))
    plain = kernel.astype(dtype).reshape(taps, length, groups, columns)
    around = ((0, 0), (0, group * steps - length), (0, 0), (0, vectors * lanes - columns))
    full = np.pad(plain, around).reshape(taps, steps, group, groups, vectors, lanes)
    ordered = full.transpose(3, 0, 1, 4, 5, 2)
    blocks = [
        np.ascontiguousarray(ordered[number, :, :, first : first + size]).reshape(-1)
        for number in range(groups)
        for start, count, size in column_blocks(vectors, tile[2])
        for first in range(start, start + count * size, size)
    ]
    packed = np.concatenate(blocks)
    tensor = Tensor(packed.shape, dtype, constant=packed)
    return Weights(tensor, dot, tile, 0, packed.size // groups)


def _spare(machine: Machine, dot: Dot) -> int:
    """Return the registers that one product needs besides sums and weights."""
    if dot.group == 4 or (dot.sum_dtype.startswith("float") and machine.has_fused_product):
        return 1
    return 2
