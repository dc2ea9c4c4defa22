"""The lanes of the vector engine: operation and reduction."""

from types import SimpleNamespace

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from isa.instructions import AMemory, BSource, Operation, Reduction, Slide

from .bits import add_or_subtract, sign_extend
from .tables import TablePort
from .vector_layouts import operands_layout, result_layout, vector_layout
from .vector_slide import VectorSlide

__all__ = ["VectorLanes"]


class VectorLanes(wiring.Component):
    """Computes operation(a + a_offset, b) in every lane and combines the values of a reduction.

    Latency: four cycles. Throughput: one iteration a cycle; a MULTIPLY of an acc word takes two,
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
    record_enable, record_address : Out, the record of this param word is wanted in the next cycle
    results : Out(stream of result_layout)
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "held": In(vector_layout(config)),
                "operands": In(stream.Signature(operands_layout(config))),
                **({"table_read": Out(TablePort(config))} if config.tables else {}),
                "record_enable": Out(1),
                "record_address": Out(bits_for(config.param_words - 1)),
                "results": Out(stream.Signature(result_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        v_valid, v_moves = Signal(), Signal()
        m.d.comb += v_moves.eq(v_valid & (~self.results.valid | self.results.ready))
        kept = self._keep(m)
        operated = self._operate(m, kept)
        works, taken = Signal(name="p_works"), Signal(name="p_taken")
        m.d.comb += [
            works.eq(operated.valid & (~v_valid | v_moves)),
            taken.eq(works & operated.whole),
            operated.taken.eq(works),
        ]
        with m.If(taken):
            m.d.sync += v_valid.eq(1)
        with m.Elif(v_moves):
            m.d.sync += v_valid.eq(0)
        step = self._follow(m, "v", operated.step, taken)
        values = self._look_up(m, operated, taken, self._complete(m, operated, works))
        m.d.comb += [
            self.record_enable.eq(v_moves & step["last"] & self.held.requantize),
            self.record_address.eq(step["record"]),
        ]
        self._reduce(m, values, step, v_moves)
        return m

    def _follow(self, m, prefix, step, enable):
        """Return registers of what goes beside the lanes, set where `enable`."""
        following = {}
        for name, source in step.items():
            following[name] = Signal.like(source, name=f"{prefix}_{name}", reset_less=True)
            with m.If(enable):
                m.d.sync += following[name].eq(source)
        return following

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
        kept.step = self._follow(m, "u", {name: operands[name] for name in names}, accepted)
        kept.a, kept.b = (
            [
                Signal(signed(32), name=f"u_{name}{lane}", reset_less=True)
                for lane in range(self.config.columns)
            ]
            for name in "ab"
        )
        self._select(m, kept, accepted)
        if slides:
            kept.act = Signal(8 * self.config.columns, name="u_act", reset_less=True)
            kept.before = Signal(16 * self.config.columns, name="u_before", reset_less=True)
            with m.If(accepted & (held.slide != Slide.OFF)):
                m.d.sync += [kept.act.eq(operands.act), kept.before.eq(operands.before)]
        return kept

    def _select(self, m, kept, accepted):
        """Set a and b of every lane; of a product, a is the factor that may be wide.

        The other one has at most 16 bits: a and b cannot both come from acc.
        """
        held, operands = self.held, self.operands.payload
        b_in_acc = held.b_source == BSource.ACC
        swap = b_in_acc & (held.operation == Operation.MULTIPLY)
        # Registers, because every bit of every lane hangs on them.
        a_wide, b_wide, b_is_act, b_is_tap = (
            Signal(name=name, reset_less=True)
            for name in ("a_wide", "b_wide", "b_is_act", "b_is_tap")
        )
        word_offset = Signal(signed(9), reset_less=True)
        m.d.sync += [
            a_wide.eq((held.a_memory == AMemory.ACC) | swap),
            b_wide.eq(b_in_acc & ~swap),
            b_is_act.eq(swap),
            b_is_tap.eq(held.b_source == BSource.TAP),
            word_offset.eq(Mux(swap, 0, held.a_offset)),
        ]
        for lane in range(self.config.columns):
            act = Signal(signed(10), name=f"act{lane}")
            b_narrow = Signal(signed(16), name=f"b_narrow{lane}")
            word = operands.acc.word_select(lane, 32)
            tap = sign_extend(operands.tap.word_select(lane, 8), 16)
            m.d.comb += [
                act.eq(operands.act.word_select(lane, 8).as_signed() + held.a_offset),
                b_narrow.eq(
                    Mux(b_is_act, sign_extend(act, 16), Mux(b_is_tap, tap, held.immediate))
                ),
            ]
            a = Mux(a_wide, (word + word_offset)[:32], sign_extend(act, 32))
            b = Mux(b_wide, word, sign_extend(b_narrow, 32))
            with m.If(accepted):
                m.d.sync += [kept.a[lane].eq(a), kept.b[lane].eq(b)]

    def _operate(self, m, kept):
        """Return the registers of the operation's results, and of all beside them.

        A product of an acc word is made of its lower half, then of its upper half; `whole` tells
        that nothing follows.
        """
        held = self.held
        operated = SimpleNamespace(
            valid=Signal(name="p_valid"),
            taken=Signal(name="u_free"),
            upper=Signal(name="p_upper", reset_less=True),
            whole=Signal(name="p_whole", reset_less=True),
        )
        # Registers, because every bit of every lane hangs on them.
        chosen = SimpleNamespace(
            **{
                name: Signal(name=name, reset_less=True)
                for name in ("wide", "multiplies", "subtracts", "sums", "extremes", "least")
            }
        )
        operation = held.operation
        adds = operation == Operation.ADD
        most, least = operation == Operation.MAXIMUM, operation == Operation.MINIMUM
        m.d.sync += [
            chosen.wide.eq((held.a_memory == AMemory.ACC) | (held.b_source == BSource.ACC)),
            chosen.multiplies.eq(operation == Operation.MULTIPLY),
            chosen.subtracts.eq(~adds),
            chosen.sums.eq(adds | (operation == Operation.SUBTRACT)),
            chosen.extremes.eq(most | least),
            chosen.least.eq(least),
        ]
        upper = Signal()
        works, whole = Signal(name="u_works"), Signal(name="u_whole")
        m.d.comb += [
            works.eq(kept.valid & (~operated.valid | operated.taken)),
            whole.eq(upper | ~chosen.wide | ~chosen.multiplies),
            kept.taken.eq(works & whole),
        ]
        with m.If(works):
            m.d.sync += [
                operated.valid.eq(1),
                operated.upper.eq(upper),
                operated.whole.eq(whole),
                upper.eq(~whole),
            ]
        with m.Elif(operated.taken):
            m.d.sync += operated.valid.eq(0)
        operated.step = self._follow(m, "p", kept.step, works)
        operated.slid = self._slide(m, kept, works)
        operated.values = [
            self._result(m, lane, kept, works, upper, chosen) for lane in range(self.config.columns)
        ]
        return operated

    def _result(self, m, lane, kept, works, upper, chosen):
        """Return the register of one lane's result: of a product, or of one half of it."""
        result = Signal(32, name=f"p_value{lane}", reset_less=True)
        a, b = kept.a[lane], kept.b[lane]
        half = Cat(Mux(upper, a[16:], a[:16]), ~chosen.wide & a[15]).as_signed()
        # One adder for all: the sign of the difference tells which of both is the greater.
        total = add_or_subtract(a, b, chosen.subtracts)
        takes_b = chosen.extremes & (total[32] ^ chosen.least)
        with m.If(works & chosen.multiplies):
            # The product is named once: the simulation then computes it only here.
            m.d.sync += result.eq(half * b[:16].as_signed())
        with m.Elif(works):
            m.d.sync += result.eq(Mux(chosen.sums, total[:32], Mux(takes_b, b, a)))
        return result

    def _slide(self, m, kept, works):
        """Return for each lane what the columns before gave to the result of a sliding row."""
        columns = self.config.columns
        if self.config.row_taps == 1:
            return [0] * columns
        held = self.held
        m.submodules.slide = slide = VectorSlide(self.config)
        slides, starts = Signal(), Signal(name="p_starts", reset_less=True)
        partial = Signal(32 * columns, name="p_partial", reset_less=True)
        m.d.comb += [
            slides.eq(held.slide != Slide.OFF),
            slide.enable.eq(slides & kept.taken),
            slide.first.eq(kept.step["first"]),
            slide.act.eq(kept.act),
            slide.a_offset.eq(held.a_offset),
            slide.taps.eq(kept.before),
        ]
        with m.If(works):
            m.d.sync += starts.eq(slides & slide.first)
            with m.If(slides & slide.first):
                m.d.sync += partial.eq(slide.partial)
        return [Mux(starts, partial.word_select(lane, 32), 0) for lane in range(columns)]

    def _complete(self, m, operated, works):
        """Return the registers of the lanes' values: of both halves, and with what slid."""
        values = []
        for lane, (result, slid) in enumerate(zip(operated.values, operated.slid, strict=True)):
            value = Signal(32, name=f"v_value{lane}", reset_less=True)
            with m.If(works):
                with m.If(operated.upper):
                    m.d.sync += value[16:].eq(value[16:] + result[:16])
                with m.Else():
                    m.d.sync += value.eq(result + slid)
            values.append(value.as_signed())
        return values

    def _look_up(self, m, operated, taken, values):
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
            index = operated.values[lane]
            m.d.comb += [
                # An int8 as 0..255: a + 128.
                read.indices.word_select(lane, 8).eq(Cat(index[:7], ~index[7])),
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
        # Registers, because every bit of every lane hangs on them.
        none, adds, least = (
            Signal(name=f"reduces_{name}", reset_less=True)
            for name in ("not", "to_sum", "to_least")
        )
        reduction = self.held.reduction
        m.d.sync += [
            none.eq(reduction == Reduction.NONE),
            adds.eq(reduction == Reduction.ADD),
            least.eq(reduction == Reduction.MINIMUM),
        ]
        starts = step["first"] | none
        registers = []
        for lane, value in enumerate(values):
            total = Signal(signed(32), name=f"r_total{lane}", reset_less=True)
            following = add_or_subtract(total, value, ~adds)
            takes_value = starts | (~adds & (following[32] ^ least))
            with m.If(v_moves):
                with m.If(adds & ~starts):
                    m.d.sync += total.eq(following[:32])
                with m.Elif(takes_value):
                    m.d.sync += total.eq(value)
            registers.append(total)
        m.d.comb += result["values"].eq(Cat(registers))
