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

    Latency: none. Throughput: one result a cycle while acc grants the writes.

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
        result = self.results.payload
        to_acc = self.held.destination == Destination.ACC
        m.d.comb += [
            self.results.ready.eq(~to_acc | self.acc_write.ready),
            self.finished.eq(self.results.valid & self.results.ready & result.ends),
            self.refused.eq(self.results.valid & ~self.results.ready),
            self.acc_write.valid.eq(self.results.valid & to_acc),
            self.acc_write.address.eq(result.output[: self.acc_address_bits]),
            self.acc_write.data.eq(result["values"]),
        ]
        groups = self.config.act_word_bytes // self.config.columns
        part_bits = exact_log2(groups)
        lanes = Cat(self._saturate(m, lane) for lane in range(self.config.columns))
        address = result.output[part_bits:]
        m.d.comb += [
            self.act_write.enable.eq(self.results.valid & ~to_acc),
            self.act_write.address.eq(address[: self.act_address_bits]),
            self.act_write.data.eq(lanes.replicate(groups)),
            self.act_write.mask.eq(1 << result.output[:part_bits] if part_bits else 1),
        ]
        return m

    def _saturate(self, m, lane):
        """Return one lane as isa.arithmetic.saturate has it."""
        held = self.held
        total = Signal(signed(33), name=f"total{lane}")
        at_least = Signal(signed(33), name=f"at_least{lane}")
        value = self.results.payload["values"].word_select(lane, 32).as_signed()
        with m.If(self.act_write.enable):
            m.d.comb += [
                total.eq(value + held.zero_point),
                at_least.eq(Mux(total < held.low, held.low, total)),
            ]
        return Mux(at_least > held.high, held.high, at_least)[:8]
