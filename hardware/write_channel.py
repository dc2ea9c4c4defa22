"""The write side of the bus: bursts checked against the windows, their beats, their responses."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .axi import Response, burst_layout, write_address_layout, write_data_layout
from .queue import Queue
from .windows import Windows, window_layout

__all__ = ["WriteChannel", "write_beat_layout"]

# Bursts between request and response: hides 40 cycles of latency even for bursts of 3 beats.
WRITES_IN_FLIGHT = 16


def write_beat_layout(config):
    """Return the layout of one beat to be written; strobe bit n is for byte n."""
    return data.StructLayout({"data": 8 * config.bus_bytes, "strobe": config.bus_bytes})


class WriteChannel(wiring.Component):
    """Writes bursts; the data of a burst follows its address.

    Latency to the address channel two cycles, to the data channel five. Throughput one beat a
    cycle.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    windows : In(window_layout) for each window
    bursts : In(stream of burst_layout)
    beats : In(stream of write_beat_layout), those of all bursts in order
    written : Out, the response to a burst marked final came in this cycle, none failed before
    refused : Out, a burst was outside the windows and all before it are written; until reset
    failed : Out, a response was an error; until reset
    abort : In, begin no burst, complete those begun without writing a byte
    idle : Out, no burst is on the bus
    aw, w : Out(stream), b : In(stream of the response)
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "windows": In(window_layout(config)).array(config.windows),
                "bursts": In(stream.Signature(burst_layout(config))),
                "beats": In(stream.Signature(write_beat_layout(config))),
                "written": Out(1),
                "refused": Out(1),
                "failed": Out(1),
                "abort": In(1),
                "idle": Out(1),
                "aw": Out(stream.Signature(write_address_layout(config))),
                "w": Out(stream.Signature(write_data_layout(config))),
                "b": In(stream.Signature(2)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.check = check = Windows(self.config, "write")
        m.submodules.lengths = lengths = Queue(8, WRITES_IN_FLIGHT)
        wiring.connect(m, wiring.flipped(self.bursts), check.requests)
        m.d.comb += [check.windows[i].eq(window) for i, window in enumerate(self.windows)]
        m.d.comb += check.flush.eq(self.abort)
        begins, answered, final = Signal(), Signal(), Signal()
        m.d.comb += [self.b.ready.eq(1), answered.eq(self.b.valid)]
        begun, room = self._remember(m, check.checked.payload.final, begins, answered, final)
        self._begin(m, check.checked.payload, lengths, begins)
        outside = Signal()
        with m.If(check.checked.valid & ~check.inside):
            m.d.sync += outside.eq(1)
        m.d.comb += [
            self.aw.valid.eq(check.checked.valid & check.inside & ~outside & room),
            check.checked.ready.eq(begins | (check.checked.valid & (~check.inside | outside))),
            self.refused.eq(outside & (begun == 0)),
            self.idle.eq((begun == 0) & ~self.aw.valid),
        ]
        self._send(m, lengths)
        with m.If(answered & (self.b.payload != Response.OKAY)):
            m.d.sync += self.failed.eq(1)
        with m.Elif(answered & ~self.failed):
            m.d.comb += self.written.eq(final)
        return m

    def _remember(self, m, is_final, begins, answered, final):
        """Keep which bursts on the bus are final, the oldest in bit 0.

        Return their number, and whether there may be one more.
        """
        begun = Signal(range(WRITES_IN_FLIGHT + 1))
        room = Signal(init=1)
        finals, kept = Signal(WRITES_IN_FLIGHT), Signal(WRITES_IN_FLIGHT)
        m.d.comb += [final.eq(finals[0]), kept.eq(finals >> answered)]
        with m.If(begins):
            m.d.sync += finals.eq(kept | (is_final << (begun - answered)[: len(begun)]))
        with m.Elif(answered):
            m.d.sync += finals.eq(kept)
        with m.If(begins != answered):
            m.d.sync += [
                begun.eq(begun + begins - answered),
                room.eq(answered | (begun != WRITES_IN_FLIGHT - 1)),
            ]
        return begun, room

    def _begin(self, m, burst, lengths, begins):
        """Put a burst on the address channel, and its length into the queue of the data."""
        beat_bits = exact_log2(self.config.bus_bytes)
        aw = self.aw
        m.d.comb += [
            aw.payload.address[beat_bits:].eq(burst.address[beat_bits:]),
            aw.payload.length.eq((burst.address[:beat_bits] + burst.last_byte) >> beat_bits),
            begins.eq(aw.valid & aw.ready),
            lengths.entries.payload.eq(aw.payload.length),
            lengths.entries.valid.eq(begins),
        ]

    def _send(self, m, lengths):
        """Send the beats of the bursts begun; with abort, beats that write nothing."""
        sent = Signal(8)
        free, moves, last = Signal(), Signal(), Signal()
        m.d.comb += [
            free.eq(lengths.output.valid & (~self.w.valid | self.w.ready)),
            moves.eq(free & (self.beats.valid | self.abort)),
            last.eq(sent == lengths.output.payload),
            self.beats.ready.eq(free & ~self.abort),
            lengths.output.ready.eq(moves & last),
        ]
        with m.If(self.w.ready):
            m.d.sync += self.w.valid.eq(0)
        with m.If(moves):
            m.d.sync += [
                sent.eq(sent + 1),
                self.w.valid.eq(1),
                self.w.payload.data.eq(self.beats.payload.data),
                self.w.payload.strobe.eq(self.beats.payload.strobe),
                self.w.payload.last.eq(last),
            ]
            with m.If(last):
                m.d.sync += sent.eq(0)
            with m.If(self.abort):
                m.d.sync += self.w.payload.strobe.eq(0)
