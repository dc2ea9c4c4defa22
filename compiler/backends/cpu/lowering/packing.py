"""Weights in the order in which contraction kernels read them."""

from dataclasses import dataclass

import numpy as np

from ..builder import element_bytes
from ..graph import Tensor
from ..kernels import Dot
from ..machine import Machine
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


def group_size(machine: Machine, operands: Operands) -> int:
    """Return how many products one instruction sums: 4 of int8, 2 of int16, else 1."""
    kernel = operands.weight.constant
    if kernel is None or operands.sum_dtype != "int32":
        return 1
    if machine.has_dot_product and operands.data.dtype == operands.weight.dtype == "int8":
        return 4
    narrow = operands.data.dtype in ("int8", "uint8", "int16")
    fits = operands.weight.dtype in ("int8", "uint8", "int16")
    return 2 if machine.has_pair_product and narrow and fits else 1


def arrange_weights(
    machine: Machine, operands: Operands, shape: tuple[int, int, int, int], group: int
) -> Weights:
    """Return the weights of `operands` for a contraction.

    ``[taps * inputs, groups * outputs]  ->  [groups, vectors, taps, inputs / group, lanes, group]``
    for more than one product at a time, with zeros where a tap has not a multiple of `group`
    inputs, or a group of channels not a multiple of `lanes` outputs.

    Parameters
    ----------
    shape : (groups, taps, inputs of a tap, outputs of a group)
    group : int
        How many products at a time.
    """
    groups, taps, length, columns = shape
    if group == 1:
        lanes = machine.vector_bytes // element_bytes(operands.sum_dtype)
        dtypes = operands.data.dtype, operands.weight.dtype, operands.sum_dtype
        dot = Dot(*dtypes, 1, lanes, machine.tile)
        return Weights(operands.weight, dot, groups * columns, lanes, columns, False)
    lanes = min(machine.vector_bytes // 4, max(4, 1 << (columns - 1).bit_length()))
    steps, vectors = -(-length // group), -(-columns // lanes)
    dtype = "int8" if group == 4 else "int16"
    assert operands.weight.constant is not None
    plain = operands.weight.constant.astype(dtype).reshape(taps, length, groups, columns)
    around = ((0, 0), (0, group * steps - length), (0, 0), (0, vectors * lanes - columns))
    full = np.pad(plain, around).reshape(taps, steps, group, groups, vectors, lanes)
    packed = np.ascontiguousarray(full.transpose(3, 4, 0, 1, 5, 2))
    dot = Dot(operands.data.dtype, dtype, "int32", group, lanes, machine.tile)
    step, block = lanes * group, taps * steps * lanes * group
    tensor = Tensor(packed.shape, dtype, constant=packed)
    return Weights(tensor, dot, step, block, vectors * block, True)
