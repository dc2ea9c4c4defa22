"""The kernel of results whose elements are computed one by one."""

from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index, element_bytes
from ..formula import Formula
from .evaluator import Evaluator, lanes_of, pieces
from .overlay import overlaid
from .parts import clamp, count_parts, nest_parts

__all__ = ["Elementwise"]

_PIECES = 32
# Elements: no vector has more.
_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Elementwise:
    """Computes a formula everywhere.

    Attributes
    ----------
    shape : tuple of int
        Of the result, merged.
    strides : tuple of int
        Elements of the target from one index to the next, by axis.
    start : int
        Elements of the target before the first.
    formula : Formula
        Its loads have one stride for each axis of `shape`.
    vector_bytes : int
        Size of a vector register.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    start: int
    formula: Formula
    vector_bytes: int

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes, or pieces of the only one."""
        work = prod(self.shape) * len(self.formula)
        if not isinstance(work, int):
            return 1
        if len(self.shape) == 1:
            return count_parts((-(-self.shape[0] // _piece(self.shape[0])),), work)
        return count_parts(self.shape[:-1], work)

    @property
    def in_place(self) -> tuple[int, ...]:
        """Operands of which it reads one element for each, where that lies."""
        return () if self.start else overlaid(self.formula, self.shape, self.strides, 0)

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body; `pointers` are the target and what the formula reads."""
        evaluator = Evaluator(build, self.formula, pointers[1:])
        dtype = self.formula[-1].dtype

        def store(indices: list[Index], lanes: int) -> None:
            value = evaluator.emit(indices, lanes)
            offset = build.offset(indices, self.strides, self.start)
            address = build.address(pointers[0], offset, element_bytes(dtype))
            build.store(dtype, value, address, lanes)

        if not self.shape:
            store([], 1)
            return
        *outer, extent = self.shape
        lanes = lanes_of(self.formula, -1, self.strides[-1], extent, self.vector_bytes)

        def row(indices: list[Index], limits: tuple[Index, Index]) -> None:
            for start, stop, width in pieces(extent, lanes):

                def vector(index: Index, _: list[str], width: int = width) -> None:
                    store([*indices, index], width)

                begin: Index
                end: Index
                begin, end = start, stop
                if limits != (0, extent):
                    begin, end = (clamp(build, limit, start, stop) for limit in limits)
                build.loop(begin, end, vector, step=width)

        if outer or self.chunks == 1:
            bounds = first, last
            nest_parts(build, outer, self.chunks, bounds, lambda where: row(where, (0, extent)))
            return
        piece = _piece(extent)
        row([], (build.multiply(first, piece), build.multiply(last, piece)))


def _piece(extent: int) -> int:
    """Return how many elements of the only axis make a part, whole vectors of any size."""
    return -(-extent // (_PIECES * _ALIGNMENT)) * _ALIGNMENT
