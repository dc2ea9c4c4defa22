"""What the sums of a contraction start from: constants that its formula would add to them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..formula import FormulaBuilder, Node

__all__ = ["take_start"]

Array = npt.NDArray[Any]


def take_start(build: FormulaBuilder, result: int, axis: int) -> tuple[Array | None, int]:
    """Return what the anchor may start from, along `axis`, and the node of the result then.

    ``anchor + c  ->  anchor'``, where the sums start from c, a constant along the columns.
    """
    total: Array | None = None
    anchor = next(n for n, node in enumerate(build.nodes) if node.operation == "anchor")
    while anchor != result:
        users = [n for n, node in enumerate(build.nodes) if anchor in node.operands]
        if len(users) != 1:
            break
        addend = _addend(build, build.nodes[users[0]], anchor, axis)
        if addend is None or (total is not None and addend.dtype.kind == "f"):
            break
        total = addend if total is None else total + addend
        node = build.nodes[anchor]
        anchor = users[0]
        build.nodes[anchor] = node
    return total, result


def _addend(build: FormulaBuilder, node: Node, anchor: int, axis: int) -> Array | None:
    """Return the constant that `node` adds to the anchor, if that is what it does."""
    if node.operation != "add" or node.dtype != build.nodes[anchor].dtype:
        return None
    (other,) = (n for n in node.operands if n != anchor) if len(set(node.operands)) == 2 else (-1,)
    if other < 0 or build.nodes[other].operation != "load":
        return None
    load = build.nodes[other]
    value = build.tensors[load.argument].constant
    strides = [stride for number, stride in enumerate(load.strides) if number != axis]
    if value is None or load.dtype != node.dtype or any(strides):
        return None
    return np.broadcast_to(value.reshape(-1), (build.shape[axis],)).copy()
