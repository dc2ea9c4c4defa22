"""The load engine: strided, padded copies from DRAM to the scratchpads."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from isa.instructions import Opcode, instruction_set
from isa.registers import Cause

from .axi import beat_layout, burst_layout
from .buffer import Buffer
from .burst_splitter import BurstSplitter
from .layout import layout
from .load_aligner import LoadAligner, load_run_layout, load_write_layout
from .padding import Padding
from .queue import Queue
from .walker import Walker

__all__ = ["Load"]

# Instructions that may be inside: every queued run, and each stage, may be one of its own.
INSIDE_BITS = 8


class Load(wiring.Component):
    """Runs load instructions; the next one begins to read while the last one still waits for data.

    Throughput one beat a cycle for long runs while the memory answers within
    reads_in_flight bursts; a short run costs its beats or its chunks, and at most one cycle more.
    A fault is raised when the instruction it belongs to is the oldest inside.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    instruction : In(stream of layout(load format))
    finished : Out, one pulse for each instruction in the cycle of its last write
    busy : Out, an instruction is inside
    stalled : Out, no data came from the bus, or a write was refused, in this cycle
    fault : Out(Cause), stays until reset
    requests : Out(stream of burst_layout)
    beats : In(stream of beat_layout)
    refused : In, a request was outside the windows, and all before it was read
    writes : Out(stream of load_write_layout)
    """

    def __init__(self, config):
        self.config = config
        self.format = instruction_set(config).format(Opcode.LOAD)
        super().__init__(
            {
                "instruction": In(stream.Signature(layout(self.format))),
                "finished": Out(1),
                "busy": Out(1),
                "stalled": Out(1),
                "fault": Out(Shape.cast(Cause)),
                "requests": Out(stream.Signature(burst_layout(config))),
                "beats": In(stream.Signature(beat_layout(config))),
                "refused": In(1),
                "writes": Out(stream.Signature(load_write_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        local_bits = self.format.field("destination").bits
        m.submodules.walker = walker = Walker(config, self.format, "destination")
        m.submodules.padding = padding = Padding(config, local_bits)
        m.submodules.splitter = splitter = BurstSplitter(config)
        run_layout = load_run_layout(config, local_bits)
        m.submodules.waiting = waiting = Queue(run_layout, config.reads_in_flight)
        m.submodules.aligner = aligner = LoadAligner(config, local_bits)
        # Holds a run only while padding does: that is empty no sooner than this.
        m.submodules.next_run = next_run = Buffer(walker.runs.payload.shape())
        wiring.connect(m, walker.runs, next_run.entries)
        wiring.connect(m, next_run.output, padding.runs)
        wiring.connect(m, waiting.output, aligner.runs)
        wiring.connect(m, wiring.flipped(self.beats), aligner.beats)
        wiring.connect(m, aligner.writes, wiring.flipped(self.writes))
        self._accept(m, walker, padding, waiting)
        m.submodules.buffer = buffer = Buffer(splitter.runs.payload.shape())
        wiring.connect(m, buffer.output, splitter.runs)
        self._fork(m, padding.output, buffer.entries, waiting.entries)
        self._request(m, splitter.bursts)
        self._report(m, aligner)
        return m

    def _accept(self, m, walker, padding, waiting):
        """Hand an instruction to the walker and keep what its runs need later."""
        fields = self.instruction.payload
        m.d.comb += [
            walker.instruction.payload.eq(fields),
            # Runs of the last instruction still need its fields.
            walker.instruction.valid.eq(self.instruction.valid & padding.empty),
            self.instruction.ready.eq(walker.instruction.ready & padding.empty),
        ]
        names = ("memory", "fill", "x_bytes", "line_bytes", "line_count")
        kept = {name: Signal.like(fields[name], name=name, reset_less=True) for name in names}
        with m.If(self.instruction.valid & self.instruction.ready):
            m.d.sync += [kept[name].eq(fields[name]) for name in names]
        m.d.comb += [
            *(padding.extent[name].eq(kept[name]) for name in names[2:]),
            *(waiting.entries.payload[name].eq(kept[name]) for name in names[:3]),
        ]

    def _fork(self, m, runs, bursts, waiting):
        """Give each run to the splitter, if any of it exists, and to the aligner's queue."""
        run, entry = runs.payload, waiting.payload
        exists = Signal()
        m.d.comb += [
            exists.eq(run.bytes != 0),
            bursts.payload.address.eq(run.address),
            bursts.payload.bytes.eq(run.bytes),
            *(entry[name].eq(run[name]) for name in ("local", "before", "bytes", "final")),
            entry.lane.eq(run.address[: exact_log2(self.config.bus_bytes)]),
            bursts.valid.eq(runs.valid & exists & waiting.ready),
            waiting.valid.eq(runs.valid & (bursts.ready | ~exists)),
            runs.ready.eq(waiting.ready & (bursts.ready | ~exists)),
        ]

    def _request(self, m, bursts):
        """Ask for bursts, at most reads_in_flight at once."""
        limit = self.config.reads_in_flight
        outstanding = Signal(range(limit + 1))
        asked, answered = Signal(), Signal()
        room = outstanding != limit
        m.d.comb += [
            self.requests.payload.eq(bursts.payload),
            self.requests.valid.eq(bursts.valid & room),
            bursts.ready.eq(self.requests.ready & room),
            asked.eq(self.requests.valid & self.requests.ready),
            answered.eq(self.beats.valid & self.beats.ready & self.beats.payload.last),
        ]
        with m.If(asked != answered):
            m.d.sync += outstanding.eq(outstanding + asked - answered)

    def _report(self, m, aligner):
        inside = Signal(INSIDE_BITS)
        accepted = Signal()
        m.d.comb += [
            accepted.eq(self.instruction.valid & self.instruction.ready),
            self.finished.eq(aligner.finished),
            self.busy.eq(inside != 0),
            self.stalled.eq(
                self.busy & (aligner.starving | (aligner.writes.valid & ~aligner.writes.ready))
            ),
        ]
        with m.If(accepted != aligner.finished):
            m.d.sync += inside.eq(inside + accepted - aligner.finished)
        with m.If(aligner.failed):
            m.d.sync += self.fault.eq(Cause.BUS_ERROR)
        # What was read before the refused request has been written.
        with m.Elif(self.refused & aligner.starving & ~aligner.writes.valid):
            m.d.sync += self.fault.eq(Cause.WINDOW_FAULT)
