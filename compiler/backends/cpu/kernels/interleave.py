"""The kernel that brings a few planes together: what comes in channels first, as channels last."""

from dataclasses import dataclass
from math import prod

from ..builder import Builder, Index
from .box import Box
from .parts import count_parts, nest_parts

__all__ = ["Interleave"]


@dataclass(frozen=True, slots=True)
class Interleave:
    """Copies a box of elements whose last two axes change places in memory.

    Attributes
    ----------
    box : Box
        Its axes are outer ones, elements of a line, planes; the target's strides end with
        (planes, 1), the source's with (1, any).
    vector_bytes : int
    """

    box: Box
    vector_bytes: int

    @property
    def chunks(self) -> int:
        """How many parts: places along the outer axes."""
        return count_parts(self.box.shape[:-2], prod(self.box.shape))

    @property
    def in_place(self) -> tuple[int, ...]:
        """None: elements move."""
        return ()

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body; `pointers` are target and source."""
        *outer, extent, planes = self.box.shape

        def line(where: list[Index]) -> None:
            done, lanes = 0, self.vector_bytes // self.box.element_bytes
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
        size, element = self.box.element_bytes, f"i{8 * self.box.element_bytes}"
        source = self.box.source(build, pointers[1], where)
        target = self.box.target(build, pointers[0], where)
        kind = f"<{lanes} x {element}>" if lanes > 1 else element
        rows = []
        for plane in range(planes):
            address = build.address(source, plane * self.box.source_strides[-1], size)
            rows.append(build.value(f"load {kind}, ptr {address}, align {size}"))
        if lanes == 1:
            for plane, row in enumerate(rows):
                address = build.address(target, plane, size)
                build.do(f"store {kind} {row}, ptr {address}, align {size}")
            return
        whole, count = rows[0], lanes
        for number, row in enumerate(rows[1:], 2):
            row = build.shuffle(element, (row, "poison"), lanes, list(range(count)))
            whole = build.shuffle(element, (whole, row), count, list(range(number * lanes)))
            count = number * lanes
        places = [place % planes * lanes + place // planes for place in range(count)]
        mixed = build.shuffle(element, (whole, "poison"), count, places)
        build.do(f"store <{count} x {element}> {mixed}, ptr {target}, align {size}")
