"""The act words of a store, read ahead and handed on in chunks of the bus's width."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, exact_log2

from .burst_splitter import RUN_BYTES_BITS
from .ports import ArbitratedReadPort

__all__ = ["StoreReader", "stored_run_layout"]


def stored_run_layout(config, local_bits):
    """Return the layout of a run in act.

    Members
    -------
    local : word where the run begins
    last_byte : bytes of the run less one
    """
    return data.StructLayout({"local": local_bits, "last_byte": 20})


class StoreReader(wiring.Component):
    """Reads runs of act words.

    Latency three cycles. Throughput one chunk a cycle while every read is granted, without a gap
    between runs of more than one chunk.

    Parameters
    ----------
    config : isa.Config
    local_bits : int, width of an act address

    Members
    -------
    runs : In(stream of stored_run_layout)
    act : Out(ArbitratedReadPort)
    chunks : Out(stream of bus_bytes bytes)
    """

    def __init__(self, config, local_bits):
        self.config = config
        self.local_bits = local_bits
        word_bits = 8 * config.act_word_bytes
        super().__init__(
            {
                "runs": In(stream.Signature(stored_run_layout(config, local_bits))),
                "act": Out(ArbitratedReadPort(bits_for(config.act_words - 1), word_bits)),
                "chunks": Out(stream.Signature(8 * config.bus_bytes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus_bits = exact_log2(self.config.bus_bytes)
        chunks_a_word = self.config.act_word_bytes // self.config.bus_bytes
        address = Signal(self.local_bits, reset_less=True)
        chunks_left = Signal(RUN_BYTES_BITS - bus_bits, reset_less=True)
        # Kept beside what they tell of, chunks_left != 0 and chunks_left <= chunks_a_word.
        active, ends = Signal(), Signal(reset_less=True)
        held = Signal()
        chunk, last_chunk = (
            Signal(range(max(2, chunks_a_word)), reset_less=True, name=name)
            for name in ("chunk", "last_chunk")
        )
        payload = Signal(8 * self.config.bus_bytes, reset_less=True)
        free, emptied, granted = Signal(), Signal(), Signal()
        m.d.comb += [
            free.eq(~self.chunks.valid | self.chunks.ready),
            emptied.eq(free & (chunk == last_chunk)),
            self.act.valid.eq(active & (~held | emptied)),
            self.act.address.eq(address),
            granted.eq(self.act.valid & self.act.ready),
            self.chunks.payload.eq(payload),
            self.runs.ready.eq(~active | (granted & ends)),
        ]
        with m.If(free):
            m.d.sync += self.chunks.valid.eq(held)
        with m.If(held & free):
            m.d.sync += [
                payload.eq(self.act.data.word_select(chunk, 8 * self.config.bus_bytes)),
                chunk.eq(chunk + 1),
            ]
            with m.If(emptied):
                m.d.sync += held.eq(0)
        with m.If(granted):
            m.d.sync += [
                held.eq(1),
                chunk.eq(0),
                last_chunk.eq(Mux(ends, chunks_left - 1, chunks_a_word - 1)),
                address.eq(address + 1),
                chunks_left.eq(chunks_left - chunks_a_word),
                active.eq(~ends),
                ends.eq(chunks_left <= 2 * chunks_a_word),
            ]
        with m.If(self.runs.valid & self.runs.ready):
            m.d.sync += [
                address.eq(self.runs.payload.local),
                chunks_left.eq((self.runs.payload.last_byte >> bus_bits) + 1),
                active.eq(1),
                ends.eq(self.runs.payload.last_byte < self.config.act_word_bytes),
            ]
        return m
