"""The lanes of the vector engine: operation and reduction."""

from types import SimpleNamespace

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from isa.instructions import AMemory, BSource, Operation, Reduction, Slide

from .bits import sign_extend
from .ports import ReadPort
from .tables import TablePort
from .vector_layouts import operands_layout, result_layout, vector_layout
from .vector_slide import VectorSlide

__all__ = ["VectorLanes"]


class VectorLanes(wiring.Component):
    """Computes operation(a + a_offset, b) in every lane and combines the values of a reduction.

    Latency: three cycles. Throughput: one iteration a cycle; a MULTIPLY of an acc word takes two,
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
        kept = self._keep(m)
        values, taken = self._operate(m, kept, ~v_valid | v_moves)
        with m.If(taken):
            m.d.sync += v_valid.eq(1)
        with m.Elif(v_moves):
            m.d.sync += v_valid.eq(0)
        step = {}
        for name, source in kept.step.items():
            step[name] = Signal.like(source, name=f"v_{name}", reset_less=True)
            with m.If(taken):
                m.d.sync += step[name].eq(source)
        m.d.comb += [
            self.record_read.enable.eq(v_moves & step["last"] & self.held.requantize),
            self.record_read.address.eq(step["record"]),
        ]
        self._reduce(m, values, step, v_moves)
        return m

    def _keep(self, m):
        """Return registers between the memories and the operation: a, b and all beside them."""
        held, operands = self.held, self.operands.payload
        slides = self.config.row_taps == 3
        kept = SimpleNamespace(valid=Signal(name="u_valid"), taken=Signal(name="u_taken"))
        accepted = Signal(name="u_accepted")
        m.d.comb += [
            self.operands.ready.eq(~kept.valid | kept.taken),
            accepted.eq(self.operands.valid & self.operands.ready),
        ]
        with m.If(accepted):
            m.d.sync += kept.valid.eq(1)
        with m.Elif(kept.taken):
            m.d.sync += kept.valid.eq(0)
        names = ("first", "last", "ends", "record", "output", *(("empty",) if slides else ()))
        kept.step = {
            name: Signal.like(operands[name], name=f"u_{name}", reset_less=True) for name in names
        }
        kept.a, kept.b = (
            [
                Signal(signed(32), name=f"u_{name}{lane}", reset_less=True)
                for lane in range(self.config.columns)
            ]
            for name in "ab"
        )
        with m.If(accepted):
            m.d.sync += [kept.step[name].eq(operands[name]) for name in names]
            for lane in range(self.config.columns):
                a, b = self._lane_operands(m, lane)
                m.d.sync += [kept.a[lane].eq(a), kept.b[lane].eq(b)]
        if slides:
            kept.act = Signal(8 * self.config.columns, name="u_act", reset_less=True)
            kept.before = Signal(16 * self.config.columns, name="u_before", reset_less=True)
            with m.If(accepted & (held.slide != Slide.OFF)):
                m.d.sync += [kept.act.eq(operands.act), kept.before.eq(operands.before)]
        return kept

    def _operate(self, m, kept, free):
        """Return the registers with the lanes' values, and whether they are set in this cycle."""
        held = self.held
        # A product of an acc word is made of its lower half, then of its upper half.
        wide, multiplies, b_in_acc = (
            Signal(name=name, reset_less=True) for name in ("wide", "multiplies", "b_in_acc")
        )
        # Registers, because every bit of every lane hangs on them.
        m.d.sync += [
            wide.eq((held.a_memory == AMemory.ACC) | (held.b_source == BSource.ACC)),
            multiplies.eq(held.operation == Operation.MULTIPLY),
            b_in_acc.eq(held.b_source == BSource.ACC),
        ]
        upper = Signal()
        works, taken = Signal(), Signal()
        m.d.comb += [
            works.eq(kept.valid & free),
            taken.eq(works & (upper | ~wide | ~multiplies)),
            kept.taken.eq(taken),
        ]
        slid = self._slide(m, kept, taken)
        with m.If(works):
            m.d.sync += upper.eq(~taken)
        values = []
        for lane in range(self.config.columns):
            value = Signal(32, name=f"v_value{lane}", reset_less=True)
            a, b = kept.a[lane], kept.b[lane]
            product = self._product(m, lane, a, b, wide, b_in_acc, upper, value)
            with m.If(works & multiplies):
                # The product is named once: the simulation then computes it only here.
                m.d.sync += value.eq(product + slid[lane])
            with m.Elif(works), m.Switch(held.operation):
                with m.Case(Operation.COPY):
                    m.d.sync += value.eq(a)
                with m.Case(Operation.ADD):
                    m.d.sync += value.eq(a + b)
                with m.Case(Operation.SUBTRACT):
                    m.d.sync += value.eq(a - b)
                with m.Case(Operation.MAXIMUM):
                    m.d.sync += value.eq(Mux(a > b, a, b))
                with m.Case(Operation.MINIMUM):
                    m.d.sync += value.eq(Mux(a < b, a, b))
            values.append(value.as_signed())
        return self._look_up(m, kept, taken, values), taken

    def _slide(self, m, kept, taken):
        """Return for each lane what the columns before gave to the result of a sliding row."""
        columns = self.config.columns
        if self.config.row_taps == 1:
            return [0] * columns
        held = self.held
        m.submodules.slide = slide = VectorSlide(self.config)
        slides, starts = Signal(), Signal()
        m.d.comb += [
            slides.eq(held.slide != Slide.OFF),
            starts.eq(slides & kept.step["first"]),
            slide.enable.eq(slides & taken),
            slide.first.eq(kept.step["first"]),
            slide.act.eq(kept.act),
            slide.a_offset.eq(held.a_offset),
            slide.taps.eq(kept.before),
        ]
        return [Mux(starts, slide.partial.word_select(lane, 32), 0) for lane in range(columns)]

    def _lane_operands(self, m, lane):
        """Return a and b, both int32."""
        held, operands = self.held, self.operands.payload
        act = Signal(signed(10), name=f"act{lane}")
        a, b = Signal(signed(32), name=f"a{lane}"), Signal(signed(32), name=f"b{lane}")
        b_narrow = Signal(signed(16), name=f"b_narrow{lane}")
        word = operands.acc.word_select(lane, 32)
        tap = sign_extend(operands.tap.word_select(lane, 8), 16)
        m.d.comb += [
            act.eq(operands.act.word_select(lane, 8).as_signed() + held.a_offset),
            a.eq(
                Mux(
                    held.a_memory == AMemory.ACC,
                    (word + held.a_offset)[:32],
                    sign_extend(act, 32),
                )
            ),
            b_narrow.eq(Mux(held.b_source == BSource.TAP, tap, held.immediate)),
            b.eq(Mux(held.b_source == BSource.ACC, word, sign_extend(b_narrow, 32))),
        ]
        return a, b

    def _product(self, m, lane, a, b, wide, b_in_acc, upper, value):
        """Return the product of a and b, or the half of it that is due."""
        other = Signal(32, name=f"other{lane}")
        product = Signal(signed(33), name=f"product{lane}")
        # One operand has at most 16 bits: a and b cannot both come from acc.
        narrow = Mux(b_in_acc, a[:16], b[:16]).as_signed()
        half = Cat(Mux(upper, other[16:], other[:16]), ~wide & other[15]).as_signed()
        m.d.comb += [other.eq(Mux(b_in_acc, b, a)), product.eq(narrow * half)]
        raised = Cat(value[:16], (value[16:] + product[:16])[:16])
        return Mux(upper, raised, product[:32])

    def _look_up(self, m, kept, taken, values):
        """Read the table in every lane; return the values, of the table where that is asked."""
        if not self.config.tables:
            return values
        held, read = self.held, self.table_read
        is_table = held.operation == Operation.TABLE
        m.d.comb += [read.enable.eq(taken & is_table), read.table.eq(held.table)]
        looked_up = []
        for lane, value in enumerate(values):
            entry = sign_extend(read.data.word_select(lane, 8), 32)
            chosen = Signal(signed(32), name=f"chosen{lane}")
            m.d.comb += [
                # An int8 as 0..255: a + 128.
                read.indices.word_select(lane, 8).eq(Cat(kept.a[lane][:7], ~kept.a[lane][7])),
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
        m.d.comb += self.results.valid.eq(r_valid)
        for name in [name for name in result.shape().members if name in step]:
            register = Signal.like(result[name], name=f"r_{name}", reset_less=True)
            m.d.comb += result[name].eq(register)
            with m.If(v_moves):
                m.d.sync += register.eq(step[name])
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
