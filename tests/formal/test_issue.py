"""The queue before an engine starts and finishes each instruction once, with its own tokens.

Together with the semaphores' proof that is all there is to synchronisation: `issue` takes only
tokens that are there and gives only those that fit, which the semaphores assume. Proved by
induction of one cycle, for an engine that finishes whenever it likes what it was given.
"""

import pytest
from amaranth.hdl import Assert, Assume, Module, Mux, ResetSignal, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In

from hardware import issue
from hardware.decoder import dispatch_layout
from isa.config import Config
from isa.instructions import Engine

CONFIG = Config(
    *("small", 4, 4, 16, 2, 2, 2), bus_bytes=4, address_bits=16, tables=0, queue_depth=2
)
ENGINE = Engine.STORE


class Instructions(wiring.Component):
    """Follows one instruction, any, from its dispatch to its end.

    Parameters
    ----------
    unit : Issue
    follow, opened : fixtures
    """

    def __init__(self, unit, follow, opened):
        self.unit = unit
        self.follow = follow
        self.opened = opened
        engines = len(Engine)
        super().__init__(
            {
                "dispatch": In(stream.Signature(dispatch_layout(CONFIG, ENGINE))),
                "ready": In(1),
                "finished": In(1),
                "available": In(engines),
                "full": In(engines),
                "mark": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        unit = self.unit
        inner, waiting = self.opened(unit, "waiting")
        m.submodules.unit = unit
        wiring.connect(m, wiring.flipped(self.dispatch), unit.dispatch)
        m.d.comb += [
            Assume(~ResetSignal()),
            unit.instruction.ready.eq(self.ready),
            unit.finished.eq(self.finished),
            unit.available.eq(self.available),
            unit.full.eq(self.full),
        ]
        queued = self.follow(m, inner.submodules.queue, self.mark, "queued")
        starts = unit.started & queued.first
        running = self.follow(m, inner.submodules.running, starts, "running")
        fields = dispatch_layout(CONFIG, ENGINE)(queued.data)
        self._protocol(m)
        self._start(m, queued, running, fields, starts)
        self._finish(m, running, fields, starts, waiting)
        m.d.comb += Assert(
            unit.empty == ((queued.level == 0) & (running.level == 0)), "empty: nothing is inside"
        )
        return m

    def _protocol(self, m):
        unit = self.unit
        accepted = unit.instruction.valid & unit.instruction.ready
        m.d.comb += [
            Assert((unit.take & ~self.available) == 0, "only tokens that are there are taken"),
            Assert((unit.give & self.full) == 0, "only tokens that fit are given"),
            Assert(unit.started | (unit.take == 0), "a token is taken by a start"),
            Assert(unit.retired | (unit.give == 0), "a token is given by an end"),
            Assert(unit.started | ~accepted, "what the engine takes has started"),
        ]

    def _start(self, m, queued, running, fields, starts):
        unit = self.unit
        began = queued.entered & ~queued.inside
        m.d.comb += [
            Assert(
                ~starts | ((unit.take == fields.fields.wait) & (unit.start_index == fields.index)),
                "a start takes the instruction's tokens",
            ),
            Assert(
                ~starts | fields.sync | (unit.instruction.valid & self.ready),
                "the engine takes what starts",
            ),
            Assert(
                ~(starts & unit.instruction.valid)
                | (
                    ~fields.sync & (unit.instruction.payload.as_value() == fields.fields.as_value())
                ),
                "the engine gets the instruction as it was dispatched",
            ),
            Assert(running.entered == began, "it has started, or it waits"),
        ]

    def _finish(self, m, running, fields, starts, waiting):
        unit = self.unit
        entry = {"index": slice(0, 32), "sync": 32, "signal": slice(33, 37)}
        # Instructions that the engine has and did not finish, and finishes until the followed one.
        inside, needed, after = (Signal(8, name=name) for name in ("in_engine", "needed", "after"))
        own, upto = Signal(8), Signal(8)
        m.d.comb += [
            Assume(~self.finished | (inside != 0)),
            after.eq(inside + (unit.instruction.valid & self.ready) - self.finished),
            own.eq(sum(valid & ~bits[entry["sync"]] for valid, _, bits in running.places)),
            upto.eq(
                sum(
                    valid & (before <= running.ahead) & ~bits[entry["sync"]]
                    for valid, before, bits in running.places
                )
            ),
        ]
        m.d.sync += inside.eq(after)
        with m.If(starts):
            m.d.sync += needed.eq(after)
        with m.Elif(self.finished & (needed != 0)):
            m.d.sync += needed.eq(needed - 1)
        retires = unit.retired & running.first
        left = Signal(8)
        m.d.comb += [
            left.eq(Mux(upto > waiting, upto - waiting, 0)),
            Assert(waiting + inside == own, "an instruction is in the engine or waits for its end"),
            Assert(~running.inside | (needed == left), "the engine finishes in order"),
            Assert(~retires | (needed <= self.finished), "an end comes after the engine's"),
            Assert(
                ~retires
                | ((unit.give == fields.fields.signal) & (unit.retired_index == fields.index)),
                "an end gives the instruction's tokens",
            ),
            Assert(
                ~running.entered
                | (
                    (running.data[entry["index"]] == fields.index)
                    & (running.data[entry["sync"]] == fields.sync)
                    & (running.data[entry["signal"]] == fields.fields.signal)
                ),
                "index and signal go with the instruction",
            ),
        ]


# Instructions in an engine at once. The hardware has 8; the shape of the proof is the same.
@pytest.mark.parametrize("in_flight", [2, pytest.param(8, marks=pytest.mark.exhaustive)])
def test_issue(check, follow, opened, monkeypatch, in_flight):
    monkeypatch.setattr(issue, "IN_FLIGHT", in_flight)
    assert check(Instructions(issue.Issue(CONFIG, ENGINE), follow, opened), depth=1) == "proved"


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        (
            "queued.valid & (self.waits == 0) & running.ready",
            "queued.valid & running.ready",
            "only tokens that are there are taken",
        ),
        (
            "& ((entry.signal & self.full) == 0)",
            "",
            "only tokens that fit are given",
        ),
        (
            "m.If(self.finished != counted)",
            "m.If(self.finished)",
            "an instruction is in the engine or waits for its end",
        ),
        pytest.param(
            "& (entry.sync | self.finished | (waiting != 0))",
            "& (entry.sync | self.finished | (waiting <= 1))",
            "an end comes after the engine's",
            marks=pytest.mark.exhaustive,
        ),
    ],
    ids=["wait", "full", "count", "early"],
)
def test_a_bug_is_found(check, follow, opened, mutant, old, new, broken):
    module = mutant("hardware.issue", old, new)
    # Fewer places, or the solver takes minutes to find what a few cycles show.
    module.IN_FLIGHT = 2
    unit = module.Issue(CONFIG, ENGINE)
    assert broken in check(Instructions(unit, follow, opened), depth=7)
