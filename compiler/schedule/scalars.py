"""What an operation of an expression computes, in numpy.

Operators of `compiler.ops` mean here what they mean there. What has no operator is fixed-point
arithmetic of `isa.arithmetic`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from isa.arithmetic import Rounding, requantize

from ..ops import lookup
from .expressions import Apply

__all__ = ["INTERNAL", "meaning"]

Array = npt.NDArray[Any]


def _requantize(rounding: Rounding) -> Callable[..., Array]:
    """Return the operation that scales by multiplier * 2**(shift - 31)."""
    return lambda node, x, multiplier, shift: np.asarray(requantize(x, multiplier, shift, rounding))


def _saturate(node: Apply, x: Array, zero_point: Array) -> Array:
    total = np.asarray(x, np.int64) + np.asarray(zero_point, np.int64)
    limits = np.iinfo(node.dtype)
    return np.clip(total, limits.min, limits.max).astype(node.dtype)


INTERNAL: Mapping[str, Callable[..., Array]] = MappingProxyType(
    {
        "requantize_tflite": _requantize(Rounding.TFLITE),
        "requantize_upward": _requantize(Rounding.UPWARD),
        "saturate": _saturate,
        "shift_left": lambda node, x, y: np.left_shift(x, y),
    }
)
"""Operations without an operator: from the node and its operands to the result."""

_ATTRIBUTES: Mapping[str, str] = MappingProxyType({"nn.leaky_relu": "alpha"})
"""The attribute that an operation's detail is."""


def meaning(node: Apply) -> Callable[..., Array]:
    """Return the function of arrays that `node` applies."""
    if node.operation in INTERNAL:
        function = INTERNAL[node.operation]
        return lambda *operands: function(node, *operands)
    row = lookup(node.operation)
    attrs: dict[str, Any] = {}
    if node.operation in ("cast", "reinterpret"):
        attrs["dtype"] = node.dtype
    elif node.operation in _ATTRIBUTES:
        attrs[_ATTRIBUTES[node.operation]] = node.detail

    def apply(*operands: Array) -> Array:
        return np.asarray(row.meaning(attrs, *operands), node.dtype)

    return apply
