"""What every kernel is."""

from typing import Protocol

from ..builder import Builder

__all__ = ["Kernel"]


class Kernel(Protocol):
    """What can write its own function."""

    def emit(self, build: Builder, pointers: list[str]) -> None:
        """Write the function's body; `pointers` are its arguments, the target first."""

    def __hash__(self) -> int: ...
