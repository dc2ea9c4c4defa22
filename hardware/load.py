"""The load engine: strided, padded copies from DRAM to the scratchpads."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from isa.instructions import Opcode, instruction_set
from isa.registers import Cause

from .axi import beat_layout, burst_layout
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
    refused : In, the last request was outside the windows
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
        m.submodules.walker = walker = Walker(config, local_bits)
        m.submodules.padding = padding = Padding(config, local_bits)
        m.submodules.splitter = splitter = BurstSplitter(config)
        run_layout = load_run_layout(config, local_bits)
        m.submodules.waiting = waiting = Queue(run_layout, config.reads_in_flight)
        m.submodules.aligner = aligner = LoadAligner(config, local_bits)
        wiring.connect(m, walker.runs, padding.runs)
        wiring.connect(m, waiting.output, aligner.runs)
        wiring.connect(m, wiring.flipped(self.beats), aligner.beats)
        wiring.connect(m, aligner.writes, wiring.flipped(self.writes))
        self._accept(m, walker, padding, waiting)
        self._fork(m, padding.output, splitter.runs, waiting.entries)
        outstanding = self._request(m, splitter.bursts)
        self._report(m, aligner, outstanding)
        return m

    def _accept(self, m, walker, padding, waiting):
        """Hand an instruction to the walker and keep what its runs need later."""
        fields, transfer = self.instruction.payload, walker.transfer.payload
        same = ("address", "x_origin", "z_origin", "y_count", "z_count")
        same += ("y_stride", "z_stride", "y_step", "z_step")
        m.d.comb += [
            *(transfer[name].eq(fields[name]) for name in same),
            transfer.local.eq(fields.destination),
            # Runs of the last instruction still need its fields.
            walker.transfer.valid.eq(self.instruction.valid & ~padding.output.valid),
            self.instruction.ready.eq(walker.transfer.ready & ~padding.output.valid),
        ]
        memory, fill = Signal(2, reset_less=True), Signal(8, reset_less=True)
        extent = Signal.like(padding.extent, reset_less=True)
        with m.If(self.instruction.valid & self.instruction.ready):
            m.d.sync += [
                memory.eq(fields.memory),
                fill.eq(fields.fill),
                extent.x_bytes.eq(fields.x_bytes),
                extent.line_bytes.eq(fields.line_bytes),
                extent.line_count.eq(fields.line_count),
            ]
        entry = waiting.entries.payload
        m.d.comb += [
            padding.extent.eq(extent),
            entry.memory.eq(memory),
            entry.fill.eq(fill),
            entry.x_bytes.eq(extent.x_bytes),
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
        """Ask for bursts, at most reads_in_flight at once; return how many are out."""
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
        return outstanding

    def _report(self, m, aligner, outstanding):
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
        # All that was asked for before the refused request has been written.
        with m.Elif(self.refused & (outstanding == 1) & aligner.starving & ~aligner.writes.valid):
            m.d.sync += self.fault.eq(Cause.WINDOW_FAULT)
