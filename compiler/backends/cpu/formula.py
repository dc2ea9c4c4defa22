"""What a kernel computes for one element of its result: a list of nodes, each using earlier ones.

::

    node ::= load(argument, strides)       an element of a tensor, found by the result's indices
           | anchor                        what the kernel itself computed: a sum, a maximum
           | immediate(value)
           | operation(node, ...)          a key of `operations.OPERATIONS`

A formula is a value: two kernels with equal formulas and shapes are one function.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from ...ir.dims import Dim
from ...ir.nodes import AttributeValue
from .graph import Tensor
from .sizes import as_known, stretch

__all__ = [
    "Formula",
    "FormulaBuilder",
    "Node",
    "broadcast_strides",
    "merge_axes",
    "row_major",
    "split_axes",
]


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a formula.

    Attributes
    ----------
    operation : str
    dtype : str
        Of the result.
    operands : tuple of int
        Earlier nodes.
    argument : int
        Of a load: which tensor that the kernel reads, from 0.
    strides : tuple of int
        Of a load: elements from one to the next index of each axis of the result.
    value : AttributeValue
        Of an immediate, or a detail of the operation.
    """

    operation: str
    dtype: str
    operands: tuple[int, ...] = ()
    argument: int = 0
    strides: tuple[int, ...] = ()
    value: AttributeValue = None


Formula = tuple[Node, ...]
"""The last node is the result."""


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the strides, in elements, of a plain tensor."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def broadcast_strides(shape: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of a plain tensor of `shape` stretched to `target`, 0 where it is."""
    return stretched(shape, row_major(shape), target)


def stretched(
    shape: Sequence[int], strides: Sequence[int], target: Sequence[int]
) -> tuple[int, ...]:
    """Return the strides of a tensor stretched to `target`: 0 where it has one element."""
    missing = len(target) - len(shape)
    kept = zip(shape, target[missing:], strides, strict=True)
    return as_known((*(0,) * missing, *(_stride(*axis) for axis in kept)))


def _stride(size: Dim, wanted: Dim, stride: Dim) -> Dim:
    """Return the stride of an axis of `size` that shall have a size of `wanted`."""
    if size == 1:
        return 0
    return stride if size == wanted else stride * stretch(size)


@dataclass
class FormulaBuilder:
    """Writes the formula of a result of one shape.

    Attributes
    ----------
    shape : tuple of int
        Of the result.
    nodes : list of Node
    tensors : list of Tensor
        What the loads read, by argument.
    """

    shape: tuple[int, ...]
    nodes: list[Node] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    _known: dict[Node, int] = field(default_factory=dict)

    def load(self, tensor: Tensor, strides: tuple[int, ...] | None = None) -> int:
        """Return the node that loads from `tensor`, by default broadcast to the shape."""
        if strides is None:
            strides = stretched(tensor.shape, tensor.strides, self.shape)
        if tensor not in self.tensors:
            self.tensors.append(tensor)
        argument = self.tensors.index(tensor)
        node = self._add(Node("load", tensor.memory_dtype, (), argument, strides))
        return self.stored(node, tensor.dtype)

    def constant(self, value: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> int:
        """Return the node that loads from an array known now, broadcast to the shape."""
        return self.load(Tensor(value.shape, str(value.dtype), constant=value))

    def along(self, tensor: Tensor, axis: int) -> int:
        """Return the node of a scalar, or of a vector whose index is that of `axis`."""
        if not tensor.shape:
            return self.load(tensor)
        strides = [0] * len(self.shape)
        strides[axis] = 1
        return self.load(tensor, tuple(strides))

    def anchor(self, dtype: str) -> int:
        """Return the node of what the kernel itself computes."""
        return self._add(Node("anchor", dtype))

    def immediate(self, value: float | bool, dtype: str) -> int:
        """Return the node of a number."""
        return self._add(Node("immediate", dtype, value=value))

    def apply(
        self, operation: str, dtype: str, *operands: int, value: AttributeValue = None
    ) -> int:
        """Return the node of an operation on earlier nodes."""
        return self._add(Node(operation, dtype, operands, value=value))

    def cast(self, node: int, dtype: str) -> int:
        """Return `node` as `dtype`, as the operator cast converts."""
        source = self.nodes[node].dtype
        return node if source == dtype else self.apply("cast", dtype, node)

    def stored(self, node: int, dtype: str) -> int:
        """Return a node of bytes as they are stored: with the other sign, or as int16; or back."""
        source = self.nodes[node].dtype
        if source == dtype:
            return node
        if {source, dtype} != {"int8", "uint8"}:
            return self.cast(node, dtype)
        last = self.nodes[node]
        if last.operation.startswith("quantize_") and isinstance(last.value, int):
            point = last.value + (128 if dtype == "uint8" else -128)
            return self.apply(last.operation, dtype, *last.operands, value=point)
        return self.apply("move_sign", dtype, node)

    def formula(self, result: int) -> Formula:
        """Return the formula of `result`, nothing in it unused, and number its arguments."""
        needed = {result}
        for number in range(result, -1, -1):
            if number in needed:
                needed.update(self.nodes[number].operands)
        places = {number: place for place, number in enumerate(sorted(needed))}
        used = sorted({self.nodes[n].argument for n in needed if self.nodes[n].operation == "load"})
        arguments = {argument: place for place, argument in enumerate(used)}
        self.tensors = [self.tensors[argument] for argument in used]
        return tuple(
            replace(
                self.nodes[number],
                operands=tuple(places[operand] for operand in self.nodes[number].operands),
                argument=arguments.get(self.nodes[number].argument, 0),
            )
            for number in sorted(needed)
        )

    def _add(self, node: Node) -> int:
        """Return the number of `node`, which may exist already."""
        if node not in self._known:
            self._known[node] = len(self.nodes)
            self.nodes.append(node)
        return self._known[node]


def merge_axes(
    shape: tuple[int, ...], strides: Sequence[tuple[int, ...]]
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """Return shape and strides with neighbouring axes merged wherever all tensors allow it.

    ``[4, 1, 8, 2] with strides (16, 16, 2, 1) -> [64] with strides (1,)``

    Parameters
    ----------
    shape : tuple of int
    strides : sequence of tuples
        Of every tensor that is read or written, one number for each axis.
    """
    extents: list[int] = []
    merged: list[list[int]] = [[] for _ in strides]
    for axis, extent in enumerate(shape):
        if extent == 1:
            continue
        steps = [stride[axis] for stride in strides]
        if extents and all(
            outer[-1] == step * extent for outer, step in zip(merged, steps, strict=True)
        ):
            extents[-1] *= extent
            for outer, step in zip(merged, steps, strict=True):
                outer[-1] = step
        else:
            extents.append(extent)
            for outer, step in zip(merged, steps, strict=True):
                outer.append(step)
    return tuple(extents), [tuple(outer) for outer in merged]


def split_axes(
    have: tuple[int, ...], strides: tuple[int, ...], want: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Return strides by axes of `have` as those by axes of `want`; None if there are none.

    ``(8,), (5,), (2, 1, 4)  ->  (20, 0, 5)``; one place stands for any number of them.
    """
    if prod(have) == 1:
        return (0,) * len(want)
    sizes, (steps,) = merge_axes(have, [strides])
    left = list(zip(sizes, steps, strict=True))
    found: list[int] = []
    for extent in reversed(want):
        size, step = left.pop() if left and extent > 1 else (extent, 0)
        if size % extent:
            return None
        found.insert(0, step)
        if size > extent:
            left.append((size // extent, step * extent))
    return None if left else tuple(found)
