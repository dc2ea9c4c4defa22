"""What a target tells the partitioner."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..ir import Call, Expr

__all__ = ["Match", "Target"]


@dataclass(frozen=True)
class Match:
    """Calls that a target computes as one.

    Attributes
    ----------
    calls : the calls, the result first
    cycles : int, what they cost on the target, in its clock cycles
    saved_cycles : int, what they would cost on the CPU, in the same unit
    """

    calls: tuple[Call, ...]
    cycles: int
    saved_cycles: int


class Target(Protocol):
    """A device that takes parts of a network."""

    @property
    def name(self) -> str:
        """Name of the target: the attribute "Compiler" of the functions it gets."""

    def matches(self, body: Expr) -> Sequence[Match]:
        """Return what the target takes of the expression `body`; no call twice."""

    def transfer_cycles(self, size_bytes: int) -> int:
        """Return what it costs to hand `size_bytes` over from the CPU or back."""
