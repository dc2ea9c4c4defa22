"""Writes the results of the vector engine."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, exact_log2

from isa.instructions import Destination

from .ports import ArbitratedWritePort, MaskedWritePort
from .vector_layouts import result_layout, vector_layout

__all__ = ["VectorWriter"]


class VectorWriter(wiring.Component):
    """Adds the zero point and clamps for act, or writes int32 to acc.

    Latency: one cycle. Throughput: one result a cycle while acc grants the writes.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    held : In(vector_layout), the instruction
    results : In(stream of result_layout)
    act_write : Out(MaskedWritePort), act word address
    acc_write : Out(ArbitratedWritePort)
    finished : Out, the last result is written in this cycle
    refused : Out, a write is refused in this cycle
    """

    def __init__(self, config):
        self.config = config
        self.act_address_bits = bits_for(config.act_words - 1)
        self.acc_address_bits = bits_for(2 * config.acc_words - 1)
        groups = config.act_word_bytes // config.columns
        super().__init__(
            {
                "held": In(vector_layout(config)),
                "results": In(stream.Signature(result_layout(config))),
                "act_write": Out(
                    MaskedWritePort(self.act_address_bits, 8 * config.act_word_bytes, groups)
                ),
                "acc_write": Out(
                    ArbitratedWritePort(self.acc_address_bits, 8 * config.acc_word_bytes)
                ),
                "finished": Out(1),
                "refused": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        to_acc = self.held.destination == Destination.ACC
        valid, done, taken = Signal(), Signal(), Signal()
        output = Signal.like(self.results.payload.output, reset_less=True)
        ends = Signal(reset_less=True)
        m.d.comb += [
            done.eq(valid & (~to_acc | self.acc_write.ready)),
            self.results.ready.eq(~valid | done),
            taken.eq(self.results.valid & self.results.ready),
            self.finished.eq(done & ends),
            self.refused.eq(valid & ~done),
        ]
        with m.If(taken):
            m.d.sync += [
                valid.eq(1),
                output.eq(self.results.payload.output),
                ends.eq(self.results.payload.ends),
            ]
        with m.Elif(done):
            m.d.sync += valid.eq(0)
        values = [self._value(m, lane, to_acc, taken) for lane in range(self.config.columns)]
        groups = self.config.act_word_bytes // self.config.columns
        part_bits = exact_log2(groups)
        m.d.comb += [
            self.acc_write.valid.eq(valid & to_acc),
            self.acc_write.address.eq(output[: self.acc_address_bits]),
            self.acc_write.data.eq(Cat(values)),
            self.act_write.enable.eq(valid & ~to_acc),
            self.act_write.address.eq(output[part_bits : part_bits + self.act_address_bits]),
            self.act_write.data.eq(Cat(value[:8] for value in values).replicate(groups)),
            self.act_write.mask.eq(1 << output[:part_bits] if part_bits else 1),
        ]
        return m

    def _value(self, m, lane, to_acc, taken):
        """Return the register of one lane: the value, or for act isa.arithmetic.saturate of it."""
        held = self.held
        value = self.results.payload["values"].word_select(lane, 32).as_signed()
        total = Signal(signed(33), name=f"total{lane}")
        at_least = Signal(signed(33), name=f"at_least{lane}")
        m.d.comb += [
            total.eq(value + held.zero_point),
            at_least.eq(Mux(total < held.low, held.low, total)),
        ]
        register = Signal(32, name=f"value{lane}", reset_less=True)
        with m.If(taken):
            with m.If(to_acc):
                m.d.sync += register.eq(value)
            with m.Else():
                m.d.sync += register.eq(Mux(at_least > held.high, held.high, at_least)[:32])
        return register
