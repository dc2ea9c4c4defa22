"""Weights in the order in which contraction kernels read them."""

from dataclasses import dataclass

import numpy as np

from ..builder import element_bytes
from ..graph import Tensor
from ..kernels import Dot
from ..machine import Machine
from .operands import Operands

__all__ = ["Weights", "arrange_weights"]


@dataclass(frozen=True, eq=False, slots=True)
class Weights:
    """Weights of a contraction.

    Attributes
    ----------
    tensor : Tensor
    dot : Dot
        How a step of the reduction is computed.
    step, block_stride, group_stride : int
        Elements from one step, one vector of columns, one group to the next.
    padded : bool
        There are whole vectors of columns only.
    """

    tensor: Tensor
    dot: Dot
    step: int
    block_stride: int
    group_stride: int
    padded: bool


def arrange_weights(
    machine: Machine, operands: Operands, shape: tuple[int, int, int, int], quads: bool
) -> Weights:
    """Return the weights of `operands` for a contraction.

    Parameters
    ----------
    shape : (groups, taps, inputs of a tap, outputs of a group)
    quads : bool
        Four int8 products at a time; the weights must be known.
    """
    groups, _, _, columns = shape
    if quads:
        return _quads(machine, operands, shape)
    lanes = machine.vector_bytes // element_bytes(operands.sum_dtype)
    dot = Dot(
        operands.data.dtype, operands.weight.dtype, operands.sum_dtype, 1, lanes, machine.tile
    )
    return Weights(operands.weight, dot, groups * columns, lanes, columns, False)


def _quads(machine: Machine, operands: Operands, shape: tuple[int, int, int, int]) -> Weights:
    """Return weights for the instruction vpdpbusd.

    ``[taps * inputs, groups * outputs]  ->  [groups, vectors, taps, inputs / 4, lanes, 4]``, zeros
    where a tap has not a multiple of four inputs, or a group not a multiple of `lanes` outputs.
    """
    groups, taps, length, columns = shape
    lanes = min(machine.vector_bytes // 4, max(4, 1 << (columns - 1).bit_length()))
    steps, vectors = -(-length // 4), -(-columns // lanes)
    assert operands.weight.constant is not None
    plain = operands.weight.constant.reshape(taps, length, groups, columns)
    around = ((0, 0), (0, 4 * steps - length), (0, 0), (0, vectors * lanes - columns))
    full = np.pad(plain, around).reshape(taps, steps, 4, groups, vectors, lanes)
    packed = np.ascontiguousarray(full.transpose(3, 4, 0, 1, 5, 2))
    dot = Dot("int8", "int8", "int32", 4, lanes, machine.tile)
    block = taps * steps * lanes * 4
    tensor = Tensor(packed.shape, "int8", constant=packed)
    return Weights(tensor, dot, lanes * 4, block, vectors * block, True)
