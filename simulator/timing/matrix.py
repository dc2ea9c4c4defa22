"""The matrix engine, which nothing delays."""

from isa.instructions import MATRIX_LEVELS

from .decoding import field
from .fields import MatrixField
from .nests import first_bank_share, iterations, make_walk
from .progress import advance
from .state import Model
from .stores import expect_stores, settle_stores
from .underway import Leader
from .vector import expect_vector

__all__ = ["start_matrix"]

# Of `leaders` and of `walks`.
_MATRIX = 0


def start_matrix(model: Model, index: int, time: int) -> int:
    """Start a matrix instruction; return when its unit is free."""
    begin = time + 1
    vector = model.followers[0]
    # What goes on beside it has come so far, beside the one before it.
    if vector.active and vector.time < begin:
        advance(model, vector, 1, begin)
    settle_stores(model, begin)
    shift = model.shape.row_shift
    count, step = MatrixField.COUNT, MatrixField.ACT
    make_walk(model, index, _MATRIX, count, step, MATRIX_LEVELS, shift)
    cycles = iterations(model, index, count, MATRIX_LEVELS)
    leader = model.leaders[_MATRIX]
    leader.walk = _MATRIX
    leader.base = field(model, index, MatrixField.ACT_BASE)
    leader.begin = begin
    leader.end = begin + cycles
    leader.gap = 1
    _lead_acc(model, index, leader, cycles)
    if vector.active:
        expect_vector(model)
    expect_stores(model)
    return time + cycles


def _lead_acc(model: Model, index: int, leader: Leader, cycles: int) -> None:
    """Find what a matrix instruction uses of acc."""
    start = field(model, index, MatrixField.ACC_BASE)
    count, step = MatrixField.COUNT, MatrixField.ACC
    leader.acc_low = first_bank_share(model, index, start, count, step, MATRIX_LEVELS)
    reduce = field(model, index, MatrixField.REDUCE)
    # Innermost levels that keep the acc address: acc is read and written once for all of them.
    kept = 1
    moved = False
    firsts = 1 - field(model, index, MatrixField.ACCUMULATE)
    for level in range(MATRIX_LEVELS - 1, -1, -1):
        size = field(model, index, count + level)
        if size > 1 and field(model, index, step + level) != 0:
            moved = True
        if not moved:
            kept *= size
        if not reduce >> level & 1:
            firsts *= size
    leader.acc_read = max(cycles // kept - firsts, 0) / cycles
    leader.acc_write = 1 / kept
