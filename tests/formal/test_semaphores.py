"""Semaphores never lose or invent a token; proved by induction of one cycle."""

import pytest
from amaranth.hdl import Assert, Assume, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hardware import semaphores
from isa.instructions import Engine

MOST = 255
LOST = "a token that was given and not taken is there"


class Tokens(wiring.Component):
    """Counts by itself what is given and taken, as the protocol allows it, and compares.

    Parameters
    ----------
    unit : Semaphores
    opened : fixture
    """

    def __init__(self, unit, opened):
        self.unit = unit
        self.opened = opened
        engines = len(Engine)
        super().__init__({"give": In(engines).array(engines), "take": In(engines).array(engines)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += Assume(~ResetSignal())
        pairs = [(giver, taker) for giver in Engine for taker in Engine if giver != taker]
        names = [f"{giver.name}_to_{taker.name}".lower() for giver, taker in pairs]
        _, *counts = self.opened(self.unit, *names)
        m.submodules.unit = self.unit
        for engine in Engine:
            m.d.comb += [
                self.unit.give[engine].eq(self.give[engine]),
                self.unit.take[engine].eq(self.take[engine]),
            ]
        for (giver, taker), name, count in zip(pairs, names, counts, strict=True):
            self._pair(m, giver, taker, name, count)
        return m

    def _pair(self, m, giver, taker, name, count):
        give, take = self.give[giver][taker], self.take[taker][giver]
        full = self.unit.full[giver][taker]
        available = self.unit.available[taker][giver]
        held = Signal(16, name=f"{name}_held")
        m.d.sync += held.eq(held + give - take)
        m.d.comb += [
            Assume(~(give & full)),
            Assume(~(take & ~available)),
            Assert(held <= MOST, "no more tokens than a semaphore holds"),
            Assert(held == count, LOST),
            Assert(available == (held != 0), "available tells of a token"),
            Assert(full == (held == MOST), "full tells of the last one that fits"),
        ]


def test_semaphores(check, opened):
    assert check(Tokens(semaphores.Semaphores(), opened), depth=1) == "proved"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("m.If(give & ~take)", "m.If(give)"),
        ("m.If(take & ~give)", "m.If(take)"),
        ("self.take[taker][giver]", "self.take[taker][giver] & (count != 2)"),
    ],
    ids=["invented", "lost", "kept"],
)
def test_a_bug_is_found(check, opened, mutant, old, new):
    unit = mutant("hardware.semaphores", old, new).Semaphores()
    # Found from reset, in the first few cycles.
    assert LOST in check(Tokens(unit, opened), depth=5)
