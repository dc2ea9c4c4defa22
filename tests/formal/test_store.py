"""A store enables no byte outside the open windows, for any instruction bits.

`test_store_runs` and `test_write_channel` prove it for ever, each for one half of the engine. This
is the whole engine at once, with free instructions, data and answers: one burst, any, is followed
from the address channel to its last beat, for DEPTH cycles from reset. The first byte is on the bus
after eight cycles. The solver takes minutes: run it with -m exhaustive.
"""

import pytest
from amaranth.hdl import Assert, Assume, Cat, Module, ResetSignal, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In

from hardware import store, store_aligner, windows
from hardware.layout import layout
from isa.config import Config
from isa.instructions import Opcode, instruction_set

CONFIG = Config(
    *("small", 4, 4, 16, 2, 2, 2), bus_bytes=4, address_bits=16, tables=0, burst_beats=2, windows=1
)
DEPTH = 10
pytestmark = pytest.mark.exhaustive
OUTSIDE = "every enabled byte lies in an open window"
LENGTH = "a burst has the beats that its address announced"


class Stored(wiring.Component):
    """Follows one burst.

    Parameters
    ----------
    unit : Store
    """

    def __init__(self, unit):
        self.unit = unit
        form = instruction_set(CONFIG).format(Opcode.STORE)
        super().__init__(
            {
                "instruction": In(stream.Signature(layout(form))),
                "windows": In(windows.window_layout(CONFIG)).array(CONFIG.windows),
                "abort": In(1),
                "granted": In(1),
                "act_data": In(8 * CONFIG.act_word_bytes),
                "address_ready": In(1),
                "data_ready": In(1),
                "b": In(stream.Signature(2)),
                "followed": In(4),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        wiring.connect(m, wiring.flipped(self.instruction), unit.instruction)
        wiring.connect(m, wiring.flipped(self.b), unit.b)
        # An abort lasts until the engine is reset.
        aborted = Signal()
        with m.If(self.abort):
            m.d.sync += aborted.eq(1)
        m.d.comb += Assume(self.abort | ~aborted)
        begun, steady = Signal(), Cat(*(w.as_value() for w in self.windows), self.followed)
        before = Signal.like(steady, name="before")
        m.d.sync += [begun.eq(1), before.eq(steady)]
        m.d.comb += [
            Assume(~ResetSignal()),
            Assume(~begun | (before == steady)),
            *(unit.windows[i].eq(window) for i, window in enumerate(self.windows)),
            unit.abort.eq(self.abort),
            unit.act_read.ready.eq(self.granted),
            unit.act_read.data.eq(self.act_data),
            unit.aw.ready.eq(self.address_ready),
            unit.w.ready.eq(self.data_ready),
        ]
        self._follow(m, unit.aw, unit.w)
        return m

    def _follow(self, m, aw, w):
        """Keep the address of the followed burst and check its beats."""
        addressed, ended, answered = (Signal(4, name=n) for n in ("addressed", "ended", "answered"))
        address = Signal(CONFIG.address_bits + 1)
        beats_left = Signal(9)
        m.d.comb += Assume(~self.b.valid | (answered != ended))
        with m.If(self.b.valid & self.b.ready):
            m.d.sync += answered.eq(answered + 1)
        with m.If(aw.valid & aw.ready):
            m.d.sync += addressed.eq(addressed + 1)
            with m.If(addressed == self.followed):
                m.d.sync += [
                    address.eq(aw.payload.address),
                    beats_left.eq(aw.payload.length),
                ]
        with m.If(w.valid & w.ready):
            m.d.sync += ended.eq(ended + w.payload.last)
        mine = w.valid & w.ready & (ended == self.followed)
        with m.If(mine):
            m.d.sync += [address.eq(address + CONFIG.bus_bytes), beats_left.eq(beats_left - 1)]
        m.d.comb += [
            Assert(~mine | (ended != addressed), "a burst's address comes before its data"),
            Assert(~mine | (w.payload.last == (beats_left == 0)), LENGTH),
            *(
                Assert(~(mine & w.payload.strobe[lane]) | self._open(address + lane), OUTSIDE)
                for lane in range(CONFIG.bus_bytes)
            ),
        ]

    def _open(self, byte):
        hits = [
            window.write & (byte >= window.address) & (byte < window.address + window.bytes)
            for window in self.windows
        ]
        return Cat(hits).any()


def test_store(check):
    assert check(Stored(store.Store(CONFIG)), DEPTH, bounded=True) == "bounded"


@pytest.mark.parametrize(
    ("module", "old", "new", "broken"),
    [
        (store_aligner, "(number < bytes_left[", "(number <= bytes_left[", OUTSIDE),
        (store_aligner, "(~first | fresh) & ", "", OUTSIDE),
    ],
    ids=["last", "first"],
)
def test_a_bug_is_found(check, mutant, monkeypatch, module, old, new, broken):
    changed = mutant(module.__name__, old, new)
    monkeypatch.setattr(store, "StoreAligner", changed.StoreAligner)
    assert broken in check(Stored(store.Store(CONFIG)), DEPTH, bounded=True)
