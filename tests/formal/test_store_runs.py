"""Every beat of a store enables the bytes of its burst, and no other; for any runs, for ever.

The store engine from the walker to the write channel: splitter, queue and aligner as the engine
wires them. The walker, the data and the channel are free, so that the runs are those of any
instruction bits; of the channel it is assumed that it takes no beat whose burst it did not take,
which `test_write_channel` proves. Proved by induction: one run, any, and one burst of it, any, are
followed; beats are counted on the way of the bursts and on the way of the data.
"""

import types

import pytest
from amaranth.hdl import Array, Assert, Assume, Cat, Module, Mux, ResetSignal, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In
from amaranth.utils import exact_log2

from hardware import axi, burst_splitter, store, store_aligner
from hardware.layout import layout
from hardware.walker import line_layout
from isa.config import Config
from isa.instructions import Opcode, instruction_set

CONFIG = Config(
    *("small", 4, 4, 16, 2, 2, 2), bus_bytes=4, address_bits=16, tables=0, burst_beats=4, windows=1
)
BUS, LANE_BITS, COUNT_BITS = CONFIG.bus_bytes, exact_log2(CONFIG.bus_bytes), 24
MOST_BYTES = 1 << 20
MOST_BEATS = MOST_BYTES // BUS + 1
STROBES = "a beat enables the bytes of its burst and no other"
ALIGNED = "the aligner works at the run"
SPLIT = "bursts of the run follow each other"
AGREE = "bursts and data are made of the same runs"


def freed(part):
    """Return a component with the ports of `part`; a specification drives what it gives."""

    class Free(part):
        def elaborate(self, platform):
            return Module()

    return Free


def beats_of(address, last_byte):
    """Return the number of beats that hold the bytes from `address`."""
    return ((address[:LANE_BITS] + last_byte) >> LANE_BITS) + 1


def every(condition, message, *facts):
    """Return the assertions that each of `facts` holds where `condition` does."""
    return [Assert(~condition | fact, message) for fact in facts]


