"""No byte outside the open windows is enabled on the bus, for any bursts and data, for ever.

The write channel with free bursts and beats. Of the beats it is assumed that each enables the bytes
of its burst only, and that no more than 2**23 of them lag behind their bursts, which
`test_store_runs` proves; of the bursts, that the bus allows them, which `test_windows` proves.
Proved by induction: one burst, any, is followed from the check of the windows to its last beat on
the bus. What `test_store_runs` assumes of the channel is proved here, so that together they are
about the whole store engine, for any instruction bits.
"""

import pytest
from amaranth.hdl import Array, Assert, Assume, Cat, Const, Module, Mux, ResetSignal, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In
from amaranth.utils import exact_log2

from hardware import axi, windows, write_channel
from isa.config import Config

CONFIG = Config(
    *("small", 4, 4, 16, 2, 2, 2), bus_bytes=4, address_bits=16, tables=0, burst_beats=4, windows=1
)
BUS, LANE_BITS, COUNT_BITS = CONFIG.bus_bytes, exact_log2(CONFIG.bus_bytes), 24
OUTSIDE = "every enabled byte lies in an open window"
LENGTH = "a burst has the beats that its address announced"
CHECKED = "the address on the bus was checked"
ENABLED = "a beat on the bus enables bytes of its burst"
DISCIPLINE = "no beat is taken before its burst"


def beats_of(burst):
    """Return the number of beats of a burst."""
    return ((burst.address[:LANE_BITS] + burst.last_byte) >> LANE_BITS) + 1


