"""The loop nests of the matrix and the vector engine: cycles, walks, and what they use of acc."""

from isa.instructions import VECTOR_LEVELS

from .decoding import field
from .fields import VectorField
from .state import Model
from .walks import add_level, begin_walk

__all__ = ["first_bank_share", "iterations", "make_walk", "results"]


def iterations(model: Model, index: int, count: int, levels: int) -> int:
    """Return the iterations of a nest whose counts begin at the field `count`."""
    total = 1
    for level in range(levels):
        total *= field(model, index, count + level)
    return total


def make_walk(
    model: Model, index: int, slot: int, count: int, step: int, levels: int, shift: int
) -> None:
    """Make walk `slot` of a nest, whose counts and steps begin at the fields `count`, `step`."""
    begin_walk(model, slot, iterations(model, index, count, levels), shift)
    for level in range(levels - 1, -1, -1):
        add_level(
            model,
            slot,
            field(model, index, count + level),
            field(model, index, step + level),
        )


def first_bank_share(
    model: Model, index: int, start: int, count: int, step: int, levels: int
) -> float:
    """Return the share of the acc words between the lowest and the highest in the first bank."""
    low = start
    high = start
    for level in range(levels):
        move = (field(model, index, count + level) - 1) * field(model, index, step + level)
        low += min(move, 0)
        high += max(move, 0)
    return min(max(model.shape.acc_words - low, 0), high + 1 - low) / (high + 1 - low)


def results(model: Model, index: int, level: int) -> int:
    """Return how often a level of a vector instruction gives a result."""
    count = field(model, index, VectorField.COUNT + level)
    inside = VECTOR_LEVELS - field(model, index, VectorField.REDUCE_LEVELS)
    slide = field(model, index, VectorField.SLIDE)
    if level >= inside:
        return 1
    if level == inside - 1 and slide > 0:
        return max((count - 3) // slide + 1, 1)
    return count
