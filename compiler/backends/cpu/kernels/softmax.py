"""The kernels of softmax, along one axis: of float elements, and of int8 by integers alone."""

from dataclasses import dataclass

from ..builder import Builder, Index, element_bytes
from ..functions.exponential import flushed_exp
from ..functions.logarithm import log
from ..functions.value import Value
from .lines import LineAxes, Lines, PlacedLine
from .parts import count_parts, nest_parts
from .pool import combine

__all__ = ["QuantizedSoftmax", "Softmax"]

# Simple operations an element.
_COST = 16
# Bytes of exponentials kept beside each other on the stack; longer lines compute them twice.
_MOST_STACK = 1 << 14


@dataclass(frozen=True, slots=True)
class Softmax:
    """exp(x - largest) / sum of these, or its logarithm, and a formula of that.

    Attributes
    ----------
    axes : LineAxes
    logarithm : bool
    """

    axes: LineAxes
    logarithm: bool

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
        axes = self.axes
        lines = Lines(axes, build, pointers)
        beside = 1 if axes.along else axes.lanes
        size = axes.extent * element_bytes(axes.work_dtype) * beside
        keeps = size <= _MOST_STACK and not self.logarithm
        scratch = build.allocate(size) if keeps else None
        lines.run(self.chunks, (first, last), lambda line: self._line(build, line, scratch))

    def _line(self, build: Builder, line: PlacedLine, scratch: str | None) -> None:
        """Compute one line, or several beside each other."""
        dtype, walk = self.axes.work_dtype, line.walk
        lowest = float("-inf")
        # Not-a-number may get lost here; then its exponential makes all of the line such.
        largest = walk.reduce("larger", dtype, lowest, line.load)
        pitch = 1 if walk.along else walk.lanes

        def shifted(index: Index, width: int) -> Value:
            x = Value(build, dtype, width, line.load(index, width))
            return x - x.like(walk.spread(largest, dtype, width))

        def kept(index: Index) -> str:
            assert scratch is not None
            return build.address(scratch, build.multiply(index, pitch), element_bytes(dtype))

        def power(index: Index, width: int) -> str:
            value = flushed_exp(shifted(index, width), negative=True)
            if scratch is not None:
                build.store(dtype, value.name, kept(index), width)
            return value.name

        total = walk.reduce("add", dtype, 0.0, power)
        lanes = 1 if walk.along else walk.lanes
        one = Value(build, dtype, lanes, total)
        final = log(one) if self.logarithm else 1.0 / one

        def finish(index: Index, width: int) -> None:
            scale = one.like(walk.spread(final.name, dtype, width))
            scale = Value(build, dtype, width, scale.name)
            if self.logarithm:
                value = shifted(index, width) - scale
            elif scratch is not None:
                value = scale * scale.like(build.load(dtype, kept(index), width))
            else:
                value = scale * flushed_exp(shifted(index, width), negative=True)
            line.store(index, width, value.name)

        walk.each(finish)


@dataclass(frozen=True, slots=True)
class QuantizedSoftmax:
    """Softmax of int8 through a table of exponentials, as the operator qnn.softmax defines it.

    Attributes
    ----------
    outer, extent, inner : int
        Elements before, along and after the axis.
    shift : int
        k of the output scale 2**-k.
    zero_point : int
        Of the output.
    """

    outer: int
    extent: int
    inner: int
    shift: int
    zero_point: int

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes."""
        work = _COST * self.outer * self.extent * self.inner
        return count_parts((self.outer, self.inner), work)

    @property
    def in_place(self) -> tuple[int, ...]:
        """The data: a line is read before it is written."""
        return (0,)

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the body; `pointers` are target, data, and the table int64[256]."""
        target, data, table = pointers

        def row(where: list[Index]) -> None:
            start = build.offset(where, [self.extent * self.inner, 1])

            def load(index: Index) -> str:
                place = build.add(start, build.multiply(index, self.inner))
                x = build.load("int8", build.address(data, place))
                return build.value(f"sext i8 {x} to i64")

            def larger(index: Index, carried: list[str]) -> list[str]:
                return [combine(build, "maximum", "int64", carried[0], load(index), 1)]

            (largest,) = build.loop(0, self.extent, larger, [("i64", "-128")])

            def power(index: Index) -> str:
                distance = build.value(f"sub i64 {largest}, {load(index)}")
                return build.load("int64", build.address(table, distance, 8))

            def add(index: Index, carried: list[str]) -> list[str]:
                return [build.value(f"add i64 {carried[0]}, {power(index)}")]

            (total,) = build.loop(0, self.extent, add, [("i64", "0")])
            double = build.value(f"shl i64 {total}, 1")

            def finish(index: Index, _: list[str]) -> None:
                scaled = build.value(f"shl i64 {power(index)}, {self.shift + 1}")
                rounded = build.value(f"add i64 {scaled}, {total}")
                share = build.value(f"udiv i64 {rounded}, {double}")
                moved = build.value(f"add i64 {share}, {self.zero_point}")
                low = build.call("i64", "llvm.smax.i64", ("i64", moved), ("i64", "-128"))
                high = build.call("i64", "llvm.smin.i64", ("i64", low), ("i64", "127"))
                place = build.add(start, build.multiply(index, self.inner))
                short = build.value(f"trunc i64 {high} to i8")
                build.store("int8", short, build.address(target, place))

            build.loop(0, self.extent, finish)

        nest_parts(build, (self.outer, self.inner), self.chunks, (first, last), row)
