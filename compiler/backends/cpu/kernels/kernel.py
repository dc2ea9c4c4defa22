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
