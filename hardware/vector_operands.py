"""Reads the operands of the vector engine."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, exact_log2

from isa.config import SLOTS_PER_PARAM_WORD
from isa.instructions import SLIDE_TAPS, VECTOR_LEVELS, AMemory, BSource, Slide

from .nest import iteration_layout
from .ports import ArbitratedReadPort
from .tap_port import TapPort
from .vector_layouts import operands_layout, vector_layout

__all__ = ["VectorOperands"]


class VectorOperands(wiring.Component):
    """Reads what each iteration needs of act, acc and param.

    Latency: one cycle from a granted iteration to its operands. Throughput: one iteration a cycle
    while the reads are granted. Operands that come from nowhere are undefined.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    held : In(vector_layout), the instruction
    iterations : In(stream of the nest's iterations)
    operands : Out(stream of operands_layout)
    act_read : Out(ArbitratedReadPort), act word address
    acc_read : Out(ArbitratedReadPort)
    empty : In, with row_taps 3: the column of the iteration gives no result
    tap_read : Out(TapPort), param slot address
    refused : Out, a read is refused in this cycle
    """

    def __init__(self, config):
        self.config = config
        self.act_address_bits = bits_for(config.act_words - 1)
        self.acc_address_bits = bits_for(2 * config.acc_words - 1)
        self.tap_address_bits = bits_for(config.param_slots - 1)
        instruction = vector_layout(config)
        names = ("a", "b", "record", "output")
        super().__init__(
            {
                "held": In(instruction),
                "iterations": In(
                    stream.Signature(iteration_layout(instruction, VECTOR_LEVELS, names))
                ),
                "operands": Out(stream.Signature(operands_layout(config))),
                "act_read": Out(
                    ArbitratedReadPort(self.act_address_bits, 8 * config.act_word_bytes)
                ),
                "acc_read": Out(
                    ArbitratedReadPort(self.acc_address_bits, 8 * config.acc_word_bytes)
                ),
                "tap_read": Out(TapPort(config)),
                **({"empty": In(1)} if config.row_taps == 3 else {}),
                "refused": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        given = self.iterations.payload
        a_in_acc = self.held.a_memory == AMemory.ACC
        b_in_acc = self.held.b_source == BSource.ACC
        wanted, accepted = Signal(), Signal()
        m.d.comb += [
            wanted.eq(self.iterations.valid & (~self.operands.valid | self.operands.ready)),
            accepted.eq(wanted & self.iterations.ready),
            self.refused.eq(wanted & ~self.iterations.ready),
        ]
        act_granted = self._read(m, self.act_read, "act", wanted & ~a_in_acc, accepted)
        acc_granted = self._read(m, self.acc_read, "acc", wanted & (a_in_acc | b_in_acc), accepted)
        part_bits = self._part_bits
        m.d.comb += [
            self.iterations.ready.eq(wanted & act_granted & acc_granted),
            self.act_read.address.eq(given.a[part_bits : part_bits + self.act_address_bits]),
            self.acc_read.address.eq(given.b[: self.acc_address_bits]),
            self.tap_read.enable.eq(accepted & (self.held.b_source == BSource.TAP)),
            self.tap_read.address.eq(self._tap_address(given.b[: self.tap_address_bits])),
        ]
        with m.If(a_in_acc):
            m.d.comb += self.acc_read.address.eq(given.a[: self.acc_address_bits])
        if self.config.row_taps == 3:
            m.d.comb += self.tap_read.row.eq(self.held.slide != Slide.OFF)
        self._give(m, accepted)
        return m

    @property
    def _part_bits(self):
        """Address bits that select one vector of columns bytes of an act word."""
        return exact_log2(self.config.act_word_bytes // self.config.columns)

    def _tap_address(self, slot):
        """Return the slot that is read: of a row the last, where `slot` is its first."""
        if self.config.row_taps == 1:
            return slot
        slot_bits = exact_log2(SLOTS_PER_PARAM_WORD)
        # A row lies in one word.
        last = (slot[:slot_bits] + Mux(self.tap_read.row, SLIDE_TAPS - 1, 0))[:slot_bits]
        return Cat(last, slot[slot_bits:])

    def _read(self, m, port, name, wanted, accepted):
        """Read `port` once for an iteration; return whether that is, or need not be, granted."""
        done = Signal(name=f"{name}_done")
        m.d.comb += port.valid.eq(wanted & ~done)
        with m.If(accepted):
            m.d.sync += done.eq(0)
        with m.Elif(port.valid & port.ready):
            m.d.sync += done.eq(1)
        return ~wanted | done | port.ready

    def _give(self, m, accepted):
        """Keep beside the words that the memories give what else belongs to the iteration."""
        given, operands = self.iterations.payload, self.operands.payload
        valid = Signal()
        m.d.comb += self.operands.valid.eq(valid)
        with m.If(accepted):
            m.d.sync += valid.eq(1)
        with m.Elif(self.operands.ready):
            m.d.sync += valid.eq(0)
        # Level l reduces where it is one of the innermost reduce_levels.
        kept = Cat(self.held.reduce_levels < VECTOR_LEVELS - n for n in range(VECTOR_LEVELS))
        step = {
            "first": (given.first | kept).all(),
            "last": (given.last | kept).all(),
            "ends": given.last.all(),
            "record": given.record,
            "output": given.output,
        }
        if self.config.row_taps == 3:
            step["empty"] = self.empty
            step["last"] &= ~self.empty | step["ends"]
        for name, value in step.items():
            register = Signal.like(operands[name], name=name, reset_less=True)
            m.d.comb += operands[name].eq(register)
            with m.If(accepted):
                m.d.sync += register.eq(value)
        word = self.act_read.data
        if self._part_bits:
            part = Signal(self._part_bits, reset_less=True)
            with m.If(accepted):
                m.d.sync += part.eq(given.a[: self._part_bits])
            word = word.word_select(part, 8 * self.config.columns)
        m.d.comb += [
            operands.act.eq(word),
            operands.acc.eq(self.acc_read.data),
            operands.tap.eq(self.tap_read.data),
        ]
        if self.config.row_taps == 3:
            m.d.comb += operands.before.eq(self.tap_read.before)
