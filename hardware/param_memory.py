"""The param scratchpad: records of the requantisation, also read as depthwise taps."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In
from amaranth.utils import exact_log2

from isa.config import SLOTS_PER_PARAM_WORD
from isa.instructions import Memory

from .layout import write_layout
from .record_port import RecordPort
from .tap_port import TapPort

__all__ = ["ParamMemory"]

# Slots of a word that hold biases, multipliers and shifts.
_PART_SLOTS = (4, 4, 1)


class ParamMemory(wiring.Component):
    """Words of columns biases int32, then columns multipliers int32, then columns shifts int8.

    Read as taps, a word is nine slots of columns int8; slot s of word w has the address
    16 * w + s. Latency of a read: one cycle. Throughput: one read on each port and one chunk
    written a cycle, never refused.

    Biases, multipliers and shifts have a memory each, of lines as narrow as the reads allow: a line
    holds one, two or four slots, and the records of whole groups of requantize_lanes columns. The
    chunks of a word come in order, 0 first, and words do not interleave.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    record_read : In(RecordPort)
    tap_read : In(TapPort), slot address; column 0 lowest
    load_write : In(stream of write_layout(config, Memory.PARAM))
    """

    def __init__(self, config):
        self.config = config
        self.slot_bits = 8 * config.columns
        self.line_slots = _line_slots(config)
        super().__init__(
            {
                "record_read": In(RecordPort(config)),
                "tap_read": In(TapPort(config)),
                "load_write": In(stream.Signature(write_layout(config, Memory.PARAM))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        parts = []
        for name, slots in zip(("biases", "multipliers", "shifts"), _PART_SLOTS, strict=True):
            line_slots = min(slots, self.line_slots)
            part = memory.Memory(
                shape=line_slots * self.slot_bits,
                depth=self.config.param_words * slots // line_slots,
                init=[],
            )
            m.submodules[name] = part
            parts.append(part)
        self._read_records(m, [part.read_port() for part in parts])
        self._read_taps(m, [part.read_port() for part in parts])
        self._write(m, [part.write_port() for part in parts])
        return m

    @property
    def _lines(self):
        """Lines that hold the biases of a word, or its multipliers."""
        return _PART_SLOTS[0] // self.line_slots

    def _read_records(self, m, ports):
        """Read the group of columns that is asked for."""
        port, lanes = self.record_read, self.config.requantize_lanes
        groups = self.config.columns // lanes
        line_groups = groups // self._lines
        word = Signal.like(port.address, name="record_word", reset_less=True)
        group = Signal(range(max(2, groups)), reset_less=True)
        read_word, read_group = Signal.like(word), Signal.like(group)
        m.d.comb += [
            read_word.eq(Mux(port.enable, port.address, word)),
            read_group.eq(Mux(port.enable, 0, group + 1)),
        ]
        with m.If(port.enable | port.advance):
            m.d.sync += [word.eq(read_word), group.eq(read_group)]
        line = Signal(range(max(2, self._lines)))
        inside = Signal(range(max(2, line_groups)))
        m.d.comb += [
            line.eq(Array(number // line_groups for number in range(groups))[read_group]),
            inside.eq(Array(number % line_groups for number in range(groups))[group]),
        ]
        for part in ports:
            m.d.comb += part.en.eq(port.enable | port.advance)
        for part in ports[:2]:
            m.d.comb += part.addr.eq(self._line_address(read_word, line))
        m.d.comb += ports[2].addr.eq(read_word)
        biases, multipliers, shifts = (part.data for part in ports)
        m.d.comb += port.data.eq(
            Cat(
                biases.word_select(inside, 32 * lanes),
                multipliers.word_select(inside, 32 * lanes),
                shifts.word_select(group, 8 * lanes),
            )
        )

    def _read_taps(self, m, ports):
        """Read a slot, and with row_taps 3 the two before it: these stand in the same lines."""
        port, line_bits = self.tap_read, exact_log2(self.line_slots)
        word_bits = exact_log2(SLOTS_PER_PARAM_WORD)
        slot, word = port.address[:word_bits], port.address[word_bits:]
        for part in ports:
            m.d.comb += part.en.eq(port.enable)
        for part in ports[:2]:
            m.d.comb += part.addr.eq(self._line_address(word, slot[line_bits:2]))
        m.d.comb += ports[2].addr.eq(word)
        # The slots that are read, those of one part after those of the one before.
        read = Cat(part.data for part in ports)
        kept = Signal(len(slot) - 2 + line_bits, name="slot", reset_less=True)
        with m.If(port.enable):
            m.d.sync += kept.eq(Cat(slot[:line_bits], slot[2:]))
        m.d.comb += port.data.eq(read.word_select(kept, self.slot_bits))
        if self.config.row_taps == 3:
            with m.If(port.row):
                m.d.comb += port.before.eq(
                    Cat(
                        read.word_select((kept - back)[: len(kept)], self.slot_bits)
                        for back in (2, 1)
                    )
                )

    def _line_address(self, word, line):
        """Return the address of a line of the biases or multipliers of a word."""
        return Cat(line[: exact_log2(self._lines)], word) if self._lines > 1 else word

    def _write(self, m, ports):
        """Write a line with its last chunk."""
        write, bus_bits = self.load_write.payload, 8 * self.config.bus_bytes
        chunks = self.slot_bits // bus_bits
        # The chunks before this one, the newest on top.
        collected = Signal(bus_bits * (chunks * self.line_slots - 1), reset_less=True)
        newest = Cat(collected, write.data)
        with m.If(self.load_write.valid):
            m.d.sync += collected.eq(newest[bus_bits:])
        m.d.comb += self.load_write.ready.eq(1)
        first_slot = 0
        for part, slots in zip(ports, _PART_SLOTS, strict=True):
            line_slots = min(slots, self.line_slots)
            ends = [
                write.chunk == chunks * (first_slot + slot) - 1
                for slot in range(line_slots, slots + 1, line_slots)
            ]
            line = Cat(Cat(ends[1::2]).any(), Cat(ends[2:]).any())
            m.d.comb += [
                part.en.eq(self.load_write.valid & Cat(ends).any()),
                part.addr.eq(
                    self._line_address(write.address, line) if slots > 1 else write.address
                ),
                part.data.eq(newest[-len(part.data) :]),
            ]
            first_slot += slots


def _line_slots(config):
    """Return how many slots a line of biases holds: as few as records and rows of taps allow."""
    group_bytes = 4 * config.requantize_lanes
    fits = [count for count in (1, 2, 4) if count * config.columns % group_bytes == 0]
    return 4 if config.row_taps == 3 else fits[0]
