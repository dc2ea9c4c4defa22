"""The kernel of layer normalisation: along one axis, mean 0 and variance 1."""

from dataclasses import dataclass

from ..builder import Builder, Index
from ..functions.value import Value
from .lines import LineAxes, Lines, PlacedLine

__all__ = ["Normalization"]

# Simple operations an element.
_COST = 8


@dataclass(frozen=True, slots=True)
class Normalization:
    """(x - mean) / sqrt(variance + epsilon), and a formula of that.

    Attributes
    ----------
    axes : LineAxes
    epsilon : float
    """

    axes: LineAxes
    epsilon: float

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes."""
        return self.axes.chunks(_COST)

    @property
    def in_place(self) -> tuple[int, ...]:
        """The data, which are read line by line, and operands of the formula."""
        return self.axes.in_place

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body; `pointers` are target, data and what the formula reads."""
        lines = Lines(self.axes, build, pointers)
        lines.run(self.chunks, (first, last), lambda line: self._line(build, line))

    def _line(self, build: Builder, line: PlacedLine) -> None:
        """Compute one line, or several beside each other: three walks, as the mean comes first."""
        dtype, walk = self.axes.work_dtype, line.walk
        lanes = 1 if walk.along else walk.lanes
        share = 1.0 / walk.extent
        total = walk.reduce("add", dtype, 0.0, line.load)
        mean = Value(build, dtype, lanes, total) * share

        def centred(index: Index, width: int) -> Value:
            x = Value(build, dtype, width, line.load(index, width))
            return x - x.like(walk.spread(mean.name, dtype, width))

        def square(index: Index, width: int) -> str:
            x = centred(index, width)
            return (x * x).name

        squares = mean.like(walk.reduce("add", dtype, 0.0, square))
        scale = 1.0 / (squares * share + self.epsilon).root()

        def finish(index: Index, width: int) -> None:
            x = centred(index, width)
            line.store(index, width, (x * x.like(walk.spread(scale.name, dtype, width))).name)

        walk.each(finish)
