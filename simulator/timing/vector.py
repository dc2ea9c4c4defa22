"""The vector engine, which the matrix engine delays and which delays loads and stores."""

from isa.instructions import VECTOR_LEVELS, AMemory, BSource, Destination, Operation

from .constants import NEVER
from .decoding import field
from .fields import VectorField
from .loads import loads_after_vector, loads_beside_vector
from .nests import first_bank_share, iterations, make_walk, results
from .progress import finish_time, start_follower
from .state import Model
from .stores import expect_stores, settle_stores
from .underway import Follower
from .walks import add_level, begin_walk

__all__ = ["expect_vector", "finish_vector", "start_vector"]

# Of `leaders` and of `walks`.
_READS, _WRITES = 1, 2


def start_vector(model: Model, index: int, start: int) -> None:
    """Begin a vector instruction."""
    begin = start + 1
    hardware = model.hardware
    each = _each_result(model, index)
    pace = _result_pace(model, index, each)
    count = VectorField.COUNT
    total = iterations(model, index, count, VECTOR_LEVELS)
    work = _vector_cycles(model, index, each, pace)
    walk = -1
    settle_stores(model, begin)
    if field(model, index, VectorField.A_MEMORY) == AMemory.ACT:
        walk = _READS
        shift = model.shape.column_shift
        make_walk(model, index, _READS, count, VectorField.A, VECTOR_LEVELS, shift)
    follower = model.followers[0]
    base = field(model, index, VectorField.A_BASE)
    start_follower(model, follower, walk, base, total, work)
    follower.time = begin
    _follow_acc(model, index, follower, pace)
    model.vector_tail = hardware.vector_pipe - 1
    if field(model, index, VectorField.REQUANTIZE):
        model.vector_tail += hardware.requantize_pipe + model.shape.groups
    model.vector_spent = start + int(work) + model.vector_tail
    expect_vector(model)
    if walk >= 0:
        _vector_reads(model, follower)
    if field(model, index, VectorField.DESTINATION) == Destination.ACT:
        _vector_writes(model, index, begin, pace)


def _each_result(model: Model, index: int) -> int:
    """Return the cycles in which the values of a result are read."""
    cycles = 1
    inside = VECTOR_LEVELS - field(model, index, VectorField.REDUCE_LEVELS)
    for level in range(inside, VECTOR_LEVELS):
        cycles *= field(model, index, VectorField.COUNT + level)
    in_acc = (
        field(model, index, VectorField.A_MEMORY) == AMemory.ACC
        or field(model, index, VectorField.B_SOURCE) == BSource.ACC
    )
    # A product of 32 bits takes two cycles.
    if in_acc and field(model, index, VectorField.OPERATION) == Operation.MULTIPLY:
        cycles *= 2
    return cycles


def _result_pace(model: Model, index: int, each: int) -> int:
    """Return the cycles from a result to the next one, or a column of a sliding row."""
    if not field(model, index, VectorField.REQUANTIZE):
        return each
    skip = max(field(model, index, VectorField.SLIDE), 1)
    return max(each, (model.shape.groups + skip - 1) // skip)


def _vector_cycles(model: Model, index: int, each: int, pace: int) -> float:
    """Return the cycles from the first read to the last, never refused."""
    results = 1
    for level in range(VECTOR_LEVELS - field(model, index, VectorField.REDUCE_LEVELS)):
        results *= field(model, index, VectorField.COUNT + level)
    return float(each + (results - 1) * pace)


def _follow_acc(model: Model, index: int, follower: Follower, pace: int) -> None:
    """Find what a vector instruction with a result each `pace` cycles uses of acc."""
    count = VectorField.COUNT
    if field(model, index, VectorField.A_MEMORY) == AMemory.ACC:
        start = field(model, index, VectorField.A_BASE)
        step = VectorField.A
        follower.read_low = first_bank_share(model, index, start, count, step, VECTOR_LEVELS)
    elif field(model, index, VectorField.B_SOURCE) == BSource.ACC:
        start = field(model, index, VectorField.B_BASE)
        step = VectorField.B
        follower.read_low = first_bank_share(model, index, start, count, step, VECTOR_LEVELS)
    if field(model, index, VectorField.DESTINATION) == Destination.ACC:
        start = field(model, index, VectorField.OUTPUT_BASE)
        step = VectorField.OUTPUT
        follower.write_low = first_bank_share(model, index, start, count, step, VECTOR_LEVELS)
        follower.write_pace = float(pace)


def _vector_reads(model: Model, follower: Follower) -> None:
    """Let stores go on beside what the vector instruction reads."""
    leader = model.leaders[_READS]
    leader.walk = _READS
    leader.base = follower.base
    leader.begin = int(follower.time)
    leader.end = model.vector_end + 1
    leader.gap = int(follower.pace + 0.5)
    expect_stores(model)


def _vector_writes(model: Model, index: int, begin: int, pace: int) -> None:
    """Let loads go on beside what the vector instruction writes."""
    skip = max(field(model, index, VectorField.SLIDE), 1)
    _writes_walk(model, index)
    leader = model.leaders[_WRITES]
    leader.walk = _WRITES
    leader.base = field(model, index, VectorField.OUTPUT_BASE)
    leader.begin = begin + model.vector_tail
    leader.end = model.vector_end + 1
    leader.gap = pace * skip
    model.writing = 1
    loads_beside_vector(model)


def _writes_walk(model: Model, index: int) -> None:
    """Make the walk of what a vector instruction writes."""
    total = 1
    for level in range(VECTOR_LEVELS):
        total *= results(model, index, level)
    begin_walk(model, _WRITES, total, model.shape.column_shift)
    for level in range(VECTOR_LEVELS - 1, -1, -1):
        step = field(model, index, VectorField.OUTPUT + level)
        add_level(model, _WRITES, results(model, index, level), step)


def expect_vector(model: Model) -> None:
    """Find when the instruction ends, if no other matrix instruction begins before."""
    last = finish_time(model, model.followers[0], 1)
    model.vector_end = int(last + 0.5) - 1 + model.vector_tail


def finish_vector(model: Model, index: int, time: int) -> int:
    """End the instruction; return when the next one may start."""
    model.refused[index] = time - model.vector_spent
    model.followers[0].active = 0
    model.vector_end = NEVER
    loads_after_vector(model, time)
    return time + model.hardware.vector_gap
