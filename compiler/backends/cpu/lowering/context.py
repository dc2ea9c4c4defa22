"""What lowerings share: the machine, the calls written so far, and small kernels they all need."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from ....errors import Unsupported
from ..builder import element_bytes
from ..formula import Formula, FormulaBuilder, merge_axes, row_major
from ..graph import RegionStep, Step, Tensor
from ..kernels import Border, Elementwise, Kernel
from ..kernels.box import Box
from ..machine import Machine
from ..program import KernelCall, Operation, RegionCall
from .copying import copy_kernel

__all__ = ["AnchorTable", "Context", "Finish", "Table", "constant_of", "known_value", "operand"]

Known = TypeVar("Known")

# Bytes of weights read again and again that are more than stays in an L2 cache for certain.
_LARGE = 1 << 18

Finish = Callable[[FormulaBuilder, int], int]
"""Adds to a formula what follows an anchor: gets the node of its result, returns the last node."""


def operand(step: Step, number: int) -> Tensor:
    """Return an operand of a step that is a tensor."""
    value = step.operands[number]
    assert isinstance(value, Tensor)
    return value


def constant_of(step: Step, number: int, name: str) -> npt.NDArray[np.generic]:
    """Return the value of an operand that must be known.

    Raises
    ------
    Unsupported
        It is computed while the program runs.
    """
    return known_value(step, operand(step, number), name)


def known_value(step: Step, tensor: Tensor, name: str) -> npt.NDArray[np.generic]:
    """Return the value of a tensor, part of an operand, that must be known.

    Raises
    ------
    Unsupported
        It is computed while the program runs.
    """
    if tensor.constant is None:
        raise Unsupported(
            f"{step.name}: {name} must be a constant on the CPU; fold it before", step.span
        )
    return tensor.constant


@dataclass(frozen=True, slots=True)
class Arranged:
    """Axes of a kernel.

    Attributes
    ----------
    shape : tuple of int
    target : tuple of int
        Elements of the target, by axis.
    strides : tuple of tuples
        The same of what the kernel itself reads.
    formula : Formula
    """

    shape: tuple[int, ...]
    target: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    formula: Formula

    def with_axis(self, place: int) -> "Arranged":
        """Return the same with an axis of size 1 before axis `place`."""

        def widened(numbers: tuple[int, ...], number: int) -> tuple[int, ...]:
            return (*numbers[:place], number, *numbers[place:])

        nodes = tuple(
            replace(node, strides=widened(node.strides, 0)) if node.operation == "load" else node
            for node in self.formula
        )
        strides = tuple(widened(one, 0) for one in self.strides)
        return Arranged(widened(self.shape, 1), widened(self.target, 0), strides, nodes)


@dataclass
class Context:
    """Collects the operations of a program.

    Attributes
    ----------
    machine : Machine
    operations : list of Operation
    """

    machine: Machine
    operations: list[Operation] = field(default_factory=list)
    _known: dict[Hashable, tuple[object, object]] = field(default_factory=dict)
    _turns: Counter[Tensor] = field(default_factory=Counter)

    def call(
        self, kernel: Kernel, target: Tensor, *reads: Tensor, others: tuple[Tensor, ...] = ()
    ) -> None:
        """Add a call of a kernel, unless there is nothing to write."""
        if any(prod(one.shape) for one in (target, *others)):
            self.operations.append(KernelCall(kernel, target, reads, others))

    def remember(self, key: Hashable, source: object, make: Callable[[], Known]) -> Known:
        """Return what `make` made when `key` was asked for first; `source` lives as long."""
        if key not in self._known:
            self._known[key] = source, make()
        return cast(Known, self._known[key][1])

    def turns(self, tensor: Tensor) -> bool:
        """Return whether a kernel shall read a large tensor from its end: every second time.

        What does not fit the cache as a whole then does as a part: what was read last.
        """
        if tensor.size_bytes < _LARGE:
            return False
        self._turns[tensor] += 1
        return self._turns[tensor] % 2 == 0

    def region(self, step: RegionStep) -> None:
        """Add a call of a region."""
        self.operations.append(RegionCall(step.region, step.operands, step.results))

    def arrange(
        self,
        shape: Sequence[int],
        formula: Formula,
        *strides: Sequence[int],
        order: Sequence[int] | None = None,
        target: Sequence[int] | None = None,
        fixed: int = 0,
    ) -> Arranged:
        """Return a kernel's axes: those of its result reordered, then merged where possible.

        Parameters
        ----------
        shape : of the result
        strides : of what the kernel itself reads, in the new order
        order : tuple of int, optional
            The axes in their new order.
        target : tuple of int, optional
            Strides of the target if it is more than the result.
        fixed : int
            So many of the last axes stay as they are.
        """
        order = range(len(shape)) if order is None else order
        loads = [node.strides for node in formula if node.operation == "load"]
        outside = [row_major(shape) if target is None else target, *loads]
        moved = [tuple(one[axis] for axis in order) for one in outside]
        everything = [*moved, *map(tuple, strides)]
        sizes = tuple(shape[axis] for axis in order)
        cut = len(sizes) - fixed
        merged, steps = merge_axes(sizes[:cut], [one[:cut] for one in everything])
        steps = [new + one[cut:] for new, one in zip(steps, everything, strict=True)]
        remaining = iter(steps[1:])
        nodes = tuple(
            replace(node, strides=next(remaining)) if node.operation == "load" else node
            for node in formula
        )
        return Arranged(merged + sizes[cut:], steps[0], tuple(remaining), nodes)

    def elementwise(
        self,
        build: FormulaBuilder,
        node: int,
        target: Tensor,
        strides: tuple[int, ...] | None = None,
        start: int = 0,
    ) -> None:
        """Compute a formula into `target`, or a box of it."""
        if not prod(build.shape):
            return
        strides = target.strides if strides is None else strides
        formula = build.formula(build.stored(node, target.memory_dtype))
        axes = self.arrange(build.shape, formula, target=strides)
        kernel = Elementwise(
            axes.shape, axes.target, start, axes.formula, self.machine.vector_bytes
        )
        self.call(kernel, target, *build.tensors)

    def copy(
        self,
        target: Tensor,
        source: Tensor,
        shape: Sequence[int],
        target_strides: Sequence[int],
        source_strides: Sequence[int],
        target_start: int = 0,
        source_start: int = 0,
    ) -> None:
        """Copy a box of elements."""
        if not prod(shape):
            return
        sizes, (to, of) = merge_axes(tuple(shape), [tuple(target_strides), tuple(source_strides)])
        size = element_bytes(source.memory_dtype)
        box = Box(sizes, to, target_start, of, source_start, size)
        starts = target.start_bytes, source.start_bytes
        self.call(copy_kernel(box, starts, self.machine.vector_bytes), target, source)

    def surround(self, target: Tensor) -> None:
        """Fill the border of an image."""
        if any(target.border):
            kernel = Border(
                cast(tuple[int, int, int, int], target.shape),
                target.border,
                target.fill + target.memory_offset,
                target.memory_dtype,
                self.machine.vector_bytes,
            )
            self.call(kernel, target)

    def plain(self, data: Tensor) -> Tensor:
        """Return `data` as they are, or a copy that lies row by row in their own type."""
        if data.memory_dtype == data.dtype and not any(data.border):
            return data
        target = Tensor(data.shape, data.dtype)
        build = FormulaBuilder(data.shape)
        self.elementwise(build, build.load(data), target)
        return target

    def fill(self, target: Tensor, value: Tensor) -> None:
        """Fill `target` with a scalar."""
        build = FormulaBuilder(target.shape)
        self.elementwise(build, build.load(value), target)

    def transposed(self, source: Tensor, axes: Sequence[int]) -> Tensor:
        """Return `source` with its axes in another order; a constant at once."""
        if tuple(axes) == tuple(range(len(source.shape))):
            return source
        shape = tuple(source.shape[axis] for axis in axes)
        if source.constant is not None:
            moved = np.transpose(source.constant, axes)
            return Tensor(shape, source.dtype, constant=moved)
        target = Tensor(shape, source.dtype)
        strides = row_major(source.shape)
        self.copy(target, source, shape, row_major(shape), [strides[axis] for axis in axes])
        return target


AnchorTable = Mapping[str, Callable[[Context, Step, Tensor, Finish], None]]
"""Functions that lower a step whose result goes through a formula into the given tensor."""

Table = Mapping[str, Callable[[Context, Step], None]]
"""Functions that lower a step that stands alone."""
