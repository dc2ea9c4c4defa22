"""Kernels that work line by line: where the lines are, what they read, what they write."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index, element_bytes
from ..formula import Formula, Node
from .evaluator import Evaluator, lanes_of, pieces
from .line import Line
from .overlay import lie_together, overlaid
from .parts import count_parts, nest_parts
from .tile import extend

__all__ = ["LineAxes", "Lines", "PlacedLine"]


@dataclass(frozen=True, slots=True)
class LineAxes:
    """Where lines lie, and what becomes of each element.

    Attributes
    ----------
    shape : tuple of int
        The axis comes last; or before the last, along which vectors lie then.
    data_strides, target_strides : tuple of int
        Elements by axis.
    along : bool
        The axis is the last one.
    data_dtype : str
    work_dtype : str
        float32 or float64: what is computed in, the type of the formula's anchor.
    formula : Formula
        From what was computed to the target's elements.
    vector_bytes : int
    """

    shape: tuple[int, ...]
    data_strides: tuple[int, ...]
    target_strides: tuple[int, ...]
    along: bool
    data_dtype: str
    work_dtype: str
    formula: Formula
    vector_bytes: int

    @property
    def outer(self) -> tuple[int, ...]:
        """The first axes, whose places may be computed in any order."""
        return self.shape[: -1 if self.along else -2]

    @property
    def extent(self) -> int:
        """Elements of a line."""
        return self.shape[-1 if self.along else -2]

    @property
    def lanes(self) -> int:
        """Elements at a time."""
        if self.data_strides[-1] != 1 and self.shape[-1] > 1:
            return 1
        anchored = (*self.formula, Node("cast", self.work_dtype))
        return lanes_of(anchored, -1, self.target_strides[-1], self.shape[-1], self.vector_bytes)

    @property
    def in_place(self) -> tuple[int, ...]:
        """As of `Kernel`, for one that reads all of a line before it writes the line's elements.

        It may read an element once more where it writes it.
        """
        others = overlaid(self.formula, self.shape, self.target_strides, 1)
        fits = element_bytes(self.data_dtype) == element_bytes(self.formula[-1].dtype)
        if fits and lie_together(self.shape, self.data_strides, self.target_strides):
            return (0, *others)
        return others

    def chunks(self, cost: int) -> int:
        """Return how many parts there are, for `cost` simple operations an element."""
        return count_parts(self.outer, cost * prod(self.shape))


class Lines:
    """All lines of a tensor, each of which gives as many elements of the target.

    Parameters
    ----------
    axes : LineAxes
    build : Builder
    pointers : list of str
        Target, data and what the formula reads.
    """

    def __init__(self, axes: LineAxes, build: Builder, pointers: list[str]) -> None:
        self.axes, self.build = axes, build
        self.target, self.data, *others = pointers
        self.evaluator = Evaluator(build, axes.formula, others)

    def run(
        self, chunks: int, bounds: tuple[Index, Index], body: "Callable[[PlacedLine], None]"
    ) -> None:
        """Run `body` for the parts within `bounds`."""
        build, axes = self.build, self.axes

        def one(where: list[Index]) -> None:
            if axes.along:
                body(PlacedLine(self, Line(build, axes.extent, axes.lanes, True), where, 0))
                return
            for start, stop, width in pieces(axes.shape[-1], axes.lanes):

                def several(index: Index, _: list[str], width: int = width) -> None:
                    body(PlacedLine(self, Line(build, axes.extent, width, False), where, index))

                build.loop(start, stop, several, step=width)

        nest_parts(build, axes.outer, chunks, bounds, one)


@dataclass(frozen=True, eq=False, slots=True)
class PlacedLine:
    """One line, or several beside each other.

    Attributes
    ----------
    lines : Lines
    walk : Line
    outer : list of Index
        Which line.
    column : Index
        Of several, the first one's place along the last axis.
    """

    lines: Lines
    walk: Line
    outer: list[Index]
    column: Index

    def load(self, index: Index, width: int) -> str:
        """Return elements of the data in the type that is computed in."""
        build, axes = self.lines.build, self.lines.axes
        offset = build.offset(self._where(index), axes.data_strides)
        address = build.address(self.lines.data, offset, element_bytes(axes.data_dtype))
        value = build.load(axes.data_dtype, address, width)
        return extend(build, value, axes.data_dtype, axes.work_dtype, width)

    def store(self, index: Index, width: int, value: str) -> None:
        """Put elements through the formula into the target."""
        build, axes = self.lines.build, self.lines.axes
        dtype, where = axes.formula[-1].dtype, self._where(index)
        result = self.lines.evaluator.emit(where, width, value)
        offset = build.offset(where, axes.target_strides)
        address = build.address(self.lines.target, offset, element_bytes(dtype))
        build.store(dtype, result, address, width)

    def _where(self, index: Index) -> list[Index]:
        """Return the indices of a place along the axis."""
        return [*self.outer, index] if self.walk.along else [*self.outer, index, self.column]
