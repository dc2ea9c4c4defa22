"""The param scratchpad: records of the requantisation, also read as depthwise taps."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In
from amaranth.utils import bits_for, exact_log2

from isa.config import SLOTS_PER_PARAM_WORD
from isa.instructions import Memory

from .layout import write_layout
from .ports import ReadPort
from .tap_port import TapPort
from .word_assembler import WordAssembler

__all__ = ["ParamMemory"]


class ParamMemory(wiring.Component):
    """Words of columns biases int32, then columns multipliers int32, then columns shifts int8.

    Read as taps, a word is nine slots of columns int8; slot s of word w has the address
    16 * w + s. Latency of a read: one cycle. Throughput: one read on each port and one chunk
    written a cycle, never refused.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    record_read : In(ReadPort), word address; data: the word
    tap_read : In(TapPort), slot address; column 0 lowest
    load_write : In(stream of write_layout(config, Memory.PARAM))
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "record_read": In(
                    ReadPort(bits_for(config.param_words - 1), 8 * config.param_word_bytes)
                ),
                "tap_read": In(TapPort(config)),
                "load_write": In(stream.Signature(write_layout(config, Memory.PARAM))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.words = words = memory.Memory(
            shape=8 * config.param_word_bytes, depth=config.param_words, init=[]
        )
        record, tap = words.read_port(), words.read_port()
        write = words.write_port()
        m.submodules.assembler = assembler = WordAssembler(config, Memory.PARAM)
        wiring.connect(m, wiring.flipped(self.load_write), assembler.load_write)
        slot_bits = exact_log2(SLOTS_PER_PARAM_WORD)
        slot = Signal(slot_bits, reset_less=True)
        m.d.comb += [
            record.en.eq(self.record_read.enable),
            record.addr.eq(self.record_read.address),
            self.record_read.data.eq(record.data),
            tap.en.eq(self.tap_read.enable),
            tap.addr.eq(self.tap_read.address[slot_bits:]),
            self.tap_read.data.eq(tap.data.word_select(slot, 8 * config.columns)),
            write.en.eq(assembler.word_write.enable),
            write.addr.eq(assembler.word_write.address),
            write.data.eq(assembler.word_write.data),
        ]
        with m.If(self.tap_read.enable):
            m.d.sync += slot.eq(self.tap_read.address[:slot_bits])
        if config.row_taps == 3:
            with m.If(self.tap_read.row):
                m.d.comb += self.tap_read.before.eq(
                    Cat(
                        tap.data.word_select((slot - back)[:slot_bits], 8 * config.columns)
                        for back in (2, 1)
                    )
                )
        return m
