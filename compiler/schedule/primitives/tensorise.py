"""Loops as one call of a microkernel."""

from ..nodes import Nest, Tensor
from ..products import recognise
from .place import loop_of, refuse, replaced

__all__ = ["tensorise"]


def tensorise(nest: Nest, loop: str) -> Nest:
    """Let the contraction microkernel compute a matrix product.

    ::

        for i in rows:
          for j in columns:
            allocate t: t = 0; for k: t = t + data[i, k] * weight[k, j]; out[i, j] = t
        ->
        contraction(out, data, weight)

    Floating-point products are added in the same order, but each is rounded together with its sum.

    Raises
    ------
    InvalidSchedule
        The loop is no product of this form.
    """
    found = loop_of(nest, "tensorise", loop)
    product = recognise(found)
    if isinstance(product, str):
        raise refuse(nest, "tensorise", f"loop {loop}", product)
    return replaced(nest, found, Tensor("contraction", found))
