"""The lanes of the vector engine: operation and reduction."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from isa.instructions import AMemory, BSource, Operation, Reduction

from .bits import sign_extend
from .ports import ReadPort
from .tables import TablePort
from .vector_layouts import operands_layout, result_layout, vector_layout

__all__ = ["VectorLanes"]


class VectorLanes(wiring.Component):
    """Computes operation(a + a_offset, b) in every lane and combines the values of a reduction.

    Latency: two cycles. Throughput: one iteration a cycle; a MULTIPLY of an acc word takes two,
    because a lane has one 17 x 16 bit multiplier. The record of the requantisation is read so
    that it stands beside the result.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    held : In(vector_layout), the instruction
    operands : In(stream of operands_layout)
    table_read : Out(TablePort), only with tables
    record_read : Out(ReadPort), param word address
    results : Out(stream of result_layout)
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "held": In(vector_layout(config)),
                "operands": In(stream.Signature(operands_layout(config))),
                **({"table_read": Out(TablePort(config))} if config.tables else {}),
                "record_read": Out(
                    ReadPort(bits_for(config.param_words - 1), 8 * config.param_word_bytes)
                ),
                "results": Out(stream.Signature(result_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        v_valid, v_moves = Signal(), Signal()
        m.d.comb += v_moves.eq(v_valid & (~self.results.valid | self.results.ready))
        values, taken = self._operate(m, ~v_valid | v_moves)
        with m.If(taken):
            m.d.sync += v_valid.eq(1)
        with m.Elif(v_moves):
            m.d.sync += v_valid.eq(0)
        step = {}
        for name in ("first", "last", "ends", "record", "output"):
            source = self.operands.payload[name]
            step[name] = Signal.like(source, name=f"v_{name}", reset_less=True)
            with m.If(taken):
                m.d.sync += step[name].eq(source)
        m.d.comb += [
            self.record_read.enable.eq(v_moves & step["last"] & self.held.requantize),
            self.record_read.address.eq(step["record"]),
        ]
        self._reduce(m, values, step, v_moves)
        return m

    def _operate(self, m, free):
        """Return the registers with the lanes' values, and whether they are set in this cycle."""
        held = self.held
        # A product of an acc word is made of its lower half, then of its upper half.
        wide = (held.a_memory == AMemory.ACC) | (held.b_source == BSource.ACC)
        upper = Signal()
        works, taken = Signal(), Signal()
        m.d.comb += [
            works.eq(self.operands.valid & free),
            taken.eq(works & (upper | ~wide | (held.operation != Operation.MULTIPLY))),
            self.operands.ready.eq(taken),
        ]
        with m.If(works):
            m.d.sync += upper.eq(~taken)
        values = []
        for lane in range(self.config.columns):
            value = Signal(32, name=f"v_value{lane}", reset_less=True)
            a, b, product = self._lane_operands(m, lane, wide, upper, value)
            with m.If(works), m.Switch(held.operation):
                with m.Case(Operation.COPY):
                    m.d.sync += value.eq(a)
                with m.Case(Operation.ADD):
                    m.d.sync += value.eq(a + b)
                with m.Case(Operation.SUBTRACT):
                    m.d.sync += value.eq(a - b)
                with m.Case(Operation.MULTIPLY):
                    m.d.sync += value.eq(product)
                with m.Case(Operation.MAXIMUM):
                    m.d.sync += value.eq(Mux(a > b, a, b))
                with m.Case(Operation.MINIMUM):
                    m.d.sync += value.eq(Mux(a < b, a, b))
            values.append(value.as_signed())
        return self._look_up(m, taken, values), taken

    def _lane_operands(self, m, lane, wide, upper, value):
        """Return a and b, both int32, and their product, or the half of it that is due."""
        held, operands = self.held, self.operands.payload
        act = Signal(signed(10), name=f"act{lane}")
        a, b = Signal(signed(32), name=f"a{lane}"), Signal(signed(32), name=f"b{lane}")
        b_narrow = Signal(signed(16), name=f"b_narrow{lane}")
        other = Signal(32, name=f"other{lane}")
        product = Signal(signed(33), name=f"product{lane}")
        word = operands.acc.word_select(lane, 32)
        a_in_acc = held.a_memory == AMemory.ACC
        b_in_acc = held.b_source == BSource.ACC
        tap = sign_extend(operands.tap.word_select(lane, 8), 16)
        m.d.comb += [
            act.eq(operands.act.word_select(lane, 8).as_signed() + held.a_offset),
            a.eq(Mux(a_in_acc, (word + held.a_offset)[:32], sign_extend(act, 32))),
            b_narrow.eq(Mux(held.b_source == BSource.TAP, tap, held.immediate)),
            b.eq(Mux(b_in_acc, word, sign_extend(b_narrow, 32))),
        ]
        # One operand has at most 16 bits: a and b cannot both come from acc.
        narrow = Mux(b_in_acc, sign_extend(act, 16), b_narrow).as_signed()
        half = Cat(Mux(upper, other[16:], other[:16]), ~wide & other[15]).as_signed()
        m.d.comb += [other.eq(Mux(b_in_acc, word, a)), product.eq(narrow * half)]
        raised = Cat(value[:16], (value[16:] + product[:16])[:16])
        return a, b, Mux(upper, raised, product[:32])

    def _look_up(self, m, taken, values):
        """Read the table in every lane; return the values, of the table where that is asked."""
        if not self.config.tables:
            return values
        held, operands, read = self.held, self.operands.payload, self.table_read
        is_table = held.operation == Operation.TABLE
        m.d.comb += [read.enable.eq(taken & is_table), read.table.eq(held.table)]
        looked_up = []
        for lane, value in enumerate(values):
            index = operands.act.word_select(lane, 8).as_signed() + held.a_offset + 128
            entry = sign_extend(read.data.word_select(lane, 8), 32)
            chosen = Signal(signed(32), name=f"chosen{lane}")
            m.d.comb += [
                read.indices.word_select(lane, 8).eq(index),
                chosen.eq(Mux(is_table, entry, value)),
            ]
            looked_up.append(chosen)
        return looked_up

    def _reduce(self, m, values, step, v_moves):
        """Combine the values of a reduction; its result is valid after the last of them."""
        r_valid = Signal()
        with m.If(v_moves & step["last"]):
            m.d.sync += r_valid.eq(1)
        with m.Elif(self.results.ready):
            m.d.sync += r_valid.eq(0)
        result = self.results.payload
        r_output = Signal.like(result.output, reset_less=True)
        r_ends = Signal(reset_less=True)
        with m.If(v_moves):
            m.d.sync += [r_output.eq(step["output"]), r_ends.eq(step["ends"])]
        m.d.comb += [
            self.results.valid.eq(r_valid),
            result.output.eq(r_output),
            result.ends.eq(r_ends),
        ]
        starts = step["first"] | (self.held.reduction == Reduction.NONE)
        registers = []
        for lane, value in enumerate(values):
            total = Signal(signed(32), name=f"r_total{lane}", reset_less=True)
            with m.If(v_moves):
                with m.If(starts):
                    m.d.sync += total.eq(value)
                with m.Elif(self.held.reduction == Reduction.ADD):
                    m.d.sync += total.eq(total + value)
                with m.Elif(self.held.reduction == Reduction.MAXIMUM):
                    m.d.sync += total.eq(Mux(value > total, value, total))
                with m.Else():
                    m.d.sync += total.eq(Mux(value < total, value, total))
            registers.append(total)
        m.d.comb += result["values"].eq(Cat(registers))
