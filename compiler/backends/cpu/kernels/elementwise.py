"""The kernel of results whose elements are computed one by one."""

from dataclasses import dataclass

from ..builder import Builder, Index, element_bytes
from ..formula import Formula
from .evaluator import Evaluator, lanes_of, pieces

__all__ = ["Elementwise"]


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

    def emit(self, build: Builder, pointers: list[str]) -> None:
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

        def row(indices: list[Index]) -> None:
            for first, last, width in pieces(extent, lanes):

                def vector(index: Index, _: list[str], width: int = width) -> None:
                    store([*indices, index], width)

                build.loop(first, last, vector, step=width)

        build.nest(outer, row)
