"""Requantisation: bias, shift, multiplier, rounding."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from isa.arithmetic import Rounding

from .bits import shift_left, sign_extend
from .vector_layouts import result_layout

__all__ = ["Requantize"]


class Requantize(wiring.Component):
    """Computes requantize((value + bias) << pre_shift, multiplier, shift, rounding).

    Bit for bit isa.arithmetic.requantize, where the sum and the shift wrap; every int32 is allowed
    as a value, bias and multiplier, and -31..31 as a shift. Latency: columns / requantize_lanes
    + 3 cycles. Throughput: one vector in columns / requantize_lanes cycles.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    values : In(stream of result_layout)
    record : In, the param word that belongs to the vector at `values`
    pre_shift, rounding : In, stand while a vector is inside
    results : Out(stream of result_layout)
    """

    def __init__(self, config):
        self.config = config
        self.groups = config.columns // config.requantize_lanes
        super().__init__(
            {
                "values": In(stream.Signature(result_layout(config))),
                "record": In(8 * config.param_word_bytes),
                "pre_shift": In(5),
                "rounding": In(1),
                "results": Out(stream.Signature(result_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        moves, last_group = Signal(), Signal()
        group = Signal(range(max(2, self.groups)))
        # works[n]: stage n has lanes and moves on; stage 0 is the vector at the input.
        works = Signal(4)
        m.d.comb += [
            moves.eq(~self.results.valid | self.results.ready),
            last_group.eq(group == self.groups - 1),
            self.values.ready.eq(moves & last_group),
        ]
        with m.If(works[0]):
            m.d.sync += group.eq(Mux(last_group, 0, group + 1))
        steps = self._steps(m, moves, group, last_group)
        valids = [self.values.valid, *(step["valid"] for step in steps)]
        m.d.comb += works.eq(Cat(moves & valid for valid in valids))
        arrives = Signal(self.groups)
        for number in range(self.groups):
            m.d.comb += arrives[number].eq(works[3] & (steps[2]["group"] == number))
        columns = self._result_columns(m)
        for lane in range(self.config.requantize_lanes):
            product, exponent = self._multiply(m, lane, group, works)
            rounded = self._round(m, lane, product, exponent, works[2])
            for number in range(self.groups):
                with m.If(arrives[number]):
                    column = number * self.config.requantize_lanes + lane
                    m.d.sync += columns[column].eq(rounded)
        return m

    def _steps(self, m, moves, group, last_group):
        """Return what goes beside the lanes through the stages a, b and c: a dict for each."""
        given = self.values.payload
        source = {
            "valid": self.values.valid,
            "last": last_group,
            "group": group,
            "output": given.output,
            "ends": given.ends,
        }
        steps = []
        for stage in "abc":
            step = {
                name: Signal.like(value, name=f"{stage}_{name}", reset_less=name != "valid")
                for name, value in source.items()
            }
            with m.If(moves):
                m.d.sync += [step[name].eq(source[name]) for name in step]
            steps.append(step)
            source = step
        valid = Signal()
        result = self.results.payload
        output, ends = Signal.like(result.output, reset_less=True), Signal(reset_less=True)
        with m.If(moves):
            m.d.sync += [
                valid.eq(source["valid"] & source["last"]),
                output.eq(source["output"]),
                ends.eq(source["ends"]),
            ]
        m.d.comb += [self.results.valid.eq(valid), result.output.eq(output), result.ends.eq(ends)]
        return steps

    def _result_columns(self, m):
        """Return the registers of the result, one a column."""
        columns = [
            Signal(32, name=f"result{column}", reset_less=True)
            for column in range(self.config.columns)
        ]
        m.d.comb += self.results.payload["values"].eq(Cat(columns))
        return columns

    def _multiply(self, m, lane, group, works):
        """Stages a and b: shifted sum, then its product; return (product, exponent)."""
        columns = self.config.columns
        column = group * self.config.requantize_lanes + lane if self.groups > 1 else lane
        value = self.values.payload["values"].word_select(column, 32)
        bias = self.record[: 32 * columns].word_select(column, 32)
        multiplier = self.record[32 * columns : 64 * columns].word_select(column, 32)
        tflite = self.rounding == Rounding.TFLITE
        shift = Signal(signed(6), name=f"shift{lane}")
        left = Signal(6, name=f"left{lane}")
        m.d.comb += [
            # -31..31 needs six of the eight bits.
            shift.eq(self.record[64 * columns :].word_select(column, 8)[:6]),
            left.eq(self.pre_shift + Mux(tflite & (shift > 0), shift[:5], 0)),
        ]
        a_x = Signal(signed(32), name=f"a_x{lane}", reset_less=True)
        a_multiplier = Signal(signed(32), name=f"a_multiplier{lane}", reset_less=True)
        a_exponent = Signal(6, name=f"a_exponent{lane}", reset_less=True)
        with m.If(works[0]):
            m.d.sync += [
                a_x.eq(shift_left((value + bias)[:32], left)),
                a_multiplier.eq(multiplier),
                a_exponent.eq(Mux(tflite, Mux(shift < 0, -shift, 0), 31 - shift)),
            ]
        b_product = Signal(signed(64), name=f"b_product{lane}", reset_less=True)
        b_exponent = Signal(6, name=f"b_exponent{lane}", reset_less=True)
        with m.If(works[1]):
            m.d.sync += [b_product.eq(a_x * a_multiplier), b_exponent.eq(a_exponent)]
        return b_product, b_exponent

    def _round(self, m, lane, product, exponent, works):
        """Stage c: the high half in TFLITE; return that or the product, shifted and rounded."""
        doubled = Signal(signed(34), name=f"doubled{lane}")
        high = Signal(signed(32), name=f"high{lane}")
        nudged = Signal(signed(33), name=f"nudged{lane}")
        m.d.comb += [
            doubled.eq(product[31:].as_signed() + product[30]),
            # Only the product of two -2**31 gives 2**31.
            high.eq(Mux(~doubled[32] & doubled[31], 2**31 - 1, doubled[:32])),
            # Half rounds away from zero, where UPWARD and the shift below round it up.
            nudged.eq(high - ((high < 0) & (exponent != 0))),
        ]
        c_value = Signal(signed(64), name=f"c_value{lane}", reset_less=True)
        c_exponent = Signal(6, name=f"c_exponent{lane}", reset_less=True)
        tflite = self.rounding == Rounding.TFLITE
        with m.If(works):
            m.d.sync += [
                c_exponent.eq(exponent),
                c_value.eq(Mux(tflite, sign_extend(nudged, 64), product)),
            ]
        below = Cat(0, c_value[:62]).bit_select(c_exponent, 1)
        return (c_value >> c_exponent)[:32] + below
