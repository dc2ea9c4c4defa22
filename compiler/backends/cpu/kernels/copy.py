"""The kernels that move elements without looking at them."""

from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index
from .box import Box
from .parts import count_parts, nest_parts

__all__ = ["Copy", "Gather"]


@dataclass(frozen=True, slots=True)
class Copy:
    """Copies a box of elements between two layouts.

    Attributes
    ----------
    box : Box
    """

    box: Box

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes."""
        return count_parts(self._runs()[0], prod(self.box.shape))

    @property
    def in_place(self) -> tuple[int, ...]:
        """None: elements move."""
        return ()

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body; `pointers` are target and source."""
        outer, size = self._runs()

        def move(where: list[Index]) -> None:
            target = self.box.target(build, pointers[0], where)
            copy_bytes(build, target, self.box.source(build, pointers[1], where), size)

        nest_parts(build, outer, self.chunks, (first, last), move)

    def _runs(self) -> tuple[tuple[int, ...], int]:
        """Return the axes whose places are copied one by one, and the bytes of each."""
        box = self.box
        if box.shape and box.target_strides[-1] == box.source_strides[-1] == 1:
            return box.shape[:-1], box.element_bytes * box.shape[-1]
        return box.shape, box.element_bytes


@dataclass(frozen=True, slots=True)
class Gather:
    """Copies the rows that an index tensor names: Relay's take.

    Attributes
    ----------
    outer : int
        Independent repetitions.
    count : int
        Indices.
    size : int
        Rows to choose from.
    row_bytes : int
    index_dtype : str
    wraps : bool
        An index out of range is taken modulo `size`; else it is clamped.
    """

    outer: int
    count: int
    size: int
    row_bytes: int
    index_dtype: str
    wraps: bool

    @property
    def chunks(self) -> int:
        """How many parts: places along the first axes."""
        return count_parts((self.outer, self.count), self.outer * self.count * self.row_bytes)

    @property
    def in_place(self) -> tuple[int, ...]:
        """None: elements move."""
        return ()

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body; `pointers` are target, source and indices."""

        def move(indices: list[Index]) -> None:
            outer, place = indices
            row = self._row(build, pointers[2], place)
            source = build.offset([outer, row], [self.size, 1])
            target = build.offset([outer, place], [self.count, 1])
            copy_bytes(
                build,
                build.address(pointers[0], target, self.row_bytes),
                build.address(pointers[1], source, self.row_bytes),
                self.row_bytes,
            )

        nest_parts(build, (self.outer, self.count), self.chunks, (first, last), move)

    def _row(self, build: Builder, pointer: str, place: Index) -> str:
        """Return the row that index number `place` names, within range."""
        bits = int(self.index_dtype.lstrip("uint"))
        index = build.load(self.index_dtype, build.address(pointer, place, bits // 8))
        if bits < 64:
            name = "sext" if self.index_dtype.startswith("int") else "zext"
            index = build.value(f"{name} i{bits} {index} to i64")
        if self.wraps:
            size = build.size(self.size)
            rest = build.value(f"srem i64 {index}, {size}")
            negative = build.value(f"icmp slt i64 {rest}, 0")
            moved = build.value(f"add i64 {rest}, {size}")
            return build.value(f"select i1 {negative}, i64 {moved}, i64 {rest}")
        low = build.call("i64", "llvm.smax.i64", ("i64", index), ("i64", "0"))
        return build.call(
            "i64", "llvm.smin.i64", ("i64", low), ("i64", str(build.size(self.size - 1)))
        )


def copy_bytes(build: Builder, target: str, source: str, size_bytes: int) -> None:
    """Copy a known number of bytes."""
    if size_bytes in (1, 2, 4, 8):
        value = build.value(f"load i{8 * size_bytes}, ptr {source}, align 1")
        build.do(f"store i{8 * size_bytes} {value}, ptr {target}, align 1")
        return
    build.declarations.add("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
    count = build.size(size_bytes)
    build.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source}, i64 {count}, i1 false)")
