"""Instructions under way, as records of numbers: what each engine does and waits for."""

from dataclasses import dataclass

__all__ = ["NO_ACC", "Follower", "Leader", "Load", "Store", "Walk"]

# Instead of a share, of one that does not use acc.
NO_ACC = -1.0


@dataclass
class Walk:
    """The addresses that a nest visits: a few phases, each of which repeats a pattern.

    Attributes
    ----------
    count : addresses of the pattern that are looked at
    length : iterations of a phase
    phases : how many
    enough : iterations that a phase should have at least
    shift : addresses of a word, log2
    mask : addresses after which the banks repeat, less one
    key : a number that another walk hardly has
    """

    count: int
    length: int
    phases: int
    enough: int
    shift: int
    mask: int
    key: int


@dataclass
class Leader:
    """An instruction that is served first at the banks of act and, a matrix one, of acc.

    Attributes
    ----------
    walk : place of its walk of act
    base : first address
    begin, end : its first cycle and the one after its last
    gap : cycles of an iteration
    acc_low : share of the acc words it uses that lie in the first bank
    acc_read, acc_write : share of cycles with an access
    """

    walk: int
    base: int
    begin: int
    end: int
    gap: int
    acc_low: float
    acc_read: float
    acc_write: float


@dataclass
class Follower:
    """An instruction that waits where a leader uses the bank it wants.

    Attributes
    ----------
    active : whether it still reads
    walk : place of its walk of act, -1 if it does not use act
    base : first address
    pace : cycles of an iteration
    read_low, write_low : share of the acc words it reads, writes that lie in the first bank, NO_ACC
        if there are none
    write_pace : cycles from a write to the next one
    phase : cycles of a phase, never refused
    work : cycles of all, never refused
    done : of `work`
    time : up to which `done` holds
    """

    active: int
    walk: int
    base: int
    pace: float
    read_low: float
    write_low: float
    write_pace: float
    phase: float
    work: float
    done: float
    time: float


@dataclass
class Load:
    """A load in the engine: what it asks for, and when it is answered.

    Attributes
    ----------
    index : of the instruction
    runs, bursts : runs, and bursts on the bus
    beats : on the bus
    longest : beats of the longest burst, 0 where a run has several
    between : beats of the instructions that are fetched in between
    work : cycles of the aligner
    lead, tail : cycles of it before the first beat is needed, and after the last one
    last_bursts : bursts of the last run
    lead_runs : runs before the first that exists
    in_act, base : whether it writes act, and from which word on
    words : of act that it writes, 0 as long as its walk was not made
    earliest : when it can ask for its first burst, by itself
    begin : when it can make its first chunk, by itself
    after : its first burst, counted over all loads
    fetched : when what fetch asked for before has come
    asked, last_asked : when it asks for its first and its last burst
    arrive : when its first beat comes
    pace : cycles a burst
    end : cycle of its last chunk
    lost : cycles that it waited for writes of the vector engine
    """

    index: int
    runs: int
    bursts: int
    beats: int
    longest: int
    between: int
    work: int
    lead: int
    tail: int
    last_bursts: int
    lead_runs: int
    in_act: int
    base: int
    words: int
    earliest: int
    begin: int
    after: int
    fetched: float
    asked: float
    last_asked: float
    arrive: float
    pace: float
    end: float
    lost: float


@dataclass
class Store:
    """A store whose answer has not come.

    Attributes
    ----------
    source : first act word
    runs, beats, bursts : of it; one beat a cycle
    last_bursts : bursts of the last run
    earliest : when its first beat can be on the bus, by itself
    last_beat : of its last beat, as far as it is known
    """

    source: int
    runs: int
    beats: int
    bursts: int
    last_bursts: int
    earliest: int
    last_beat: float
