"""Kernels that work line by line: where the lines are, what they read, what they write."""

from collections.abc import Callable
from dataclasses import dataclass

from ..builder import Builder, Index, element_bytes
from ..formula import Formula, Node
from .evaluator import Evaluator, lanes_of, pieces
from .line import Line
from .parts import nest_parts
from .tile import extend

__all__ = ["Lines", "PlacedLine"]


@dataclass(frozen=True, eq=False, slots=True)
class Lines:
    """All lines of a tensor, each of which gives as many elements of the target.

    Attributes
    ----------
    build : Builder
    shape : tuple of int
        The axis comes last; or before the last, along which vectors lie then.
    along : bool
        The axis is the last one.
    pointers : list of str
        Target and data.
    strides : (tuple, tuple) of int
        Of target and data: elements, by axis.
    dtypes : (str, str)
        Of the data, and what is computed in.
    evaluator : Evaluator
    formula : Formula
        From what was computed to the target's elements.
    vector_bytes : int
    """

    build: Builder
    shape: tuple[int, ...]
    along: bool
    pointers: list[str]
    strides: tuple[tuple[int, ...], tuple[int, ...]]
    dtypes: tuple[str, str]
    evaluator: Evaluator
    formula: Formula
    vector_bytes: int

    @property
    def lanes(self) -> int:
        """Elements at a time."""
        extent, work = self.shape[-1], self.dtypes[1]
        target, data = self.strides
        if data[-1] != 1 and extent > 1:
            return 1
        anchored = (*self.formula, Node("cast", work))
        return lanes_of(anchored, -1, target[-1], extent, self.vector_bytes)

    def run(
        self, chunks: int, bounds: tuple[Index, Index], body: "Callable[[PlacedLine], None]"
    ) -> None:
        """Run `body` for the parts within `bounds`."""
        build = self.build

        def one(where: list[Index]) -> None:
            if self.along:
                walk = Line(build, self.shape[-1], self.lanes, True)
                body(PlacedLine(self, walk, where, 0))
                return
            for start, stop, width in pieces(self.shape[-1], self.lanes):

                def several(index: Index, _: list[str], width: int = width) -> None:
                    body(PlacedLine(self, Line(build, self.shape[-2], width, False), where, index))

                build.loop(start, stop, several, step=width)

        outer = self.shape[: -1 if self.along else -2]
        nest_parts(build, outer, chunks, bounds, one)


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
        lines = self.lines
        source, work = lines.dtypes
        offset = lines.build.offset(self._where(index), lines.strides[1])
        address = lines.build.address(lines.pointers[1], offset, element_bytes(source))
        value = lines.build.load(source, address, width)
        return extend(lines.build, value, source, work, width)

    def store(self, index: Index, width: int, value: str) -> None:
        """Put elements through the formula into the target."""
        lines = self.lines
        dtype, where = lines.formula[-1].dtype, self._where(index)
        result = lines.evaluator.emit(where, width, value)
        offset = lines.build.offset(where, lines.strides[0])
        address = lines.build.address(lines.pointers[0], offset, element_bytes(dtype))
        lines.build.store(dtype, result, address, width)

    def _where(self, index: Index) -> list[Index]:
        """Return the indices of a place along the axis."""
        return [*self.outer, index] if self.walk.along else [*self.outer, index, self.column]
