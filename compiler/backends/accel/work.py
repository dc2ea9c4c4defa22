"""A layer's work as it is put in order: steps that share parameters, units that fill one block."""

from dataclasses import dataclass

from .layers import Addition, Convolution, Layer
from .schedule import Block, Schedule

__all__ = ["Part", "Step", "Unit", "Work", "acc_words"]


@dataclass(frozen=True)
class Part:
    """Groups of columns g0..g1 - 1, summed over input vectors v0..v1 - 1.

    Attributes
    ----------
    first, last : bool, whether the sum begins, ends here; only convolutions have parts of a sum
    """

    g0: int
    g1: int
    v0: int = 0
    v1: int = 1
    first: bool = True
    last: bool = True


@dataclass(frozen=True)
class Step:
    """What is loaded together: `tiles` weight tiles and `params` param words for `part`.

    A step of the vector engine may be done in slices of its groups, one after the other.
    """

    part: Part
    tiles: int
    params: int


@dataclass(frozen=True)
class Unit:
    """One block of a step.

    Attributes
    ----------
    step : int, index of its step in the layer
    part : Part, what is computed of the block: of a convolution, what the step is for
    block : Block
    turn : int, 0 or 1, the half of staging that the block uses
    """

    step: int
    part: Part
    block: Block
    turn: int


@dataclass(frozen=True)
class Work:
    """All work of one layer; units of a block follow each other, a sum's parts in their order."""

    plan: Schedule
    steps: tuple[Step, ...]
    units: tuple[Unit, ...]

    @property
    def layer(self) -> Layer:
        """The layer."""
        return self.plan.layer


def acc_words(work: Work, unit: Unit) -> int:
    """Return the words of acc that `unit` needs: of a sum, or of both operands of an addition."""
    results = (unit.part.g1 - unit.part.g0) * unit.block.lines * unit.block.pixels
    if isinstance(work.layer, Convolution):
        return results
    return 2 * results if isinstance(work.layer, Addition) else 0
