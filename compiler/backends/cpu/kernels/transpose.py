"""The kernel that copies a box whose neighbours lie along other axes in the target.

It moves blocks through registers: rows of the source are interleaved until each vector is a row of
the target.
"""

from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index
from .box import Box
from .parts import count_parts, nest_parts

__all__ = ["Transpose", "find_block"]

# Rows and columns of a block: as many vectors stay in registers.
_MOST = 16
_LEAST_BLOCK = 16


@dataclass(frozen=True, slots=True)
class Transpose:
    """Copies a box of elements between two layouts.

    Attributes
    ----------
    box : Box
        Its axes are outer ones, the one along which the target is contiguous, the one along which
        the source is.
    vector_bytes : int
    """

    box: Box
    vector_bytes: int

    @property
    def chunks(self) -> int:
        """How many parts: places along the outer axes, blocks of rows among them."""
        return count_parts(self._outer(), prod(self.box.shape))

    @property
    def in_place(self) -> tuple[int, ...]:
        """None: elements move."""
        return ()

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body; `pointers` are target and source."""
        *_, rows, columns = self.box.shape
        height, width = self._block()
        blocked = self._outer()[len(self.box.shape) - 2 :]

        def one(indices: list[Index]) -> None:
            outer = indices[: len(self.box.shape) - 2]
            if blocked:
                self._strip(build, pointers, outer, build.multiply(indices[-1], height))
                return

            def strip(row: Index, _: list[str]) -> None:
                self._strip(build, pointers, outer, row)

            whole = rows - rows % height
            build.loop(0, whole, strip, step=height)
            build.nest(
                (rows - whole, columns),
                lambda rest: self._move(
                    build, pointers, [*outer, build.add(rest[0], whole), rest[1]], (1, 1)
                ),
            )

        nest_parts(build, self._outer(), self.chunks, (first, last), one)

    def _block(self) -> tuple[int, int]:
        """Return rows and columns of a block."""
        return find_block(self.box.shape[-2:], self.box.element_bytes, self.vector_bytes)

    def _outer(self) -> tuple[int, ...]:
        """Return the outer axes, with blocks of rows as the last one if these are whole."""
        rows, height = self.box.shape[-2], self._block()[0]
        return (*self.box.shape[:-2], *((rows // height,) if rows % height == 0 else ()))

    def _strip(self, build: Builder, pointers: list[str], outer: list[Index], row: Index) -> None:
        """Copy the rows of a block, in all columns."""
        height, width = self._block()
        columns = self.box.shape[-1]
        whole = columns - columns % width

        def block(column: Index, _: list[str]) -> None:
            self._move(build, pointers, [*outer, row, column], (height, width))

        def rest(indices: list[Index]) -> None:
            place = [*outer, build.add(row, indices[0]), build.add(indices[1], whole)]
            self._move(build, pointers, place, (1, 1))

        build.loop(0, whole, block, step=width)
        build.nest((height, columns - whole), rest)

    def _move(
        self, build: Builder, pointers: list[str], where: list[Index], size: tuple[int, int]
    ) -> None:
        """Copy one block."""
        height, width = size
        element = f"i{8 * self.box.element_bytes}"
        target = self.box.target(build, pointers[0], where)
        source = self.box.source(build, pointers[1], where)
        rows = []
        for row in range(height):
            offset = row * self.box.source_strides[-2]
            address = build.address(source, offset, self.box.element_bytes)
            kind = f"<{width} x {element}>"
            value = build.value(f"load {kind}, ptr {address}, align {self.box.element_bytes}")
            rows.append([value])
        while len(rows) > 1:
            half = len(rows) // 2
            rows = [
                _zip(build, element, rows[number], rows[number + half], width)
                for number in range(half)
            ]
        # The columns one after the other, in vectors of `width`.
        count = width if self.box.target_strides[-1] == height else min(width, height)
        for place in range(0, height * width, count):
            vector, start = divmod(place, width)
            part = _cut(build, element, rows[0][vector], width, start, count)
            column, row = divmod(place, height)
            address = build.address(
                target, column * self.box.target_strides[-1] + row, self.box.element_bytes
            )
            build.do(
                f"store <{count} x {element}> {part}, ptr {address}, align {self.box.element_bytes}"
            )


def find_block(size: tuple[int, ...], element_bytes: int, vector_bytes: int) -> tuple[int, int]:
    """Return rows and columns of a block of a box of `size` (rows, columns); (1, 1) if too small.

    Both are powers of two.
    """
    most = min(_MOST, vector_bytes // element_bytes)
    height, width = (min(most, 1 << (extent.bit_length() - 1)) for extent in size)
    return (height, width) if min(height, width) > 1 and height * width >= _LEAST_BLOCK else (1, 1)


def _zip(build: Builder, element: str, left: list[str], right: list[str], lanes: int) -> list[str]:
    """Return the elements of two rows alternating; rows are vectors of `lanes`."""
    found = []
    for pair in zip(left, right, strict=True):
        for half in (0, lanes // 2):
            places = [
                place + part for place in range(half, half + lanes // 2) for part in (0, lanes)
            ]
            found.append(build.shuffle(element, pair, lanes, places))
    return found


def _cut(build: Builder, element: str, vector: str, lanes: int, start: int, count: int) -> str:
    """Return `count` lanes of a vector from `start` on."""
    if count == lanes:
        return vector
    return build.shuffle(element, (vector, "poison"), lanes, range(start, start + count))
