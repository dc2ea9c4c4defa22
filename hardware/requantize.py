"""Requantisation: bias, shift, multiplier, rounding."""

from types import SimpleNamespace

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from isa.arithmetic import Rounding

from .bits import shift_left, sign_extend
from .record_port import record_bits
from .vector_layouts import result_layout

__all__ = ["Requantize"]

# Each stage does what an FPGA can do in 11 ns: select, sum, shift, partial products, product,
# rounding of the high half, last shift; the result's registers take its rounding.
STAGES = "abscder"


class Requantize(wiring.Component):
    """Computes requantize((value + bias) << pre_shift, multiplier, shift, rounding).

    Bit for bit isa.arithmetic.requantize, where the sum and the shift wrap; every int32 is allowed
    as a value, bias and multiplier, and -31..31 as a shift. Latency: columns / requantize_lanes
    + 7 cycles. Throughput: one vector in columns / requantize_lanes cycles.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    values : In(stream of result_layout)
    record : In, of the param word that belongs to the vector at `values`, what belongs to the
        columns of the group at hand: record_bits(config) bits, as in RecordPort
    advance : Out, the next group is at hand in the next cycle
    pre_shift, rounding : In, stand while a vector is inside
    results : Out(stream of result_layout)
    """

    def __init__(self, config):
        self.config = config
        self.groups = config.columns // config.requantize_lanes
        super().__init__(
            {
                "values": In(stream.Signature(result_layout(config))),
                "record": In(record_bits(config)),
                "advance": Out(1),
                "pre_shift": In(5),
                "rounding": In(1),
                "results": Out(stream.Signature(result_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # A register: on it hangs whether the vector engine reads on.
        last_group = Signal(init=self.groups == 1)
        moves = Signal()
        group = Signal(range(max(2, self.groups)))
        # works[n]: what stage n gives moves on; stage 0 is the vector at the input.
        works = Signal(1 + len(STAGES))
        m.d.comb += [
            moves.eq(~self.results.valid | self.results.ready),
            self.values.ready.eq(moves & last_group),
            self.advance.eq(works[0] & ~last_group),
        ]
        with m.If(works[0]):
            m.d.sync += group.eq(Mux(last_group, 0, group + 1))
            if self.groups > 1:
                m.d.sync += last_group.eq(group == self.groups - 2)
        steps = self._steps(m, moves, group, last_group)
        valids = [self.values.valid, *(step["valid"] for step in steps)]
        m.d.comb += works.eq(Cat(moves & valid for valid in valids))
        arrives = Signal(self.groups)
        for number in range(self.groups):
            m.d.comb += arrives[number].eq(works[-1] & (steps[-1]["group"] == number))
        columns = self._result_columns(m)
        for lane in range(self.config.requantize_lanes):
            factors = self._select(m, lane, group, works[0])
            total = self._sum(m, lane, factors, works[1])
            shifted = self._shift(m, lane, total, works[2])
            product = self._multiply(m, lane, shifted, works[3:5])
            rounded = self._round(m, lane, product, works[5:7])
            for number in range(self.groups):
                with m.If(arrives[number]):
                    column = number * self.config.requantize_lanes + lane
                    m.d.sync += columns[column].eq(rounded)
        return m

    def _steps(self, m, moves, group, last_group):
        """Return what goes beside the lanes through the stages: a dict for each."""
        given, result = self.values.payload, self.results.payload
        beside = [name for name in result.shape().members if name != "values"]
        source = {
            "valid": self.values.valid,
            "last": last_group,
            "group": group,
            **{name: given[name] for name in beside},
        }
        steps = []
        for stage in STAGES:
            step = {
                name: Signal.like(value, name=f"{stage}_{name}", reset_less=name != "valid")
                for name, value in source.items()
            }
            with m.If(moves):
                m.d.sync += [step[name].eq(source[name]) for name in step]
            steps.append(step)
            source = step
        valid = Signal()
        m.d.comb += self.results.valid.eq(valid)
        with m.If(moves):
            m.d.sync += valid.eq(source["valid"] & source["last"])
        for name in beside:
            register = Signal.like(result[name], name=name, reset_less=True)
            m.d.comb += result[name].eq(register)
            with m.If(moves):
                m.d.sync += register.eq(source[name])
        return steps

    def _result_columns(self, m):
        """Return the registers of the result, one a column."""
        columns = [
            Signal(32, name=f"result{column}", reset_less=True)
            for column in range(self.config.columns)
        ]
        m.d.comb += self.results.payload["values"].eq(Cat(columns))
        return columns

    def _select(self, m, lane, group, works):
        """Stage a: what belongs to the lane's column."""
        lanes = self.config.requantize_lanes
        column = group * lanes + lane if self.groups > 1 else lane
        a = _registers("a", lane, value=32, bias=32, multiplier=signed(32), shift=signed(6))
        with m.If(works):
            m.d.sync += [
                a.value.eq(self.values.payload["values"].word_select(column, 32)),
                a.bias.eq(self.record.word_select(lane, 32)),
                a.multiplier.eq(self.record.word_select(lanes + lane, 32)),
                # -31..31 needs six of the eight bits.
                a.shift.eq(self.record.word_select(8 * lanes + lane, 8)[:6]),
            ]
        return a

    def _sum(self, m, lane, a, works):
        """Stage b: the sum, its shift, and by how many bits the product is shifted back."""
        tflite = self.rounding == Rounding.TFLITE
        b = _registers("b", lane, total=32, left=6, multiplier=signed(32), exponent=6)
        with m.If(works):
            m.d.sync += [
                b.total.eq(a.value + a.bias),
                b.left.eq(self.pre_shift + Mux(tflite & (a.shift > 0), a.shift[:5], 0)),
                b.multiplier.eq(a.multiplier),
                b.exponent.eq(Mux(tflite, Mux(a.shift < 0, -a.shift, 0), 31 - a.shift)),
            ]
        return b

    def _shift(self, m, lane, b, works):
        """Stage s: the shifted sum."""
        s = _registers("s", lane, x=signed(32), multiplier=signed(32), exponent=6)
        with m.If(works):
            m.d.sync += [
                s.x.eq(shift_left(b.total, b.left)),
                s.multiplier.eq(b.multiplier),
                s.exponent.eq(b.exponent),
            ]
        return s

    def _multiply(self, m, lane, s, works):
        """Stages c and d: three products of halves, of 18 bits at most, and the whole product.

        With h and l the halves, x * y = hh << 32 + ((xh + xl) * (yh + yl) - hh - ll) << 16 + ll.
        """
        c = _registers("c", lane, high=signed(32), low=32, crossed=signed(36), exponent=6)
        halves = [(value[16:].as_signed(), value[:16]) for value in (s.x, s.multiplier)]
        (x_high, x_low), (y_high, y_low) = halves
        with m.If(works[0]):
            m.d.sync += [
                c.high.eq(x_high * y_high),
                c.low.eq(x_low * y_low),
                c.crossed.eq((x_high + x_low) * (y_high + y_low)),
                c.exponent.eq(s.exponent),
            ]
        d = _registers("d", lane, product=signed(64), exponent=6)
        middle = Signal(signed(34), name=f"middle{lane}")
        m.d.comb += middle.eq(c.crossed - c.high - c.low)
        with m.If(works[1]):
            m.d.sync += [
                d.product.eq(Cat(c.low[:16], (Cat(c.low[16:], c.high).as_signed() + middle)[:48])),
                d.exponent.eq(c.exponent),
            ]
        return d

    def _round(self, m, lane, d, works):
        """Stages e and r: the high half in TFLITE; that or the product, shifted.

        Return it rounded.
        """
        doubled = Signal(signed(34), name=f"doubled{lane}")
        high = Signal(signed(32), name=f"high{lane}")
        nudged = Signal(signed(33), name=f"nudged{lane}")
        m.d.comb += [
            doubled.eq(d.product[31:].as_signed() + d.product[30]),
            # Only the product of two -2**31 gives 2**31.
            high.eq(Mux(~doubled[32] & doubled[31], 2**31 - 1, doubled[:32])),
            # Half rounds away from zero, where UPWARD and the shift below round it up.
            nudged.eq(high - ((high < 0) & (d.exponent != 0))),
        ]
        e = _registers("e", lane, value=signed(64), exponent=6)
        tflite = self.rounding == Rounding.TFLITE
        with m.If(works[0]):
            m.d.sync += [
                e.exponent.eq(d.exponent),
                e.value.eq(Mux(tflite, sign_extend(nudged, 64), d.product)),
            ]
        r = _registers("r", lane, value=32, below=1)
        with m.If(works[1]):
            m.d.sync += [
                r.value.eq(e.value >> e.exponent),
                r.below.eq(Cat(0, e.value[:62]).bit_select(e.exponent, 1)),
            ]
        return r.value + r.below


def _registers(stage, lane, **shapes):
    """Return a namespace of registers of one stage and lane."""
    return SimpleNamespace(
        **{
            name: Signal(shape, name=f"{stage}_{name}{lane}", reset_less=True)
            for name, shape in shapes.items()
        }
    )
