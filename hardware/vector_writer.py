"""Writes the results of the vector engine."""

from types import SimpleNamespace

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

    Latency: one cycle. Throughput: one result a cycle while acc grants the writes. One result
    more is taken than can be written.

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
        # An empty result only ends its instruction.
        valid, filled, done, taken = Signal(), Signal(), Signal(), Signal()
        output = Signal.like(self.results.payload.output, reset_less=True)
        ends = Signal(reset_less=True)
        m.d.comb += [
            done.eq(valid & (~to_acc | ~filled | self.acc_write.ready)),
            self.finished.eq(done & ends),
            self.refused.eq(valid & ~done),
        ]
        spare, refill = self._keep_spare(m, ~valid | done, taken)
        new = self.results.payload
        with m.If(refill):
            m.d.sync += [
                filled.eq(spare.filled),
                output.eq(spare.output),
                ends.eq(spare.ends),
            ]
        with m.Elif(taken):
            m.d.sync += [
                valid.eq(1),
                filled.eq(self._is_filled(new)),
                output.eq(new.output),
                ends.eq(new.ends),
            ]
        with m.Elif(done):
            m.d.sync += valid.eq(0)
        bounds = self._bounds(m)
        values = [
            self._value(m, lane, to_acc, taken, refill, spare, bounds)
            for lane in range(self.config.columns)
        ]
        groups = self.config.act_word_bytes // self.config.columns
        part_bits = exact_log2(groups)
        m.d.comb += [
            self.acc_write.valid.eq(valid & filled & to_acc),
            self.acc_write.address.eq(output[: self.acc_address_bits]),
            self.acc_write.data.eq(Cat(values)),
            self.act_write.enable.eq(valid & filled & ~to_acc),
            self.act_write.address.eq(output[part_bits : part_bits + self.act_address_bits]),
            self.act_write.data.eq(Cat(value[:8] for value in values).replicate(groups)),
            self.act_write.mask.eq(1 << output[:part_bits] if part_bits else 1),
        ]
        return m

    def _is_filled(self, result):
        """Return whether a result is to be written."""
        return ~result.empty if self.config.row_taps == 3 else 1

    def _keep_spare(self, m, free, taken):
        """Keep one result that comes while acc refuses the one before it.

        So whether results are taken does not hang on the acc memory in the same cycle, and with it
        all that the vector engine reads. Return the spare, and whether it takes its turn now;
        `taken`: a result comes, and it is not to be kept.
        """
        result = self.results.payload
        spare = SimpleNamespace(
            values=Signal(32 * self.config.columns, name="spare_values", reset_less=True),
            output=Signal.like(result.output, name="spare_output", reset_less=True),
            ends=Signal(name="spare_ends", reset_less=True),
            filled=Signal(name="spare_filled", reset_less=True),
        )
        valid, refill = Signal(name="spare_valid"), Signal()
        m.d.comb += [
            self.results.ready.eq(~valid),
            taken.eq(self.results.valid & ~valid & free),
            refill.eq(valid & free),
        ]
        with m.If(refill):
            m.d.sync += valid.eq(0)
        with m.Elif(self.results.valid & ~valid & ~free):
            m.d.sync += [
                valid.eq(1),
                spare.values.eq(result["values"]),
                spare.output.eq(result.output),
                spare.ends.eq(result.ends),
                spare.filled.eq(self._is_filled(result)),
            ]
        return spare, refill

    def _bounds(self, m):
        """Return the lowest and highest values that are not clamped, and whether there are none.

        Registers, because every bit of every lane hangs on them.
        """
        held = self.held
        lowest, highest = (
            Signal(signed(10), name=name, reset_less=True) for name in ("lowest", "highest")
        )
        nothing = Signal(reset_less=True)
        m.d.sync += [
            lowest.eq(held.low - held.zero_point),
            highest.eq(held.high - held.zero_point),
            nothing.eq(held.low > held.high),
        ]
        return lowest, highest, nothing

    def _value(self, m, lane, to_acc, taken, refill, spare, bounds):
        """Return the register of one lane: the value, or for act isa.arithmetic.saturate of it."""
        held = self.held
        lowest, highest, nothing = bounds
        value = self.results.payload["values"].word_select(lane, 32).as_signed()
        # The sum is compared before it is there: the bounds are less the zero point.
        below, above = (Signal(name=f"{name}{lane}") for name in ("below", "above"))
        total = Signal(8, name=f"total{lane}")
        # Only a value of the bounds' width is compared with them; the sign tells of any other.
        width = len(lowest)
        low_bits, high_bits = value[:width].as_signed(), value[width - 1 :]
        fits, negative = high_bits.all() | ~high_bits.any(), value[-1]
        m.d.comb += [
            below.eq(Mux(fits, low_bits < lowest, negative)),
            above.eq(Mux(fits, low_bits > highest, ~negative) | nothing),
            total.eq(value + held.zero_point),
        ]
        register = Signal(32, name=f"value{lane}", reset_less=True)
        # What is refused, and then kept, is for acc.
        with m.If(refill):
            m.d.sync += register.eq(spare.values.word_select(lane, 32))
        with m.Elif(taken):
            with m.If(to_acc):
                m.d.sync += register.eq(value)
            with m.Else():
                clamped = Mux(above, held.high, Mux(below, held.low, total))
                m.d.sync += register[:8].eq(clamped)
        return register
