"""The matrix engine: one vector by one tile a cycle, accumulated in acc."""

from types import SimpleNamespace

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, exact_log2

from isa.instructions import MATRIX_LEVELS, Opcode, instruction_set

from .layout import layout
from .mac_array import MacArray
from .nest import Nest
from .ports import ReadPort, WritePort

__all__ = ["Matrix"]


class Matrix(wiring.Component):
    """Runs the affine loop nest of a matrix instruction, one iteration a cycle.

    Latency from an accepted instruction to the first write of acc: five cycles. Throughput: one
    iteration a cycle, also from an instruction to the next, whatever the acc addresses are.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    instruction : In(stream of layout(matrix format))
    finished : Out, one pulse for each instruction in the cycle of its last write
    busy : Out, an instruction is inside
    stalled : Out, always low: no port of the matrix engine is ever refused
    act_read : Out(ReadPort), act word address
    weight_read : Out(ReadPort), tile address
    acc_read : Out(ReadPort)
    acc_write : Out(WritePort)
    """

    def __init__(self, config):
        self.config = config
        acc_bits = bits_for(2 * config.acc_words - 1)
        acc_word_bits = 8 * config.acc_word_bytes
        super().__init__(
            {
                "instruction": In(
                    stream.Signature(layout(instruction_set(config).format(Opcode.MATRIX)))
                ),
                "finished": Out(1),
                "busy": Out(1),
                "stalled": Out(1),
                "act_read": Out(
                    ReadPort(bits_for(config.act_words - 1), 8 * config.act_word_bytes)
                ),
                "weight_read": Out(
                    ReadPort(bits_for(config.weight_tiles - 1), 8 * config.tile_bytes)
                ),
                "acc_read": Out(ReadPort(acc_bits, acc_word_bits)),
                "acc_write": Out(WritePort(acc_bits, acc_word_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.nest = nest = Nest(
            self.instruction.payload.shape(), MATRIX_LEVELS, ("acc", "act", "weight")
        )
        m.submodules.mac_array = mac_array = MacArray(self.config)
        wiring.connect(m, wiring.flipped(self.instruction), nest.instruction)
        m.d.comb += nest.iteration.ready.eq(1)
        self._read_operands(m, nest.iteration, mac_array)
        first = nest.iteration.payload.first
        source = SimpleNamespace(
            valid=nest.iteration.valid,
            first=~nest.held.accumulate & (first | ~nest.held.reduce).all(),
            last=nest.iteration.payload.last.all(),
            acc=nest.iteration.payload.acc,
        )
        # Beside the array: operands read, kept, multiplied, summed.
        stages = []
        for prefix in "dops":
            source = self._stage(m, prefix, source)
            stages.append(source)
        m.d.comb += mac_array.enable.eq(stages[0].valid)
        self._accumulate(m, *stages, mac_array.sums)
        busy = nest.iteration.valid
        for stage in stages:
            busy |= stage.valid
        m.d.comb += self.busy.eq(busy)
        return m

    def _stage(self, m, prefix, source):
        """Return registers of the signals in `source`, which are kept while it is not valid."""
        values = vars(source)
        stage = SimpleNamespace(
            **{
                name: Signal.like(value, name=f"{prefix}_{name}", reset_less=name != "valid")
                for name, value in values.items()
            }
        )
        m.d.sync += stage.valid.eq(source.valid)
        with m.If(source.valid):
            m.d.sync += [
                getattr(stage, name).eq(value) for name, value in values.items() if name != "valid"
            ]
        return stage

    def _read_operands(self, m, iteration, mac_array):
        """Read act and weight; an act word holds one or more vectors of `rows` bytes."""
        config = self.config
        part_bits = exact_log2(config.act_word_bytes // config.rows)
        address = iteration.payload.act
        vector = self.act_read.data
        if part_bits:
            part = Signal(part_bits, reset_less=True)
            with m.If(iteration.valid):
                m.d.sync += part.eq(address[:part_bits])
            vector = vector.word_select(part, 8 * config.rows)
        m.d.comb += [
            self.act_read.enable.eq(iteration.valid),
            self.act_read.address.eq(address[part_bits:]),
            self.weight_read.enable.eq(iteration.valid),
            self.weight_read.address.eq(iteration.payload.weight),
            mac_array.vector.eq(vector),
            mac_array.tile.eq(self.weight_read.data),
        ]

    def _accumulate(self, m, d, o, p, s, sums):
        """Add the sums to acc.

        A total is written two cycles after acc was read for it. What is not written by then comes
        from the total of the cycle before, `previous`: two cycles on for the next iteration, and
        through `before` for the one after that. Where an iteration follows the one before it at
        the same address, acc is neither written nor read in between.
        """
        o_follows, o_second, o_reads = (
            Signal(name=f"o_{name}") for name in ("follows", "second", "reads")
        )
        p_follows, p_second = Signal(reset_less=True), Signal(reset_less=True)
        s_follows, s_writes = Signal(reset_less=True), Signal()
        before = Signal.like(self.acc_write.data, reset_less=True)
        previous = Signal.like(self.acc_write.data, reset_less=True)
        adds, same, same_second = Signal(), Signal(), Signal()
        m.d.comb += [
            adds.eq(d.valid & ~d.first),
            same.eq(o.valid & (d.acc == o.acc)),
            same_second.eq(p.valid & (d.acc == p.acc)),
            self.acc_read.enable.eq(o_reads),
            self.acc_read.address.eq(o.acc),
            self.acc_write.enable.eq(s_writes),
            self.acc_write.address.eq(s.acc),
            self.finished.eq(s.valid & s.last),
        ]
        # Known a cycle early: whether the vector engine may read and write hangs on it.
        m.d.sync += [
            o_follows.eq(adds & same),
            o_second.eq(adds & same_second),
            o_reads.eq(adds & ~same & ~same_second),
            s_writes.eq(p.valid & (p.last | ~o_follows)),
        ]
        with m.If(o.valid):
            m.d.sync += [p_follows.eq(o_follows), p_second.eq(o_second)]
        with m.If(p.valid):
            m.d.sync += s_follows.eq(p_follows)
            with m.If(~p_follows):
                stored = Mux(p_second, previous, self.acc_read.data)
                m.d.sync += before.eq(Mux(p.first, 0, stored))
        for column in range(self.config.columns):
            total = sums.word_select(column, 32) + Mux(
                s_follows, previous.word_select(column, 32), before.word_select(column, 32)
            )
            m.d.comb += self.acc_write.data.word_select(column, 32).eq(total)
        with m.If(s.valid):
            m.d.sync += previous.eq(self.acc_write.data)
