"""What every kernel is."""

from typing import Protocol

from ..builder import Builder, Index

__all__ = ["Kernel"]


class Kernel(Protocol):
    """What can write its own function."""

    @property
    def chunks(self) -> int:
        """How many parts it has, which may run in any order and on any threads at once.

        The pool hands out runs of neighbouring parts, several for each thread, so that more parts
        than a few for each thread do no harm. 1 where splitting is not worth its cost; then
        `emit` gets 0 and 1.
        """

    @property
    def in_place(self) -> tuple[int, ...]:
        """Numbers of the reads that may lie where the target does, one of them at a time.

        The kernel reads an element of such an operand only where it writes the element of the
        target in the same place, in the same part, and before: what it wrote it never reads.
        `emit` then gets the target's address for the operand too.
        """

    def emit(self, build: Builder, pointers: list[str], first: Index, last: Index) -> None:
        """Write the function's body: parts `first` up to, but without, `last`.

        Parameters
        ----------
        build : Builder
        pointers : list of str
            The function's arguments, the target first.
        first, last : Index
            Numbers if `chunks` is 1, else names of i64 values.
        """

    def __hash__(self) -> int: ...