class Written(wiring.Component):
    """Follows one burst.

    Parameters
    ----------
    unit : WriteChannel
    follow, opened, pair, adjoin : fixtures
    """

    def __init__(self, unit, follow, opened, pair, adjoin):
        self.unit = unit
        self.follow, self.opened, self.pair, self.adjoin = follow, opened, pair, adjoin
        super().__init__(
            {
                "windows": In(windows.window_layout(CONFIG)).array(CONFIG.windows),
                "bursts": In(stream.Signature(axi.burst_layout(CONFIG))),
                "beats": In(stream.Signature(write_channel.write_beat_layout(CONFIG))),
                "b": In(stream.Signature(2)),
                "abort": In(1),
                "address_ready": In(1),
                "data_ready": In(1),
                "mark": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        names = ("outside", "sent", "begun", "room")
        self.inner, self.outside, self.sent, self.begun, self.room = self.opened(unit, *names)
        for name in ("bursts", "beats", "b"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(unit, name))
        m.d.comb += [
            Assume(~ResetSignal()),
            unit.abort.eq(self.abort),
            unit.aw.ready.eq(self.address_ready),
            unit.w.ready.eq(self.data_ready),
        ]
        # An abort lasts until the engine is reset.
        self.aborted = Signal()
        with m.If(self.abort):
            m.d.sync += self.aborted.eq(1)
        m.d.comb += Assume(self.abort | ~self.aborted)
        self._keep_windows(m)
        pair = self.pair(m, CONFIG, unit.bursts, unit.beats, self.mark)
        m.d.comb += [
            Assume(~unit.bursts.valid | _fits(unit.bursts.payload)),
            Assume(pair.right),
            Assume((pair.announced - pair.taken)[:COUNT_BITS] < 1 << 23),
            Assert(~unit.beats.ready | (pair.announced != pair.taken), DISCIPLINE),
        ]
        self._follow_check(m, pair)
        lengths = self.follow(m, self.inner.submodules.lengths, self.begins_mine, "lengths")
        self._check_lengths(m, pair, lengths)
        self._follow_bus(m, pair, lengths)
        return m

    def _keep_windows(self, m):
        """Hand on windows that do not change."""
        self.steady = begun = Signal(name="steady")
        m.d.sync += begun.eq(1)
        for index, window in enumerate(self.windows):
            before = Signal.like(window.as_value(), name=f"before{index}")
            m.d.sync += before.eq(window.as_value())
            m.d.comb += [
                Assume(~begun | (before == window.as_value())),
                self.unit.windows[index].eq(window),
            ]

    def _follow_check(self, m, pair):
        """Follow the burst through the check, and count the beats of all bursts on the way."""
        check = self.inner.submodules.check
        names = ["burst", "waiting", "free", *(f"end{i}" for i in range(CONFIG.windows))]
        _, waiting, waits, free, *ends = self.opened(check, *names)
        waiting, checked = axi.burst_layout(CONFIG)(waiting), check.checked.payload
        valid, ready = check.checked.valid, check.checked.ready
        begins = self.unit.aw.valid & self.unit.aw.ready
        names = ("entered", "left", "dropped", "begun_beats")
        entered, left, dropped, self.begun_beats = (
            Signal(COUNT_BITS, name=f"beats_{name}") for name in names
        )
        mine_waits, mine_checked = (Signal(name=f"mine_{n}") for n in ("waits", "checked"))
        self.address = Signal(CONFIG.address_bits, name="mine_address")
        self.begins_mine = begins & mine_checked
        moved = self.bursts.valid & self.bursts.ready
        with m.If(waits & free):
            m.d.sync += entered.eq(entered + beats_of(waiting))
        with m.If(valid & ready):
            m.d.sync += left.eq(left + beats_of(checked))
            with m.If(begins):
                m.d.sync += self.begun_beats.eq(self.begun_beats + beats_of(checked))
            with m.Else():
                m.d.sync += dropped.eq(dropped + beats_of(checked))
        with m.If(moved & self.mark & ~pair.moved):
            m.d.sync += [mine_waits.eq(1), self.address.eq(self.bursts.payload.address)]
        with m.Elif(self.abort | (mine_waits & free)):
            m.d.sync += mine_waits.eq(0)
        with m.If(free):
            m.d.sync += mine_checked.eq(mine_waits & ~self.abort)
        self.mine_early = mine_waits | mine_checked
        m.d.comb += [
            Assert(self.steady | ~(valid | waits | pair.moved), "nothing is there at first"),
            *(
                Assert(~self.steady | (end == window.address + window.bytes), "a window ends")
                for end, window in zip(ends, self.windows, strict=True)
            ),
            Assert(~valid | _fits(checked), "what was checked fits the bus"),
            Assert(~waits | _fits(waiting), "what waits for its check fits the bus"),
            Assert(
                self.aborted
                | (pair.announced == (entered + Mux(waits, beats_of(waiting), 0))[:COUNT_BITS]),
                "what moved has entered the check, or waits",
            ),
            Assert(
                self.aborted | (entered == (left + Mux(valid, beats_of(checked), 0))[:COUNT_BITS]),
                "what entered the check has left it, or is there",
            ),
            Assert(left == (self.begun_beats + dropped)[:COUNT_BITS], "it was begun, or dropped"),
            Assert(self.outside | (dropped == 0), "nothing is dropped before a fault"),
            Assert(self.aborted | (dropped < 1 << 23), "not much is dropped"),
        ]
        self._check_mine(m, pair, check, mine_waits, mine_checked, entered, left)

    def _check_mine(self, m, pair, check, mine_waits, mine_checked, entered, left):
        """Where the followed burst is on its way through the check."""
        (_, waiting, waits), checked = self.opened(check, "burst", "waiting"), check.checked.payload
        waiting, valid = axi.burst_layout(CONFIG)(waiting), check.checked.valid

        def is_mine(burst):
            return (burst.address == self.address) & (burst.last_byte == pair.last_byte)

        m.d.comb += [
            Assert(pair.moved | ~self.mine_early, "the burst is not there yet"),
            Assert(pair.moved | (pair.index == 0), "nor are its beats"),
            Assert(~pair.moved | (self.address[:LANE_BITS] == pair.lane), "it has its lane"),
            Assert(~(mine_waits & mine_checked), "it is in one place"),
            Assert(~mine_waits | (waits & is_mine(waiting)), "it waits for its check"),
            Assert(~mine_waits | self.aborted | (pair.start == entered), "it is the next to enter"),
            Assert(~mine_checked | (valid & is_mine(checked)), "it is checked"),
            Assert(~mine_checked | self.aborted | (pair.start == left), "it is the next to leave"),
            Assert(
                ~(mine_checked & check.inside) | self._open(self.address, pair.last_byte),
                "what passed the check is inside",
            ),
            Assert(~self.mine_early | (pair.index == 0), "its beats come after its address"),
            Assert(
                ~pair.moved | (pair.beats == ((pair.lane + pair.last_byte) >> LANE_BITS) + 1),
                "it has its beats",
            ),
            Assert(~pair.moved | (pair.beats <= CONFIG.burst_beats), "they are few"),
        ]

    def _check_lengths(self, m, pair, lengths):
        """Keep of each burst begun how many beats come before it."""
        queue = self.inner.submodules.lengths
        bits, starts = self.adjoin(m, queue, lengths, self.begun_beats, lambda bits: bits + 1)
        m.d.comb += [
            *(
                Assert((lengths.level <= place) | (size < CONFIG.burst_beats), "a burst is short")
                for place, size in enumerate(bits)
            ),
            Assert(
                self.aborted | (pair.taken == (starts[0] + self.sent)[:COUNT_BITS]),
                "the first entry's beats are taken",
            ),
            Assert((lengths.level == 0) | (self.sent <= bits[0]), "no more of them than it has"),
            Assert((lengths.level != 0) | (self.sent == 0), "without a burst no beat is sent"),
            Assert(
                ~lengths.inside | self.aborted | (Array(starts)[lengths.ahead] == pair.start),
                "the burst has its place",
            ),
            Assert(
                ~lengths.inside
                | self.aborted
                | (pair.index == Mux(lengths.ahead == 0, self.sent, 0)),
                "its beats are those that are sent",
            ),
            Assert(~lengths.inside | (lengths.data + 1 == pair.beats), "it has its length"),
            Assert(~lengths.entered | (pair.moved & ~self.mine_early), "it is in one place"),
        ]

    def _follow_bus(self, m, pair, lengths):
        """Follow the burst on the bus, and check its beats."""
        aw, w = self.unit.aw, self.unit.w
        address = Signal(CONFIG.address_bits, name="bus_address")
        length, index = Signal(8, name="bus_length"), Signal(8, name="bus_index")
        ahead, unanswered = Signal(8, name="bus_ahead"), Signal(8, name="unanswered")
        ended = Signal(name="bus_ended")
        moves = w.valid & w.ready
        holds_last = w.valid & w.payload.last
        with m.If(self.begins_mine):
            m.d.sync += [
                *(address.eq(aw.payload.address), length.eq(aw.payload.length)),
                ahead.eq(lengths.level + holds_last - (moves & w.payload.last)),
            ]
        with m.Elif(moves & lengths.entered & ~ended):
            with m.If(ahead != 0):
                m.d.sync += ahead.eq(ahead - w.payload.last)
            with m.Else():
                m.d.sync += [index.eq(index + 1), ended.eq(w.payload.last)]
        m.d.sync += unanswered.eq(unanswered + (moves & w.payload.last) - self.b.valid)
        mine = w.valid & lengths.entered & ~ended & (ahead == 0)
        sent = self.sent - w.valid
        m.d.comb += [
            Assume(~self.b.valid | (unanswered != 0)),
            Assert(
                self.begun == lengths.level + holds_last + unanswered,
                "a burst begun is sent or answered",
            ),
            Assert(
                self.begun <= write_channel.WRITES_IN_FLIGHT, "no more bursts than may be begun"
            ),
            Assert(
                self.room == (self.begun != write_channel.WRITES_IN_FLIGHT),
                "there is room for one more",
            ),
            Assert(~holds_last | (self.sent == 0), "a burst that ended has no beat to send"),
            Assert(~w.valid | w.payload.last | (self.sent != 0), "a burst ends with its last beat"),
            Assert(
                lengths.entered | ~(ended | (index != 0)),
                "no beat comes on the bus before its burst",
            ),
            Assert(
                ~lengths.entered
                | (
                    (address == Cat(Const(0, LANE_BITS), self.address[LANE_BITS:]))
                    & (length + 1 == pair.beats)
                    & self._open(self.address, pair.last_byte)
                ),
                CHECKED,
            ),
            Assert(
                ~lengths.inside | (~ended & (ahead == lengths.ahead + holds_last)),
                "bursts end before it",
            ),
            Assert(
                ~lengths.inside | (index == Mux((lengths.ahead == 0) & ~holds_last, sent, 0)),
                "its beats come on the bus",
            ),
            Assert(
                ~lengths.entered
                | lengths.inside
                | ended
                | (holds_last & (ahead == 0) & (index == length)),
                "its last beat comes",
            ),
        ]
        m.d.comb += Assert(~mine | (w.payload.last == (index == length)), LENGTH)
        self._check_bytes(m, pair, mine, address, index)

    def _check_bytes(self, m, pair, mine, address, index):
        """Check the bytes that the next beat of the burst enables."""
        strobe = self.unit.w.payload.strobe
        # A cycle late, so that all that is asserted of the same cycle may be used.
        wrong = Signal()
        for lane in range(BUS):
            place = index * BUS + lane
            within = (place >= pair.lane) & (place <= pair.lane + pair.last_byte)
            m.d.comb += Assert(~(mine & strobe[lane]) | within, ENABLED)
            with m.If(mine & strobe[lane] & ~self._open(address + place, 0)):
                m.d.sync += wrong.eq(1)
        m.d.comb += Assert(~wrong, OUTSIDE)

    def _open(self, low, more):
        """Return whether one window open for writing holds byte `low` and `more` after it."""
        hits = [
            window.write & (low >= window.address) & (low + more < window.address + window.bytes)
            for window in self.windows
        ]
        return Cat(hits).any()


def _fits(burst):
    """Return whether a burst stays within 4 KiB and has no more beats than allowed."""
    lane = burst.address[:LANE_BITS]
    within = burst.address[:12] + burst.last_byte < axi.BOUNDARY_BYTES
    return within & (lane + burst.last_byte < CONFIG.burst_beats * BUS)


@pytest.fixture
def written(monkeypatch, follow, opened, pair, adjoin):
    """Return the specification of the write channel."""
    # Fewer bursts, fewer sums for the solver.
    monkeypatch.setattr(write_channel, "WRITES_IN_FLIGHT", 2)
    return lambda: Written(write_channel.WriteChannel(CONFIG), follow, opened, pair, adjoin)


def test_write_channel(induct, written):
    assert induct(written()) == "proved"


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        ("check.inside & ~outside & room", "~outside & room", CHECKED),
        ("self.w.payload.strobe.eq(0)", "[]", ENABLED),
        ("(burst.address[:beat_bits] + burst.last_byte)", "burst.last_byte", CHECKED),
        ("last.eq(sent == lengths.output.payload)", "last.eq(1)", LENGTH),
        ("free.eq(lengths.output.valid & ", "free.eq(1 & ", DISCIPLINE),
    ],
    ids=["unchecked", "abort", "length", "last", "early"],
)
def test_a_bug_is_found(induct, written, mutant, monkeypatch, old, new, broken):
    changed = mutant("hardware.write_channel", old, new)
    monkeypatch.setattr(changed, "WRITES_IN_FLIGHT", 2)
    monkeypatch.setattr(write_channel, "WriteChannel", changed.WriteChannel)
    assert induct(written(), about=broken) == {broken}
