"""The kernel that fills the border of an image."""

from dataclasses import dataclass

from ..builder import Builder, Index, element_bytes, llvm_type
from ..site import literal
from .evaluator import pieces

__all__ = ["Border"]


@dataclass(frozen=True, slots=True)
class Border:
    """Writes one value around images.

    Attributes
    ----------
    shape : (n, h, w, c)
        Of the images, without border.
    border : (top, left, bottom, right)
        Lines and pixels.
    fill : float
    dtype : str
    vector_bytes : int
    """

    shape: tuple[int, int, int, int]
    border: tuple[int, int, int, int]
    fill: float
    dtype: str
    vector_bytes: int

    @property
    def chunks(self) -> int:
        """One part: this is little work."""
        return 1

    @property
    def in_place(self) -> tuple[int, ...]:
        """It reads nothing."""
        return ()

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the body; the pointer is the address of the first pixel."""
        (target,) = pointers
        n, h, w, c = self.shape
        top, left, bottom, right = self.border
        line = (left + w + right) * c
        image = (top + h + bottom) * line

        def one(where: list[Index]) -> None:
            def run(start: int, count: int, lines: int = 1) -> None:
                """Fill `count` elements from `start` on, in each of some lines."""

                def each(number: Index, _: list[str]) -> None:
                    offset = build.offset([*where, number], [image, line], start)
                    self._run(build, build.address(target, offset, size), count)

                build.loop(0, lines, each)

            run(-top * line - left * c, top * line + left * c)
            run(w * c, (right + left) * c, h - 1)
            run((h - 1) * line + w * c, right * c + bottom * line)

        size = element_bytes(self.dtype)
        build.nest([n], one)

    def _run(self, build: Builder, target: str, count: int) -> None:
        """Fill some elements that lie together."""
        size = element_bytes(self.dtype)
        lanes = self.vector_bytes // size
        number, scalar = literal(self.fill, self.dtype), llvm_type(self.dtype)
        while count and lanes > count:
            lanes //= 2
        for start, stop, width in pieces(count, lanes):
            value = number if width == 1 else f"splat ({scalar} {number})"

            def store(index: Index, _: list[str], width: int = width, value: str = value) -> None:
                build.store(self.dtype, value, build.address(target, index, size), width)

            build.loop(start, stop, store, step=width)
