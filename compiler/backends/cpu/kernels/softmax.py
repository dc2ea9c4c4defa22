"""The kernels of softmax, along one axis: of float elements, and of int8 by integers alone."""

from dataclasses import dataclass

from ..builder import Builder, Index, element_bytes, llvm_type
from ..site import literal
from .parts import count_parts, nest_parts
from .pool import combine

__all__ = ["QuantizedSoftmax", "Softmax"]

# Simple operations an element.
_COST = 16


@dataclass(frozen=True, slots=True)
class Softmax:
    """exp(x - largest) / sum of these, or its logarithm.

    Attributes
    ----------
    outer, extent, inner : int
        Elements before, along and after the axis.
    dtype : str
        float32 or float64.
    logarithm : bool
    """

    outer: int
    extent: int
    inner: int
    dtype: str
    logarithm: bool

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes."""
        work = _COST * self.outer * self.extent * self.inner
        return count_parts((self.outer, self.inner), work)

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body; `pointers` are target and data."""
        target, data = pointers
        kind = llvm_type(self.dtype)
        name = f"f{self.dtype[5:]}"

        def row(where: list[Index]) -> None:
            start = build.offset(where, [self.extent * self.inner, 1])

            def at(pointer: str, index: Index) -> str:
                offset = build.add(start, build.multiply(index, self.inner))
                return build.address(pointer, offset, element_bytes(self.dtype))

            def larger(index: Index, carried: list[str]) -> list[str]:
                x = build.load(self.dtype, at(data, index))
                return [combine(build, "maximum", self.dtype, carried[0], x, 1)]

            lowest = literal(float("-inf"), self.dtype)
            (largest,) = build.loop(0, self.extent, larger, [(kind, lowest)])

            def power(index: Index, carried: list[str]) -> list[str]:
                x = build.load(self.dtype, at(data, index))
                shifted = build.value(f"fsub {kind} {x}, {largest}")
                y = build.call(kind, f"llvm.exp.{name}", (kind, shifted))
                build.store(self.dtype, shifted if self.logarithm else y, at(target, index))
                return [build.value(f"fadd {kind} {carried[0]}, {y}")]

            (total,) = build.loop(0, self.extent, power, [(kind, literal(0.0, self.dtype))])
            if self.logarithm:
                total = build.call(kind, f"llvm.log.{name}", (kind, total))

            def finish(index: Index, _: list[str]) -> None:
                y = build.load(self.dtype, at(target, index))
                instruction = "fsub" if self.logarithm else "fdiv"
                build.store(
                    self.dtype, build.value(f"{instruction} {kind} {y}, {total}"), at(target, index)
                )

            build.loop(0, self.extent, finish)

        nest_parts(build, (self.outer, self.inner), self.chunks, (first, last), row)


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
