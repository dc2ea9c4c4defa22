"""The store engine: strided copies from act to DRAM."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, exact_log2

from isa.instructions import Opcode, instruction_set
from isa.registers import Cause

from .axi import write_address_layout, write_data_layout
from .buffer import Buffer
from .burst_splitter import BurstSplitter
from .layout import layout
from .ports import ArbitratedReadPort
from .queue import Queue
from .store_aligner import StoreAligner, shifted_run_layout
from .store_reader import StoreReader, stored_run_layout
from .walker import Walker
from .windows import window_layout
from .write_channel import WriteChannel

__all__ = ["Store"]

# Runs between their bursts and their data; hides the latency of the first act word.
RUNS_WAITING = 4
INSIDE_BITS = 6


class Store(wiring.Component):
    """Runs store instructions; the next one begins while the last one waits for its responses.

    Throughput one beat a cycle while act reads are granted. A fault is raised when the
    instruction it belongs to is the oldest inside.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    instruction : In(stream of layout(store format))
    finished : Out, one pulse for each instruction when its last response comes
    busy : Out, an instruction is inside
    stalled : Out, a read was refused or the bus is waited for in this cycle
    fault : Out(Cause), stays until reset
    abort : In, begin no burst, complete those begun without writing a byte
    idle : Out, no burst is on the bus
    windows : In(window_layout) for each window
    act_read : Out(ArbitratedReadPort)
    aw, w : Out(stream), b : In(stream): the write channels
    """

    def __init__(self, config):
        self.config = config
        self.format = instruction_set(config).format(Opcode.STORE)
        act_bits, word_bits = bits_for(config.act_words - 1), 8 * config.act_word_bytes
        super().__init__(
            {
                "instruction": In(stream.Signature(layout(self.format))),
                "finished": Out(1),
                "busy": Out(1),
                "stalled": Out(1),
                "fault": Out(Shape.cast(Cause)),
                "abort": In(1),
                "idle": Out(1),
                "windows": In(window_layout(config)).array(config.windows),
                "act_read": Out(ArbitratedReadPort(act_bits, word_bits)),
                "aw": Out(stream.Signature(write_address_layout(config))),
                "w": Out(stream.Signature(write_data_layout(config))),
                "b": In(stream.Signature(2)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, local_bits = self.config, self.format.field("source").bits
        m.submodules.walker = walker = Walker(config, self.format, "source")
        m.submodules.splitter = splitter = BurstSplitter(config)
        m.submodules.to_read = to_read = Queue(stored_run_layout(config, local_bits), RUNS_WAITING)
        m.submodules.reader = reader = StoreReader(config, local_bits)
        m.submodules.to_shift = to_shift = Queue(shifted_run_layout(config), RUNS_WAITING)
        m.submodules.aligner = aligner = StoreAligner(config)
        m.submodules.channel = channel = WriteChannel(config)
        # Whether the queue moves does not hang on the grant of a read.
        m.submodules.next_run = next_run = Buffer(stored_run_layout(config, local_bits))
        wiring.connect(m, to_read.output, next_run.entries)
        wiring.connect(m, next_run.output, reader.runs)
        wiring.connect(m, to_shift.output, aligner.runs)
        wiring.connect(m, reader.chunks, aligner.chunks)
        wiring.connect(m, aligner.beats, channel.beats)
        wiring.connect(m, splitter.bursts, channel.bursts)
        wiring.connect(m, reader.act, wiring.flipped(self.act_read))
        m.submodules.buffer = buffer = Buffer(splitter.runs.payload.shape())
        wiring.connect(m, buffer.output, splitter.runs)
        self._accept(m, walker, buffer.entries, to_read, to_shift)
        self._connect_bus(m, channel)
        nothing_left = walker.instruction.ready & to_shift.empty & ~aligner.beats.valid
        self._report(m, channel, aligner.beats, nothing_left)
        return m

    def _accept(self, m, walker, bursts, to_read, to_shift):
        """Hand an instruction to the walker, and its runs to splitter, reader and aligner."""
        fields = self.instruction.payload
        wiring.connect(m, wiring.flipped(self.instruction), walker.instruction)
        last_byte = Signal(20, reset_less=True)
        with m.If(self.instruction.valid & self.instruction.ready):
            m.d.sync += last_byte.eq(fields.x_bytes)
        run = walker.runs.payload
        address = Signal(self.config.address_bits)
        sinks = (bursts, to_read.entries, to_shift.entries)
        m.d.comb += [
            address.eq(run.base + run.position),
            bursts.payload.address.eq(address),
            bursts.payload.bytes.eq(last_byte + 1),
            bursts.payload.final.eq(run.final),
            to_read.entries.payload.local.eq(run.local),
            to_read.entries.payload.last_byte.eq(last_byte),
            to_shift.entries.payload.lane.eq(address[: exact_log2(self.config.bus_bytes)]),
            to_shift.entries.payload.last_byte.eq(last_byte),
        ]
        ready = sinks[0].ready & sinks[1].ready & sinks[2].ready
        m.d.comb += walker.runs.ready.eq(ready)
        m.d.comb += [sink.valid.eq(walker.runs.valid & ready) for sink in sinks]

    def _connect_bus(self, m, channel):
        for name in ("aw", "w"):
            wiring.connect(m, getattr(channel, name), wiring.flipped(getattr(self, name)))
        wiring.connect(m, wiring.flipped(self.b), channel.b)
        for index in range(self.config.windows):
            m.d.comb += channel.windows[index].eq(self.windows[index])
        m.d.comb += [channel.abort.eq(self.abort), self.idle.eq(channel.idle)]

    def _report(self, m, channel, beats, nothing_left):
        inside = Signal(INSIDE_BITS)
        accepted = Signal()
        m.d.comb += [
            accepted.eq(self.instruction.valid & self.instruction.ready),
            self.finished.eq(channel.written),
            self.busy.eq(inside != 0),
            self.stalled.eq(
                self.busy
                & (
                    nothing_left
                    | (beats.valid & ~beats.ready)
                    | (self.act_read.valid & ~self.act_read.ready)
                )
            ),
        ]
        with m.If(accepted != self.finished):
            m.d.sync += inside.eq(inside + accepted - self.finished)
        with m.If(channel.failed):
            m.d.sync += self.fault.eq(Cause.BUS_ERROR)
        with m.Elif(channel.refused):
            m.d.sync += self.fault.eq(Cause.WINDOW_FAULT)
