"""No address outside the open windows leaves the machine, for any instruction bits.

Every burst on the read side is cut by a splitter and passes the read arbiter; every burst on the
write side is cut by a splitter and passes the write channel. Nothing else drives the address
channels. Here the runs that the splitters get are free: they may be those of any instruction, or of
none. Proved by induction of two cycles, for windows that stay as they are while a program runs.

What is proved of a burst: every beat of it holds a byte of one window that is open for it. A beat
is the least that the bus can move; the bytes of a beat that were not asked for are dropped by a
load, and not enabled by a store, which `test_store_runs` and `test_write_channel` prove.
"""

import pytest
from amaranth.hdl import Assert, Assume, Cat, Module, Mux, ResetSignal, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hardware import axi, burst_splitter, read_arbiter, windows, write_channel
from isa.config import Config

CONFIG = Config(
    *("small", 4, 4, 16, 2, 2, 2), bus_bytes=4, address_bits=16, tables=0, burst_beats=4, windows=2
)
OUTSIDE = "every beat of a burst holds a byte of an open window"
CROSSES = "a burst stays within 4 KiB"
PASSED = "what passed the check is inside"
SPLIT = "a splitter makes bursts that the bus allows"
LONG = "a burst has no more beats than allowed"
HELD = "an address stays until it is taken"


class Bursts(wiring.Component):
    """What must be so of an address channel, whose windows and neighbours are free.

    Parameters
    ----------
    opened : fixture
    """

    def __init__(self, opened, members):
        self.opened = opened
        super().__init__(
            {
                "windows": In(windows.window_layout(CONFIG)).array(CONFIG.windows),
                "abort": In(1),
                "address_ready": In(1),
                **members,
            }
        )

    def _keep_windows(self, m, unit):
        """Hand on windows that do not change."""
        self.begun = begun = Signal(name="begun")
        m.d.sync += begun.eq(1)
        m.d.comb += Assume(~ResetSignal())
        for index, window in enumerate(self.windows):
            before = Signal.like(window.as_value(), name=f"before{index}")
            m.d.sync += before.eq(window.as_value())
            m.d.comb += [
                Assume(~begun | (before == window.as_value())),
                unit.windows[index].eq(window),
            ]

    def _check_splitter(self, m, splitter, runs):
        """Check a splitter; a run has a byte at least, as all that make runs see to."""
        names = ("active", "left", "page_left", "room", "page_ends", "ends")
        _, active, left, page_left, room, page_ends, ends = self.opened(splitter, *names)
        address = splitter.bursts.payload.address
        lane = address[: exact_log2(CONFIG.bus_bytes)]
        page_room = axi.BOUNDARY_BYTES - address[: exact_log2(axi.BOUNDARY_BYTES)]
        burst_room = CONFIG.burst_beats * CONFIG.bus_bytes - lane
        m.d.comb += [
            Assume(~runs.valid | (runs.payload.bytes != 0)),
            Assert(~active | (left != 0), "a splitter at work has bytes left"),
            Assert(~active | (page_left == page_room), "it knows how far the page reaches"),
            Assert(
                ~active | (room == Mux(page_room < burst_room, page_room, burst_room)),
                "it knows how far a burst may reach",
            ),
            Assert(~active | (page_ends == (page_left <= burst_room)), "it knows the page's last"),
            Assert(~active | (ends == (left <= room)), "it knows its last burst"),
            Assert(
                ~splitter.bursts.valid | _fits(splitter.bursts.payload),
                SPLIT,
            ),
        ]

    def _check_channel(self, m, check, channel, access):
        """Check the address channel `channel`, whose bursts the Windows `check` let pass."""
        names = [f"end{index}" for index in range(CONFIG.windows)]
        _, unchecked, waits, *ends = self.opened(check, "burst", "waiting", *names)
        unchecked = axi.burst_layout(CONFIG)(unchecked)
        checked = check.checked
        address, moved = channel.payload.address, channel.payload.length * CONFIG.bus_bytes
        before = Signal.like(channel.payload.as_value(), name="address_before")
        held = Signal()
        m.d.sync += [held.eq(channel.valid & ~channel.ready), before.eq(channel.payload.as_value())]
        last_byte = checked.payload.address + checked.payload.last_byte
        m.d.comb += [
            channel.ready.eq(self.address_ready),
            Assert(
                ~channel.valid
                | self._open(address + CONFIG.bus_bytes - 1, address + moved, access),
                OUTSIDE,
            ),
            Assert(~channel.valid | (address[:12] + moved < 4096), CROSSES),
            Assert(~channel.valid | (channel.payload.length < CONFIG.burst_beats), LONG),
            Assert(~held | (channel.valid & (channel.payload.as_value() == before)), HELD),
            # What makes it inductive.
            Assert(self.begun | ~(checked.valid | waits), "nothing is there at first"),
            *(
                Assert(~self.begun | (end == window.address + window.bytes), "a window ends")
                for end, window in zip(ends, self.windows, strict=True)
            ),
            Assert(
                ~(checked.valid & check.inside)
                | self._open(checked.payload.address, last_byte, access),
                PASSED,
            ),
            Assert(~checked.valid | _fits(checked.payload), "what was checked fits the bus"),
            Assert(~waits | _fits(unchecked), "what waits for its check fits the bus"),
        ]

    def _open(self, low, high, access):
        """Return whether one window open for `access` begins at most at `low` and holds `high`."""
        hits = [
            window[access] & (low >= window.address) & (high < window.address + window.bytes)
            for window in self.windows
        ]
        return Cat(hits).any()


