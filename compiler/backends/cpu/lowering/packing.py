"""Weights in the order in which contraction kernels read them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..builder import element_bytes
from ..graph import Tensor
from ..kernels import Dot
from ..kernels.tile import column_blocks
from ..machine import Machine
from ..products import PLAIN, Product, find_product
from ..tiling import choose_tile
from .context import Context
from .operands import Operands

__all__ = [
    "Weights",
    "arrange_weights",
    "product_of",
    "pack_at_run_time",
    "packed_elements",
]

Array = npt.NDArray[Any]

# Bytes that one instruction multiplies into a sum.
_BYTES = 4


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


def product_of(machine: Machine, operands: Operands, length: int = 0) -> Product:
    """Return how the products of `operands` are summed; `length` as of `find_product`."""
    if operands.weight.constant is None or operands.sum_dtype != "int32":
        return PLAIN
    return find_product(machine, operands.data.dtype, operands.weight.dtype, length)


def arrange_weights(
    machine: Machine,
    operands: Operands,
    shape: tuple[int, int, int, int],
    product: Product,
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
    product : Product
        How they are summed.
    extents : (int, int)
        Lines of the result, and places in a line.
    """
    groups, taps, length, columns = shape
    kernel = operands.weight.constant
    wide = machine.vector_bytes // element_bytes(operands.sum_dtype)
    if kernel is None:
        dot = Dot(
            operands.data.memory_dtype, operands.weight.dtype, operands.sum_dtype, "", 1, wide
        )
        tile = choose_tile(machine, extents, max(1, columns // wide), _spare(machine, dot))
        return Weights(operands.weight, dot, tile, groups * columns, columns)
    group = product.group
    lanes = min(wide, max(2, 1 << (columns - 1).bit_length()))
    if group > 1:
        lanes = max(4, lanes)
    vectors, steps = -(-columns // lanes), -(-length // group)
    dtype = product.weight_dtype or operands.weight.dtype
    data_dtype = operands.data.memory_dtype
    dot = Dot(data_dtype, dtype, operands.sum_dtype, product.name, group, lanes)
    far = taps * steps * group * lanes * element_bytes(dtype)
    tile = choose_tile(machine, extents, vectors, _spare(machine, dot), far)
    blocks = tuple(column_blocks(vectors, tile[2]))

    def make(packed: Array) -> None:
        _pack(kernel, packed, shape, (group, lanes), blocks)

    size = groups * vectors * lanes * taps * steps * group
    tensor = Tensor((size,), dtype, make=make)
    return Weights(tensor, dot, tile, 0, size // groups)


def _pack(
    kernel: Array,
    packed: Array,
    shape: tuple[int, int, int, int],
    unit: tuple[int, int],
    blocks: Iterable[tuple[int, int, int]],
) -> None:
    """Write weights into `packed` as `arrange_weights` says.

    Parameters
    ----------
    kernel : array[..., groups * outputs]
    packed : array[size], of the type in which weights are multiplied
    shape : as of `arrange_weights`
    unit : (group, lanes)
    blocks : as `column_blocks` gives them
    """
    groups, taps, length, columns = shape
    group, lanes = unit
    vectors, steps = -(-columns // lanes), -(-length // group)
    if group == 1 and columns == vectors * lanes:
        # No copy in between, whatever the strides.
        full = kernel.reshape(*kernel.shape[:-1], 1, groups, vectors, lanes)
    else:
        plain = kernel.reshape(taps, length, groups, columns)
        around = ((0, 0), (0, group * steps - length), (0, 0), (0, vectors * lanes - columns))
        whole = np.pad(plain, around) if any(map(any, around)) else plain
        full = whole.reshape(taps, steps, group, groups, vectors, lanes)
    last = full.ndim - 4
    ordered = full.transpose(last + 1, *range(last), last + 2, last + 3, last)
    place = 0
    for number in range(groups):
        for start, count, size in blocks:
            for first in range(start, start + count * size, size):
                block = ordered[number, ..., first : first + size, :, :]
                packed[place : place + block.size].reshape(block.shape)[...] = block
                place += block.size


def packed_elements(machine: Machine, inner: int, columns: int) -> int:
    """Return the bytes of a matrix int8[inner, columns] that is packed while the program runs."""
    lanes = _byte_lanes(machine, columns)
    return -(-columns // lanes) * lanes * inner


def pack_at_run_time(
    context: Context,
    data: Tensor,
    weight: Tensor,
    strides: tuple[int, int, int],
    inner: int,
    columns: int,
    extents: tuple[int, int],
) -> Weights:
    """Return int8 matrices packed as `arrange_weights` packs groups of four.

    Parameters
    ----------
    data, weight : Tensor
    strides : (int, int, int)
        Elements of `weight` from matrix to matrix, row to row, column to column.
    inner, columns : int
        Rows, a multiple of four, and columns of a matrix.
    extents : (int, int)
        Lines of the result, and places in a line.
    """
    machine, batch = context.machine, weight.shape[0]
    lanes = _byte_lanes(machine, columns)
    vectors, steps = -(-columns // lanes), inner // _BYTES
    dot = Dot(data.memory_dtype, "int8", "int32", "vpdpbusd", _BYTES, lanes)
    tile = choose_tile(machine, extents, vectors, _spare(machine, dot))
    packed = Tensor((batch, packed_elements(machine, inner, columns)), "int8")
    if columns % lanes:
        context.fill(packed, Tensor((), "int8", constant=np.asarray(0, np.int8)))
    for first, count, size in column_blocks(vectors, tile[2]):
        wide = size * lanes
        whole = min(count, (columns - first * lanes) // wide)
        boxes = [(first, whole, wide)]
        if whole < count:
            last = first + whole * size
            boxes.append((last, 1, columns - last * lanes))
        for start, blocks, width in boxes:
            context.copy(
                packed,
                weight,
                (batch, blocks, steps, width, _BYTES),
                (packed.shape[1], wide * inner, wide * _BYTES, _BYTES, 1),
                (strides[0], wide * strides[2], _BYTES * strides[1], strides[2], strides[1]),
                start * lanes * inner,
                start * lanes * strides[2],
            )
    return Weights(packed, dot, tile, 0, packed.shape[1])


def _byte_lanes(machine: Machine, columns: int) -> int:
    """Return the columns in a vector of sums of bytes."""
    return min(machine.vector_bytes // _BYTES, max(4, 1 << (columns - 1).bit_length()))


def _spare(machine: Machine, dot: Dot) -> int:
    """Return the registers that one product needs besides sums and weights."""
    if dot.group == 4 or (dot.sum_dtype.startswith("float") and machine.has_fused_product):
        return 1
    return 2
