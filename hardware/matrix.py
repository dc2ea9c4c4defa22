"""The matrix engine: one vector by one tile a cycle, accumulated in acc."""

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

    Latency from an accepted instruction to the first write of acc: three cycles. Throughput: one
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
        given, held = nest.iteration.payload, nest.held
        d_valid, d_first, d_last = Signal(), Signal(reset_less=True), Signal(reset_less=True)
        d_acc = Signal.like(given.acc, reset_less=True)
        m.d.comb += nest.iteration.ready.eq(1)
        m.d.sync += d_valid.eq(nest.iteration.valid)
        with m.If(nest.iteration.valid):
            m.d.sync += [
                d_first.eq(~held.accumulate & (given.first | ~held.reduce).all()),
                d_last.eq(given.last.all()),
                d_acc.eq(given.acc),
            ]
        self._read_operands(m, nest.iteration, mac_array)
        m.d.comb += mac_array.enable.eq(d_valid)
        s_valid = self._accumulate(m, d_valid, d_first, d_last, d_acc, mac_array.sums)
        m.d.comb += self.busy.eq(nest.iteration.valid | d_valid | s_valid)
        return m

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

    def _accumulate(self, m, d_valid, d_first, d_last, d_acc, sums):
        """Add the sums to acc and return whether a sum is there to be added.

        Where an iteration follows the one before it at the same address, it takes the total from
        there: acc is neither written nor read in between.
        """
        s_valid, s_first, s_last = Signal(), Signal(reset_less=True), Signal(reset_less=True)
        s_acc = Signal.like(d_acc, reset_less=True)
        s_forward = Signal(reset_less=True)
        previous = Signal.like(self.acc_write.data, reset_less=True)
        follows = Signal()
        m.d.comb += [
            follows.eq(s_valid & d_valid & ~d_first & (d_acc == s_acc)),
            self.acc_read.enable.eq(d_valid & ~d_first & ~follows),
            self.acc_read.address.eq(d_acc),
            self.acc_write.enable.eq(s_valid & (s_last | ~follows)),
            self.acc_write.address.eq(s_acc),
            self.finished.eq(s_valid & s_last),
        ]
        m.d.sync += s_valid.eq(d_valid)
        with m.If(d_valid):
            m.d.sync += [
                s_first.eq(d_first),
                s_last.eq(d_last),
                s_acc.eq(d_acc),
                s_forward.eq(follows),
            ]
        for column in range(self.config.columns):
            before = Mux(
                s_forward,
                previous.word_select(column, 32),
                self.acc_read.data.word_select(column, 32),
            )
            total = sums.word_select(column, 32) + Mux(s_first, 0, before)
            m.d.comb += self.acc_write.data.word_select(column, 32).eq(total)
        with m.If(s_valid):
            m.d.sync += previous.eq(self.acc_write.data)
        return s_valid