def _fits(burst):
    """Return whether a burst stays within 4 KiB and has no more beats than allowed."""
    lane = burst.address[: exact_log2(CONFIG.bus_bytes)]
    within = burst.address[:12] + burst.last_byte < axi.BOUNDARY_BYTES
    return within & (lane + burst.last_byte < CONFIG.burst_beats * CONFIG.bus_bytes)


class Reads(Bursts):
    """The read side: two splitters with free runs before the arbiter; answers are free too."""

    def __init__(self, unit, splitters, opened):
        self.unit = unit
        self.splitters = splitters
        run = stream.Signature(burst_splitter.run_layout(CONFIG))
        members = {"fetch_runs": In(run), "load_runs": In(run)}
        members |= {"r": In(stream.Signature(axi.read_data_layout(CONFIG))), "taken": In(2)}
        super().__init__(opened, members)

    def elaborate(self, platform):
        m = Module()
        unit = self.unit
        m.submodules.unit = unit
        inner = self.opened(unit)[0]
        self._keep_windows(m, unit)
        wiring.connect(m, wiring.flipped(self.r), unit.r)
        m.d.comb += [
            unit.abort.eq(self.abort),
            unit.fetch_beats.ready.eq(self.taken[0]),
            unit.load_beats.ready.eq(self.taken[1]),
        ]
        for name, splitter in zip(("fetch", "load"), self.splitters, strict=True):
            m.submodules[f"{name}_splitter"] = splitter
            runs = getattr(self, f"{name}_runs")
            wiring.connect(m, wiring.flipped(runs), splitter.runs)
            wiring.connect(m, splitter.bursts, getattr(unit, f"{name}_requests"))
            self._check_splitter(m, splitter, runs)
        self._check_channel(m, inner.submodules.check, unit.ar, "read")
        return m


class Writes(Bursts):
    """The write side: a splitter with free runs before the write channel; its data are free."""

    def __init__(self, unit, splitter, opened):
        self.unit = unit
        self.splitter = splitter
        members = {
            "runs": In(stream.Signature(burst_splitter.run_layout(CONFIG))),
            "beats": In(stream.Signature(write_channel.write_beat_layout(CONFIG))),
            "w": Out(stream.Signature(axi.write_data_layout(CONFIG))),
            "b": In(stream.Signature(2)),
        }
        super().__init__(opened, members)

    def elaborate(self, platform):
        m = Module()
        unit = self.unit
        m.submodules.unit = unit
        m.submodules.splitter = splitter = self.splitter
        inner, begun, room = self.opened(unit, "begun", "room")
        self._keep_windows(m, unit)
        for name in ("beats", "b"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(unit, name))
        wiring.connect(m, unit.w, wiring.flipped(self.w))
        wiring.connect(m, wiring.flipped(self.runs), splitter.runs)
        wiring.connect(m, splitter.bursts, unit.bursts)
        m.d.comb += unit.abort.eq(self.abort)
        m.d.comb += [
            Assume(~unit.b.valid | (begun != 0)),
            Assert(begun <= write_channel.WRITES_IN_FLIGHT, "no more bursts than may be begun"),
            Assert(room == (begun != write_channel.WRITES_IN_FLIGHT), "there is room for one more"),
        ]
        self._check_splitter(m, splitter, self.runs)
        self._check_channel(m, inner.submodules.check, unit.aw, "write")
        return m


def reads(opened):
    """Return the specification of the read side."""
    splitters = [burst_splitter.BurstSplitter(CONFIG) for _ in range(2)]
    return Reads(read_arbiter.ReadArbiter(CONFIG), splitters, opened)


def writes(opened):
    """Return the specification of the write side."""
    channel = write_channel.WriteChannel(CONFIG)
    return Writes(channel, burst_splitter.BurstSplitter(CONFIG), opened)


@pytest.mark.parametrize("side", [reads, writes])
def test_windows(check, opened, side):
    assert check(side(opened), depth=2) == "proved"


@pytest.mark.parametrize(
    ("side", "module", "old", "new", "broken"),
    [
        (reads, "windows", "(last_byte < end)", "(burst.address < end)", OUTSIDE),
        (reads, "windows", "window[self.access]", "window.write", OUTSIDE),
        (writes, "windows", "& (burst.address >= window.address) ", "", OUTSIDE),
        (reads, "read_arbiter", "eq(check.inside & ~outside)", "eq(1)", OUTSIDE),
        (writes, "write_channel", "check.inside & ~outside & room", "room", OUTSIDE),
        (
            reads,
            "burst_splitter",
            "page_ends.eq(page_here <= burst_room)",
            "page_ends.eq(0)",
            SPLIT,
        ),
    ],
    ids=["end", "access", "begin", "unchecked", "unchecked-w", "boundary"],
)
def test_a_bug_is_found(check, opened, mutant, monkeypatch, side, module, old, new, broken):
    changed = mutant(f"hardware.{module}", old, new)
    for user in (burst_splitter, read_arbiter, write_channel):
        for name in changed.__all__:
            if name[0].isupper() and hasattr(user, name):
                monkeypatch.setattr(user, name, getattr(changed, name))
    # Of two assertions that break in one cycle the solver may name either.
    assert {broken, PASSED if broken == OUTSIDE else broken} & check(side(opened), depth=6)
