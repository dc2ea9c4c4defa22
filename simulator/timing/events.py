"""What has happened, and what happens next."""

from isa.instructions import Engine

from .work import Work

__all__ = ["NEVER", "Events"]

# Later than any cycle.
NEVER = 1 << 62


class Events:
    """The state that dispatch and engines share; cycles count from START.

    Attributes
    ----------
    work : Work
    times : list of int, the next dispatch; the next start of each engine; the next end of each
    dispatched, starts, ends : list of int, a cycle for each instruction
    pending : list of int, for each instruction the tokens that were not yet given
    """

    def __init__(self, work: Work) -> None:
        count = len(work.engines)
        self.work = work
        self.times = [NEVER] * (1 + 2 * len(Engine))
        self.dispatched = [0] * count
        self.starts = [0] * count
        self.ends = [0] * count
        self.pending = [len(items) for items in work.givers]
