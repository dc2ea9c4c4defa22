"""A box of elements in two layouts: what kernels that copy have in common."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..builder import Builder, Index

__all__ = ["Box"]


@dataclass(frozen=True, slots=True)
class Box:
    """Elements that are copied between two layouts.

    Attributes
    ----------
    shape : tuple of int
        Axes merged where possible.
    target_strides, source_strides : tuple of int
        Elements, by axis; those of the source may be negative or 0.
    target_start, source_start : int
        Elements before the first.
    element_bytes : int
    """

    shape: tuple[int, ...]
    target_strides: tuple[int, ...]
    target_start: int
    source_strides: tuple[int, ...]
    source_start: int
    element_bytes: int

    def target(self, build: Builder, pointer: str, where: Sequence[Index]) -> str:
        """Return the address of an element of the target, by its indices along the first axes."""
        return self._address(build, pointer, where, self.target_strides, self.target_start)

    def source(self, build: Builder, pointer: str, where: Sequence[Index]) -> str:
        """Return the address of an element of the source, by its indices along the first axes."""
        return self._address(build, pointer, where, self.source_strides, self.source_start)

    def reordered(self, order: Sequence[int]) -> "Box":
        """Return the same elements with the axes in another order."""
        return replace(
            self,
            shape=tuple(self.shape[axis] for axis in order),
            target_strides=tuple(self.target_strides[axis] for axis in order),
            source_strides=tuple(self.source_strides[axis] for axis in order),
        )

    def joined(self) -> "Box":
        """Return the box of elements that each are all of the last axis; all strides divide."""
        run = self.shape[-1]
        return Box(
            self.shape[:-1],
            tuple(stride // run for stride in self.target_strides[:-1]),
            self.target_start // run,
            tuple(stride // run for stride in self.source_strides[:-1]),
            self.source_start // run,
            self.element_bytes * run,
        )

    def _address(
        self,
        build: Builder,
        pointer: str,
        where: Sequence[Index],
        strides: tuple[int, ...],
        start: int,
    ) -> str:
        offset = build.offset(where, strides[: len(where)], start)
        return build.address(pointer, offset, self.element_bytes)
