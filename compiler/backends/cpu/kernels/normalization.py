"""The kernel of layer normalisation: along one axis, mean 0 and variance 1."""

from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index
from ..formula import Formula
from ..functions.value import Value
from .evaluator import Evaluator
from .lines import Lines, PlacedLine
from .parts import count_parts

__all__ = ["Normalization"]

# Simple operations an element.
_COST = 8


@dataclass(frozen=True, slots=True)
class Normalization:
    """(x - mean) / sqrt(variance + epsilon), and a formula of that.

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
    epsilon : float
    formula : Formula
    vector_bytes : int
    """

    shape: tuple[int, ...]
    data_strides: tuple[int, ...]
    target_strides: tuple[int, ...]
    along: bool
    data_dtype: str
    work_dtype: str
    epsilon: float
    formula: Formula
    vector_bytes: int

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes."""
        return count_parts(self.shape[: -1 if self.along else -2], _COST * prod(self.shape))

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body; `pointers` are target, data and what the formula reads."""
        place = Lines(
            build,
            self.shape,
            self.along,
            pointers[:2],
            (self.target_strides, self.data_strides),
            (self.data_dtype, self.work_dtype),
            Evaluator(build, self.formula, pointers[2:]),
            self.formula,
            self.vector_bytes,
        )
        place.run(self.chunks, (first, last), lambda line: self._line(place, line))

    def _line(self, place: Lines, line: PlacedLine) -> None:
        """Compute one line, or several beside each other: three walks, as the mean comes first."""
        build, dtype, walk = place.build, self.work_dtype, line.walk
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
