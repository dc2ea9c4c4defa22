"""Collects the chunks that a load writes into whole words of a wide memory."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .layout import memory_shape, write_layout
from .ports import WritePort

__all__ = ["WordAssembler"]


class WordAssembler(wiring.Component):
    """Collects the chunks of a word and writes the word with its last chunk.

    The chunks of a word come in order, 0 first, and words do not interleave; that is how the load
    engine writes. A memory written whole needs one enable, where one for each chunk would cost
    the simulation of a wide memory more than all the rest of it.

    Latency: none, the word is written in the cycle of its last chunk. Throughput: one chunk a
    cycle, never refused.

    Parameters
    ----------
    config : isa.Config
    memory : isa.Memory, whose words are collected

    Members
    -------
    load_write : In(stream of write_layout(config, memory))
    word_write : Out(WritePort)
    """

    def __init__(self, config, memory):
        self.config = config
        self.memory = memory
        self.word_bytes = memory_shape(config, memory)[1]
        write = write_layout(config, memory)
        super().__init__(
            {
                "load_write": In(stream.Signature(write)),
                "word_write": Out(WritePort(write["address"].width, 8 * self.word_bytes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus_bits = 8 * self.config.bus_bytes
        last_chunk = self.word_bytes // self.config.bus_bytes - 1
        write = self.load_write.payload
        word = write.data
        if last_chunk:
            # The chunks before this one, the newest on top.
            collected = Signal(bus_bits * last_chunk, reset_less=True)
            with m.If(self.load_write.valid):
                m.d.sync += collected.eq(Cat(collected, write.data)[bus_bits:])
            word = Cat(collected, write.data)
        m.d.comb += [
            self.load_write.ready.eq(1),
            self.word_write.enable.eq(self.load_write.valid & (write.chunk == last_chunk)),
            self.word_write.address.eq(write.address),
            self.word_write.data.eq(word),
        ]
        return m
