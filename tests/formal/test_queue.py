"""Queues keep count, values and order; proved by induction of one cycle."""

import pytest
from amaranth.hdl import Assume, Module, ResetSignal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hardware import queue

SHAPE = 8


class Order(wiring.Component):
    """A queue whose neighbours do what they like.

    Parameters
    ----------
    unit : Queue
    follow : fixture
    """

    def __init__(self, unit, follow):
        self.unit = unit
        self.follow = follow
        super().__init__(
            {
                "entries": In(stream.Signature(SHAPE)),
                "output": Out(stream.Signature(SHAPE)),
                "mark": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += Assume(~ResetSignal())
        m.submodules.unit = self.unit
        wiring.connect(m, wiring.flipped(self.entries), self.unit.entries)
        wiring.connect(m, self.unit.output, wiring.flipped(self.output))
        self.follow(m, self.unit, self.mark, "queue")
        return m


@pytest.mark.parametrize("depth", [1, 4])
def test_queue(check, follow, depth):
    assert check(Order(queue.Queue(SHAPE, depth), follow), depth=1) == "proved"


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        (
            "queue.w_en.eq(self.entries.valid)",
            "queue.w_en.eq(self.entries.valid & ~queue.r_rdy)",
            "a queue holds what it took",
        ),
        (
            "queue.r_en.eq(self.output.ready)",
            "queue.r_en.eq(1)",
            "a queue holds what it took",
        ),
        (
            "self.empty.eq(queue.level == 0)",
            "self.empty.eq(~queue.r_rdy)",
            "empty tells that nothing is inside",
        ),
        (
            "queue.w_data.eq(self.entries.payload)",
            "queue.w_data.eq(self.entries.payload | queue.level)",
            "entries come out as they went in, in order",
        ),
    ],
    ids=["dropped", "lost", "forgotten", "changed"],
)
def test_a_bug_is_found(check, follow, mutant, old, new, broken):
    unit = mutant("hardware.queue", old, new).Queue(SHAPE, 2)
    found = check(Order(unit, follow), depth=8)
    assert broken in found or (broken.startswith("entries") and found), found
