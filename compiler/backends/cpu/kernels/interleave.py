"""The kernel that brings a few planes together: what comes in channels first, as channels last."""

from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index
from .parts import count_parts, nest_parts

__all__ = ["Interleave"]


@dataclass(frozen=True, slots=True)
class Interleave:
    """Copies a box of elements whose last two axes change places in memory.

    Attributes
    ----------
    shape : tuple of int
        The box: outer axes, elements of a line, planes.
    target_strides, source_strides : tuple of int
        Elements, by axis: of the target [.., planes, 1], of the source [.., 1, any].
    target_start, source_start : int
        Elements before the first.
    element_bytes : int
    vector_bytes : int
    """

    shape: tuple[int, ...]
    target_strides: tuple[int, ...]
    target_start: int
    source_strides: tuple[int, ...]
    source_start: int
    element_bytes: int
    vector_bytes: int

    @property
    def chunks(self) -> int:
        """How many parts: places along the outer axes."""
        return count_parts(self.shape[:-2], prod(self.shape))

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body; `pointers` are target and source."""
        *outer, extent, planes = self.shape

        def line(where: list[Index]) -> None:
            done, lanes = 0, self.vector_bytes // self.element_bytes
            while done < extent:
                stop = extent - (extent - done) % lanes

                def vector(index: Index, _: list[str], lanes: int = lanes) -> None:
                    self._move(build, pointers, [*where, index], lanes, planes)

                build.loop(done, stop, vector, step=lanes)
                done, lanes = stop, lanes // 2

        nest_parts(build, outer, self.chunks, (first, last), line)

    def _move(
        self, build: Builder, pointers: list[str], where: list[Index], lanes: int, planes: int
    ) -> None:
        """Copy `lanes` elements of each plane."""
        size, element = self.element_bytes, f"i{8 * self.element_bytes}"
        offset = build.offset(where, self.source_strides[:-1], self.source_start)
        source = build.address(pointers[1], offset, size)
        offset = build.offset(where, self.target_strides[:-1], self.target_start)
        target = build.address(pointers[0], offset, size)
        kind = f"<{lanes} x {element}>" if lanes > 1 else element
        rows = []
        for plane in range(planes):
            address = build.address(source, plane * self.source_strides[-1], size)
            rows.append(build.value(f"load {kind}, ptr {address}, align {size}"))
        if lanes == 1:
            for plane, row in enumerate(rows):
                address = build.address(target, plane, size)
                build.do(f"store {kind} {row}, ptr {address}, align {size}")
            return
        whole, count = rows[0], lanes
        for number, row in enumerate(rows[1:], 2):
            row = _shuffle(build, element, (row, "poison"), lanes, list(range(count)))
            whole = _shuffle(build, element, (whole, row), count, list(range(number * lanes)))
            count = number * lanes
        places = [place % planes * lanes + place // planes for place in range(count)]
        mixed = _shuffle(build, element, (whole, "poison"), count, places)
        build.do(f"store <{count} x {element}> {mixed}, ptr {target}, align {size}")


def _shuffle(
    build: Builder, element: str, pair: tuple[str, str], lanes: int, places: list[int]
) -> str:
    """Return some lanes of two vectors one after the other; beyond a vector they are undefined."""
    kind = f"<{lanes} x {element}>"
    names = (f"i32 {place}" if place < 2 * lanes else "i32 poison" for place in places)
    return build.value(
        f"shufflevector {kind} {pair[0]}, {kind} {pair[1]}, "
        f"<{len(places)} x i32> <{', '.join(names)}>"
    )