class Runs(wiring.Component):
    """Follows one run and one of its bursts.

    Parameters
    ----------
    unit : Store, whose walker, reader and channel are freed
    follow, opened, pair, adjoin : fixtures
    """

    def __init__(self, unit, follow, opened, pair, adjoin):
        self.unit = unit
        self.follow, self.opened, self.pair, self.adjoin = follow, opened, pair, adjoin
        form = instruction_set(CONFIG).format(Opcode.STORE)
        super().__init__(
            {
                "instruction": In(stream.Signature(layout(form))),
                "runs": In(stream.Signature(line_layout(CONFIG, form.field("source").bits))),
                "chunk": In(1),
                "walks": In(1),
                "takes_run": In(1),
                "takes_burst": In(1),
                "takes_beat": In(1),
                "mark_run": In(1),
                "mark_burst": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        self.parts = parts = self.opened(unit)[0].submodules
        wiring.connect(m, wiring.flipped(self.instruction), unit.instruction)
        channel = parts.channel
        m.d.comb += [
            Assume(~ResetSignal()),
            parts.walker.instruction.ready.eq(self.walks),
            parts.walker.runs.valid.eq(self.runs.valid),
            parts.walker.runs.payload.eq(self.runs.payload),
            parts.reader.runs.ready.eq(self.takes_run),
            parts.reader.chunks.valid.eq(self.chunk),
            channel.bursts.ready.eq(self.takes_burst),
            channel.beats.ready.eq(self.takes_beat),
        ]
        queued = self.follow(m, parts.to_shift, self.mark_run, "queued")
        run = self._follow_run(m, queued)
        burst = self._follow_burst(m, run)
        # A cycle late, so that all that is asserted of the same cycle may be used.
        wrong = Signal()
        m.d.sync += wrong.eq(~burst.right)
        m.d.comb += [
            Assume(~channel.beats.ready | (burst.announced != burst.taken)),
            Assert(~wrong, STROBES),
        ]
        self._check_queue(m, queued, run, burst)
        self._check_bursts(m, run, burst)
        self._check_splitter(m, run, burst)
        self._check_room(m)
        self._check_aligner(m, queued, run, burst)
        return m

    def _follow_run(self, m, queued):
        """Keep the followed run, how far its bursts are, and how far its data."""
        parts = self.parts
        entries, taken = parts.to_shift.entries, parts.buffer.entries
        fork = entries.valid & entries.ready
        same_lane = entries.payload.lane == taken.payload.address[:LANE_BITS]
        same_bytes = entries.payload.last_byte == taken.payload.bytes - 1
        m.d.comb += [
            Assert(fork == (taken.valid & taken.ready), AGREE),
            Assert(~fork | (same_lane & same_bytes), AGREE),
        ]
        places = ("buffered", "splitting", "aligning")
        counts = ("forked", "start", "announced", "index")
        run = types.SimpleNamespace(
            **{name: Signal(name=f"run_{name}") for name in places},
            **{name: Signal(COUNT_BITS, name=f"run_{name}") for name in counts},
            address=Signal(CONFIG.address_bits, name="run_address"),
            last_byte=Signal(20, name="run_last_byte"),
            beats=Signal(20, name="run_beats"),
        )
        bursts, beats = parts.channel.bursts, parts.channel.beats
        splits = parts.splitter.runs.valid & parts.splitter.runs.ready
        with m.If(fork):
            count = beats_of(entries.payload.lane, entries.payload.last_byte)
            m.d.sync += run.forked.eq(run.forked + count)
        with m.If(fork & self.mark_run & ~queued.entered):
            m.d.sync += [
                *(run.address.eq(taken.payload.address), run.last_byte.eq(taken.payload.bytes - 1)),
                *(run.start.eq(run.forked), run.beats.eq(count)),
                *(run.splitting.eq(splits), run.buffered.eq(~splits)),
            ]
        with m.Elif(run.buffered & splits):
            m.d.sync += [run.buffered.eq(0), run.splitting.eq(1)]
        with m.Elif(run.splitting & bursts.valid & bursts.ready):
            announced = run.announced + beats_of(bursts.payload.address, bursts.payload.last_byte)
            m.d.sync += [run.announced.eq(announced), run.splitting.eq(announced != run.beats)]
        with m.If(queued.first & parts.to_shift.output.ready):
            m.d.sync += run.aligning.eq(1)
        with m.If(beats.valid & beats.ready & run.aligning):
            m.d.sync += [run.index.eq(run.index + 1), run.aligning.eq(run.index + 1 != run.beats)]
        return run

    def _follow_burst(self, m, run):
        """Follow one burst of the run; keep the beats of the run before it."""
        channel = self.parts.channel
        mark = self.mark_burst & run.splitting
        burst = self.pair(m, CONFIG, channel.bursts, channel.beats, mark)
        burst.offset = Signal(COUNT_BITS, name="burst_offset")
        with m.If(~burst.moved):
            m.d.sync += burst.offset.eq(run.announced)
        return burst

    def _check_queue(self, m, queued, run, burst):
        """What must be so of the beats of the runs in the queue."""
        form = store_aligner.shifted_run_layout(CONFIG)
        _, active, left = self.opened(self.parts.aligner, "active", "bytes_left")
        aligned = Mux(active, (left + BUS - 1) >> LANE_BITS, 0)

        def beats(bits):
            return beats_of(form(bits).lane, form(bits).last_byte)

        _, starts = self.adjoin(m, self.parts.to_shift, queued, run.forked, beats)
        for place, start in enumerate(starts):
            distance = (start - burst.taken)[:COUNT_BITS]
            m.d.comb += Assert(
                (queued.level < place) | (distance < (place + 1) << 19), "none is far off"
            )
        m.d.comb += [
            Assert(starts[0] == (burst.taken + aligned)[:COUNT_BITS], "the first entry is next"),
            Assert(
                ~queued.inside | (Array(starts)[queued.ahead] == run.start), "the run has its place"
            ),
        ]

    def _check_bursts(self, m, run, burst):
        """What must be so of the followed burst."""
        lane = run.address[:LANE_BITS]
        end = burst.offset * BUS + burst.lane + burst.last_byte
        run_end = lane + run.last_byte
        count = ((burst.lane + burst.last_byte) >> LANE_BITS) + 1
        m.d.comb += [
            Assert(run.beats == beats_of(run.address, run.last_byte) * (run.beats != 0), "beats"),
            Assert(
                (burst.announced - burst.taken)[:COUNT_BITS] < 1 << 23,
                "no beat moves before its burst",
            ),
            Assert(
                ~burst.moved
                | (
                    (burst.lane == Mux(burst.offset == 0, lane, 0))
                    & (end <= run_end)
                    & ((end == run_end) | (end[:LANE_BITS] == BUS - 1))
                    & (burst.offset < run.beats)
                ),
                "a burst holds whole beats of its run",
            ),
            Assert(
                ~burst.moved | ((burst.beats == count) & (burst.offset + burst.beats <= run.beats)),
                "as many as its bytes need",
            ),
            Assert(
                ~burst.moved | (burst.start == (run.start + burst.offset)[:COUNT_BITS]),
                "a burst begins where the bursts before it end",
            ),
        ]

    def _check_splitter(self, m, run, burst):
        """Where the followed run is on the way of its bursts."""
        parts = self.parts
        _, kept, room, spare = self.opened(parts.buffer, "kept", "room", "spare")
        _, active, left = self.opened(parts.splitter, "active", "left")
        spare = burst_splitter.run_layout(CONFIG)(spare)
        address = parts.splitter.bursts.payload.address
        split, buffered = (Signal(20, name=f"to_come_{name}") for name in ("split", "buffered"))
        runs, bursts = parts.splitter.runs, parts.splitter.bursts
        handed = Signal(COUNT_BITS)
        with m.If(runs.valid & runs.ready):
            count = beats_of(runs.payload.address, runs.payload.bytes - 1)
            m.d.sync += [split.eq(count), handed.eq(handed + count)]
        with m.Elif(bursts.valid & bursts.ready):
            m.d.sync += split.eq(split - beats_of(bursts.payload.address, bursts.payload.last_byte))
        with m.If(~kept & ~runs.ready):
            entry = parts.buffer.entries.payload
            m.d.sync += buffered.eq(beats_of(entry.address, entry.bytes - 1))
        lane = run.address[:LANE_BITS]
        gone = Mux(run.announced == 0, 0, run.announced * BUS - lane)
        m.d.comb += [
            Assert(split == Mux(active, beats_of(address, left - 1), 0), "beats are left to split"),
            Assert(room == ~kept, "a buffer knows that it has room"),
            Assert(~kept | (buffered == beats_of(spare.address, spare.bytes - 1)), "and to begin"),
            Assert(
                run.forked == (handed + Mux(kept, buffered, 0))[:COUNT_BITS],
                "what came is handed on, or to come",
            ),
            Assert(
                handed == (burst.announced + split)[:COUNT_BITS],
                "what was handed on is announced, or to come",
            ),
            Assert(~kept | ((spare.bytes != 0) & (spare.bytes <= MOST_BYTES)), "a run has bytes"),
            Assert(~active | ((left != 0) & (left <= MOST_BYTES)), "a splitter has bytes left"),
            *every(
                run.buffered,
                "the run waits in the buffer",
                kept,
                spare.address == run.address,
                spare.bytes == run.last_byte + 1,
                run.announced == 0,
                run.start == (burst.announced + split)[:COUNT_BITS],
            ),
            *every(
                run.splitting,
                SPLIT,
                active,
                address == (run.address + gone)[: CONFIG.address_bits],
                left == run.last_byte + 1 - gone,
                run.announced < run.beats,
                split == run.beats - run.announced,
                burst.announced == (run.start + run.announced)[:COUNT_BITS],
            ),
            Assert(~(run.buffered & run.splitting), "a run is in one place"),
        ]

    def _check_room(self, m):
        """What a splitter must know of its next burst."""
        splitter = self.parts.splitter
        names = ("active", "left", "page_left", "room", "page_ends", "ends")
        _, active, left, page_left, room, page_ends, ends = self.opened(splitter, *names)
        address = splitter.bursts.payload.address
        page_room = axi.BOUNDARY_BYTES - address[:12]
        burst_room = CONFIG.burst_beats * BUS - address[:LANE_BITS]
        m.d.comb += [
            Assert(~active | (page_left == page_room), "it knows how far the page reaches"),
            Assert(
                ~active | (room == Mux(page_room < burst_room, page_room, burst_room)),
                "it knows how far a burst may reach",
            ),
            Assert(~active | (page_ends == (page_left <= burst_room)), "it knows the page's last"),
            Assert(~active | (ends == (left <= room)), "it knows its last burst"),
        ]

    def _check_aligner(self, m, queued, run, burst):
        """Where the followed run is on the way of its data."""
        names = ("active", "first", "lane", "bytes_left", "ends")
        _, active, first, lane, left, ends = self.opened(self.parts.aligner, *names)
        run_lane = run.address[:LANE_BITS]
        done = queued.entered & ~queued.inside & ~run.aligning
        before = run.index < burst.offset
        m.d.comb += [
            Assert(
                queued.entered
                | ~(
                    Cat(run.buffered, run.splitting, run.aligning, burst.moved).any()
                    | Cat(run.announced, run.index, run.beats, burst.index).any()
                ),
                "nothing is followed before it is there",
            ),
            Assert(burst.index <= burst.beats, "no more beats of the burst move than it has"),
            Assert(burst.moved | (burst.index == 0), "no beat of it moves before the burst"),
            Assert(~queued.entered | (run.beats != 0), "a run has beats"),
            Assert(
                ~active | ((left != 0) & (left < MOST_BYTES + BUS)), "an aligner has bytes left"
            ),
            Assert(~active | (ends == (left <= BUS)), "an aligner knows its last beat"),
            Assert(
                ~queued.inside
                | (
                    (queued.data == Cat(run_lane, run.last_byte))
                    & (run.index == 0)
                    & (burst.index == 0)
                    & ~run.aligning
                ),
                "the run waits in the queue",
            ),
            *every(
                run.aligning,
                ALIGNED,
                active,
                lane == run_lane,
                first == (run.index == 0),
                left == run_lane + run.last_byte + 1 - run.index * BUS,
                run.index < run.beats,
                burst.taken == (run.start + run.index)[:COUNT_BITS],
            ),
            Assert(
                ~(run.aligning & burst.moved)
                | (burst.index == Mux(before, 0, run.index - burst.offset))
                | ((burst.index == burst.beats) & (run.index >= burst.offset + burst.beats)),
                "beats of the burst move in their turn",
            ),
            Assert(
                ~done | (~burst.moved | (burst.index == burst.beats)), "all beats of a burst move"
            ),
            Assert(~done | ~(run.buffered | run.splitting), "no run is done before its bursts"),
        ]


@pytest.fixture
def runs(monkeypatch, follow, opened, pair, adjoin):
    """Return the specification of the engine between walker and channel."""
    for name in ("Walker", "StoreReader", "WriteChannel"):
        monkeypatch.setattr(store, name, freed(getattr(store, name)))
    # Fewer runs in the queue, fewer sums for the solver.
    monkeypatch.setattr(store, "RUNS_WAITING", 2)
    return lambda: Runs(store.Store(CONFIG), follow, opened, pair, adjoin)


def test_strobes(induct, runs):
    assert induct(runs()) == "proved"


@pytest.mark.parametrize(
    ("name", "old", "new", "broken"),
    [
        ("store_aligner", "(number < bytes_left[", "(number <= bytes_left[", STROBES),
        ("store_aligner", "(~first | fresh) & ", "", STROBES),
        ("store_aligner", "run.last_byte + 1 + run.lane", "run.last_byte + 1", ALIGNED),
        ("burst_splitter", "address.eq(address + room)", "address.eq(address)", SPLIT),
        ("store", "payload.lane.eq(address[", "payload.lane.eq(run.position[", AGREE),
    ],
    ids=["last", "first", "lane", "address", "fork"],
)
def test_a_bug_is_found(induct, runs, mutant, monkeypatch, name, old, new, broken):
    changed = mutant(f"hardware.{name}", old, new)
    for part in ("StoreAligner", "BurstSplitter"):
        if name != "store" and hasattr(changed, part):
            monkeypatch.setattr(store, part, getattr(changed, part))
    if name == "store":
        changed.Walker, changed.StoreReader = store.Walker, store.StoreReader
        changed.WriteChannel, changed.RUNS_WAITING = store.WriteChannel, store.RUNS_WAITING
        monkeypatch.setattr(store, "Store", changed.Store)
    assert induct(runs(), about=broken) == {broken}
