"""The kernels of reductions over axes: one value for many."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index, element_bytes, llvm_type
from ..formula import Formula, row_major
from ..site import literal
from .evaluator import Evaluator, lanes_of, pieces
from .line import Line
from .overlay import overlaid
from .parts import count_parts, nest_parts
from .pool import combine
from .tile import extend

__all__ = ["Reduction", "Search"]


@dataclass(frozen=True, slots=True)
class Reduction:
    """Combines the elements along some axes.

    Attributes
    ----------
    shape : tuple of int
        Of the result: the axes kept.
    data_strides : tuple of int
        Elements of the data, by axis of the result.
    reduced : tuple of (extent, stride)
        The axes reduced.
    operation : str
        add, multiply, maximum or minimum.
    first : float
        Value to begin with.
    data_dtype, result_dtype : str
        The latter is that of the combined value, which the formula takes as its anchor.
    formula : Formula
    target_strides : tuple of int
    vector_bytes : int
    """

    shape: tuple[int, ...]
    data_strides: tuple[int, ...]
    reduced: tuple[tuple[int, int], ...]
    operation: str
    first: float
    data_dtype: str
    result_dtype: str
    formula: Formula
    target_strides: tuple[int, ...]
    vector_bytes: int

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes."""
        return count_parts(
            self.shape[:-1], prod(self.shape) * prod(extent for extent, _ in self.reduced)
        )

    @property
    def in_place(self) -> tuple[int, ...]:
        """Operands of the formula."""
        return overlaid(self.formula, self.shape, self.target_strides, 1)

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body; `pointers` are target, data and what the formula reads."""
        target, data, *others = pointers
        evaluator = Evaluator(build, self.formula, others)
        dtype = self.formula[-1].dtype
        *outer, extent = self.shape or (1,)
        lanes = 1
        if self.shape and self.data_strides[-1] == 1:
            lanes = lanes_of(self.formula, -1, self.target_strides[-1], extent, self.vector_bytes)

        def store(where: list[Index], width: int) -> None:
            place = where[: len(self.shape)]
            start = build.offset(place, self.data_strides)
            address = build.address(data, start, element_bytes(self.data_dtype))
            value = evaluator.emit(place, width, self._combine(build, address, width))
            offset = build.offset(place, self.target_strides)
            build.store(dtype, value, build.address(target, offset, element_bytes(dtype)), width)

        def row(indices: list[Index]) -> None:
            for start, stop, width in pieces(extent, lanes):

                def vector(index: Index, _: list[str], width: int = width) -> None:
                    store([*indices, index], width)

                build.loop(start, stop, vector, step=width)

        nest_parts(build, outer, self.chunks, (first, last), row)

    def _combine(self, build: Builder, data: str, lanes: int) -> str:
        """Return everything below one element of the result."""
        scalar, kind = llvm_type(self.result_dtype), llvm_type(self.result_dtype, lanes)
        number = literal(self.first, self.result_dtype)
        first = number if lanes == 1 else f"splat ({scalar} {number})"
        along = lanes == 1 and bool(self.reduced) and self.reduced[-1][1] == 1

        def load(place: Index, width: int) -> str:
            address = build.address(data, place, element_bytes(self.data_dtype))
            x = build.load(self.data_dtype, address, width)
            return extend(build, x, self.data_dtype, self.result_dtype, width)

        def body(place: Index, _: Index, carried: list[str]) -> list[str]:
            if along:
                x = self._line(build, lambda index, width: load(build.add(place, index), width))
            else:
                x = load(place, lanes)
            return [combine(build, self.operation, self.result_dtype, carried[0], x, lanes)]

        axes = self.reduced[:-1] if along else self.reduced
        return scan(build, axes, [(kind, first)], body)[0]

    def _line(self, build: Builder, load: Callable[[Index, int], str]) -> str:
        """Return the elements along the last of the reduced axes combined, which lie together."""
        extent = self.reduced[-1][0]
        widest = max(element_bytes(self.data_dtype), element_bytes(self.result_dtype))
        lanes = min(self.vector_bytes // widest, 1 << (extent.bit_length() - 1))
        walk = Line(build, extent, lanes, along=True)
        return walk.reduce(self.operation, self.result_dtype, self.first, load)


@dataclass(frozen=True, slots=True)
class Search:
    """Finds where the largest or smallest element along some axes stands.

    Attributes
    ----------
    shape, data_strides, reduced
        As of a `Reduction`.
    largest : bool
    last : bool
        Of equal elements the last one counts, not the first.
    data_dtype : str
    """

    shape: tuple[int, ...]
    data_strides: tuple[int, ...]
    reduced: tuple[tuple[int, int], ...]
    largest: bool
    last: bool
    data_dtype: str

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes."""
        below = prod(extent for extent, _ in self.reduced)
        return count_parts(self.shape, prod(self.shape) * below)

    @property
    def in_place(self) -> tuple[int, ...]:
        """None: a result stands for many elements."""
        return ()

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body; `pointers` are target (int32) and data."""
        target, data = pointers
        strides = row_major(self.shape)
        kind = llvm_type(self.data_dtype)

        def one(where: list[Index]) -> None:
            start = build.offset(where, self.data_strides)
            address = build.address(data, start, element_bytes(self.data_dtype))
            begin = build.load(self.data_dtype, address)

            def body(place: Index, number: Index, carried: list[str]) -> list[str]:
                at = build.address(address, place, element_bytes(self.data_dtype))
                x = build.load(self.data_dtype, at)
                better = self._better(build, x, carried[0])
                return [
                    build.value(f"select i1 {better}, {kind} {x}, {kind} {carried[0]}"),
                    build.value(f"select i1 {better}, i64 {number}, i64 {carried[1]}"),
                ]

            found = scan(build, self.reduced, [(kind, begin), ("i64", "0")], body)[1]
            short = build.value(f"trunc i64 {found} to i32")
            build.store("int32", short, build.address(target, build.offset(where, strides), 4))

        nest_parts(build, self.shape, self.chunks, (first, last), one)

    def _better(self, build: Builder, x: str, best: str) -> str:
        """Return whether `x` replaces `best`; not-a-number is better than any number."""
        dtype, kind = self.data_dtype, llvm_type(self.data_dtype)
        relation = ("g" if self.largest else "l") + ("e" if self.last else "t")
        if not dtype.startswith("float"):
            sign = "s" if dtype.startswith("int") else "u"
            return build.value(f"icmp {sign}{relation} {kind} {x}, {best}")
        better = build.value(f"fcmp o{relation} {kind} {x}, {best}")
        unordered = build.value(f"fcmp uno {kind} {x}, {x}")
        if not self.last:
            ordered = build.value(f"fcmp ord {kind} {best}, {best}")
            unordered = build.value(f"and i1 {unordered}, {ordered}")
        return build.value(f"or i1 {better}, {unordered}")


def scan(
    build: Builder,
    axes: tuple[tuple[int, int], ...],
    carried: list[tuple[str, str]],
    body: Callable[[Index, Index, list[str]], list[str]],
) -> list[str]:
    """Return the carried values after a walk over `axes`.

    Parameters
    ----------
    axes : tuple of (extent, stride)
    body : callable
        Gets the offset in elements, the number of the element, and the carried values.
    """
    kinds = [kind for kind, _ in carried]

    def level(depth: int, place: Index, number: Index, values: list[str]) -> list[str]:
        if depth == len(axes):
            return body(place, number, values)
        extent, stride = axes[depth]

        def inner(index: Index, current: list[str]) -> list[str]:
            following = build.add(place, build.multiply(index, stride))
            count = build.add(build.multiply(number, extent), index)
            return level(depth + 1, following, count, current)

        return build.loop(0, extent, inner, list(zip(kinds, values, strict=True)))

    return level(0, 0, 0, [value for _, value in carried])
