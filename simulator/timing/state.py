"""The state of the model as records of numbers, which native code works on."""

from dataclasses import dataclass

from isa.instructions import Engine

from .constants import Hardware
from .fields import Place
from .underway import Follower, Leader, Load, Store, Walk

__all__ = [
    *("EVENTS", "FOLLOWERS", "LEADERS", "OFFSETS", "REMEMBERED", "SAMPLES", "SLOTS", "WALKS"),
    *("Model", "Queue", "Shape"),
]

# Accesses of a walk that are looked at, and phases of a walk at most.
SAMPLES, OFFSETS = 256, 16
# More than an engine can have in flight.
SLOTS = 32
# Walks: of the matrix engine, what the vector engine reads and writes, of stores and of loads.
WALKS = 3 + 2 * SLOTS
# What is served first: the matrix engine, and what the vector engine reads and writes.
LEADERS = 3
# What waits for them: the vector engine and stores.
FOLLOWERS = 1 + SLOTS
# Speeds that are remembered.
REMEMBERED = 1 << 12
# A dispatch, a start and an end of each engine.
EVENTS = 1 + 2 * len(Engine)


@dataclass
class Shape:
    """What the model needs of a configuration.

    Attributes
    ----------
    bus_shift, bus_bytes : width of the bus; log2 and bytes
    beats : of an instruction
    depth : entries of a queue
    banks : of act
    word_chunks : beats of an act word
    row_shift, column_shift : vectors of rows and of columns in an act word, log2
    acc_words : of a bank
    groups : cycles in which a vector is requantised
    window : reads in flight
    burst_shift : beats of the longest burst, log2
    """

    bus_shift: int
    bus_bytes: int
    beats: int
    depth: int
    banks: int
    word_chunks: int
    row_shift: int
    column_shift: int
    acc_words: int
    groups: int
    window: int
    burst_shift: int


@dataclass
class Queue:
    """An engine with its queue.

    Attributes
    ----------
    length, sent, begun, done : instructions of the program, and how many of them were dispatched,
        have started and have ended
    after : the cycle after the last start
    free : when its unit is free, NEVER while that is unknown
    last : when the last instruction ended
    """

    length: int
    sent: int
    begun: int
    done: int
    after: int
    free: int
    last: int


@dataclass
class Model:
    """All of it. Arrays of instructions have an item for each.

    Attributes
    ----------
    hardware, shape, places, word_bytes : the machine
    latency : of the DRAM
    cycles : the result
    words : parts of the instructions
    total : instructions
    count : the same, up to the first END
    illegal : the instruction with an unknown opcode, where run found one
    engines : the engine of each instruction, -1 for END
    codes : opcodes
    order : [engine, place] the instructions of an engine
    dispatched, starts, ends : cycles, counted from START
    refused : cycles that a vector instruction waited for the matrix engine
    arrived : when an instruction was read
    tokens : [giver, taker, number] when a token was given
    given, taken : [giver, taker] tokens
    times : the next event of each kind, NEVER while it is unknown
    coming, asked : the next instruction to leave the decoder, and to be fetched
    full : the engine whose queue that waits for, -1 for none
    held : when it would leave if there were room
    walks, patterns, offsets : see Walk; first addresses of the iterations and of the phases
    keys, speeds : speeds that are remembered
    begun_loads, done_loads : how many; the first of `loads` stands for what was before
    recent : the oldest load that may own bursts in flight
    bursts : asked for by loads
    fetched : when the last instruction came
    load_free : when the next load may start, if none is in flight
    writing : whether a vector instruction writes act
    begun_stores, done_stores : how many
    addressed, sent : last address and last beat of stores
    vector_end : end of the vector instruction, as far as it is known
    vector_tail : cycles from its last read to its end
    vector_spent : when it would have ended by itself
    """

    hardware: Hardware
    shape: Shape
    places: list[Place]
    word_bytes: list[int]
    latency: int
    cycles: int
    words: list[int]
    total: int
    count: int
    illegal: int
    engines: list[int]
    codes: list[int]
    order: list[int]
    dispatched: list[int]
    starts: list[int]
    ends: list[int]
    refused: list[int]
    arrived: list[int]
    tokens: list[int]
    given: list[int]
    taken: list[int]
    queues: list[Queue]
    times: list[int]
    coming: int
    asked: int
    full: int
    held: int
    walks: list[Walk]
    patterns: list[int]
    offsets: list[int]
    keys: list[int]
    speeds: list[float]
    leaders: list[Leader]
    followers: list[Follower]
    loads: list[Load]
    begun_loads: int
    done_loads: int
    recent: int
    bursts: int
    fetched: int
    load_free: int
    writing: int
    stores: list[Store]
    begun_stores: int
    done_stores: int
    addressed: float
    sent: float
    vector_end: int
    vector_tail: int
    vector_spent: int
