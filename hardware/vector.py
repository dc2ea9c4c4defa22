"""The vector engine: lane-wise operations, reductions and requantisation."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from isa.instructions import VECTOR_LEVELS, Opcode, Slide, instruction_set

from .buffer import Buffer
from .layout import layout
from .nest import Nest
from .ports import ArbitratedReadPort, ArbitratedWritePort, MaskedWritePort
from .record_port import RecordPort
from .requantize import Requantize
from .stage import Stage
from .tables import TablePort
from .tap_port import TapPort
from .vector_lanes import VectorLanes
from .vector_layouts import operands_layout
from .vector_operands import VectorOperands
from .vector_writer import VectorWriter

__all__ = ["Vector"]


class Vector(wiring.Component):
    """Runs the affine loop nest of a vector instruction.

    Latency from an accepted instruction to its first write: eight cycles, and columns /
    requantize_lanes + 7 with requantisation. Throughput: one iteration a cycle while the ports are
    granted; a requantised result takes columns / requantize_lanes cycles, a MULTIPLY of an acc word
    two; an iteration of a sliding row is one cycle for three taps. Instructions do not overlap: one
    begins to read two cycles after the last write of the one before.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    instruction : In(stream of layout(vector format))
    finished : Out, one pulse for each instruction in the cycle of its last write
    busy : Out, an instruction is inside
    stalled : Out, a read or a write was refused in this cycle
    act_read : Out(ArbitratedReadPort), act word address
    acc_read : Out(ArbitratedReadPort)
    tap_read : Out(TapPort), param slot address
    record_read : Out(RecordPort)
    table_read : Out(TablePort), only with tables
    act_write : Out(MaskedWritePort), act word address
    acc_write : Out(ArbitratedWritePort)
    """

    def __init__(self, config):
        self.config = config
        act_bits, act_word_bits = bits_for(config.act_words - 1), 8 * config.act_word_bytes
        acc_bits, acc_word_bits = bits_for(2 * config.acc_words - 1), 8 * config.acc_word_bytes
        groups = config.act_word_bytes // config.columns
        ports = {
            "act_read": Out(ArbitratedReadPort(act_bits, act_word_bits)),
            "acc_read": Out(ArbitratedReadPort(acc_bits, acc_word_bits)),
            "tap_read": Out(TapPort(config)),
            "record_read": Out(RecordPort(config)),
            "act_write": Out(MaskedWritePort(act_bits, act_word_bits, groups)),
            "acc_write": Out(ArbitratedWritePort(acc_bits, acc_word_bits)),
        }
        if config.tables:
            ports["table_read"] = Out(TablePort(config))
        super().__init__(
            {
                "instruction": In(
                    stream.Signature(layout(instruction_set(config).format(Opcode.VECTOR)))
                ),
                "finished": Out(1),
                "busy": Out(1),
                "stalled": Out(1),
                **ports,
            }
        )

    def elaborate(self, platform):
        m = Module()
        shape = self.instruction.payload.shape()
        names, places = ("a", "b", "record", "output"), ("record", "output")
        skipping = places if self.config.row_taps == 3 else ()
        m.submodules.nest = nest = Nest(shape, VECTOR_LEVELS, names, skipping)
        m.submodules.operands = operands = VectorOperands(self.config)
        m.submodules.lanes = lanes = VectorLanes(self.config)
        m.submodules.requantize = requantize = Requantize(self.config)
        m.submodules.writer = writer = VectorWriter(self.config)
        m.submodules.stage = stage = Stage(operands_layout(self.config))
        wiring.connect(m, operands.operands, stage.entries)
        # Whether the memories are read does not hang on what becomes of the results.
        m.submodules.spare = spare = Buffer(operands_layout(self.config))
        wiring.connect(m, stage.output, spare.entries)
        wiring.connect(m, spare.output, lanes.operands)
        self._iterate(m, nest, operands, bool(skipping))
        for unit in (operands, lanes, writer):
            m.d.comb += unit.held.eq(nest.held)
        ports = {
            operands: ("act_read", "acc_read", "tap_read"),
            lanes: ("table_read",) if self.config.tables else (),
            writer: ("act_write", "acc_write"),
        }
        for unit, names in ports.items():
            for name in names:
                wiring.connect(m, getattr(unit, name), wiring.flipped(getattr(self, name)))
        self._finish(m, nest.held, lanes.results, requantize, writer.results)
        m.d.comb += [
            self.record_read.enable.eq(lanes.record_enable),
            self.record_read.address.eq(lanes.record_address),
            self.record_read.advance.eq(requantize.advance),
            requantize.record.eq(self.record_read.data),
            requantize.pre_shift.eq(nest.held.pre_shift),
            requantize.rounding.eq(nest.held.rounding),
            self.stalled.eq(operands.refused | writer.refused),
            self.finished.eq(writer.finished),
        ]
        self._accept(m, nest.instruction)
        return m

    def _iterate(self, m, nest, operands, slides):
        """Hand the iterations to the operands; the nest does not wait for the memories' grants."""
        given = nest.iteration.payload.shape()
        members = {"iteration": given, **({"empty": 1} if slides else {})}
        m.submodules.buffer = buffer = Buffer(data.StructLayout(members))
        m.d.comb += [
            buffer.entries.valid.eq(nest.iteration.valid),
            buffer.entries.payload.iteration.eq(nest.iteration.payload),
            nest.iteration.ready.eq(buffer.entries.ready),
            operands.iterations.valid.eq(buffer.output.valid),
            operands.iterations.payload.eq(buffer.output.payload.iteration),
            buffer.output.ready.eq(operands.iterations.ready),
        ]
        if slides:
            m.d.comb += [
                buffer.entries.payload.empty.eq(self._slide(m, nest)),
                operands.empty.eq(buffer.output.payload.empty),
            ]

    def _slide(self, m, nest):
        """Tell which columns of a sliding row give a result; only these step record and output.

        Return whether the iteration at hand belongs to a column that gives none.
        """
        held = nest.held
        slides, gives = Signal(VECTOR_LEVELS), Signal(VECTOR_LEVELS)
        inner = range(VECTOR_LEVELS - 1, -1, -1)
        m.d.comb += [
            slides.eq(Cat((held.slide != Slide.OFF) & (held.reduce_levels == n) for n in inner)),
            gives.eq(nest.late & ~(nest.odd & (held.slide == Slide.TWO).replicate(VECTOR_LEVELS))),
            nest.skips.eq(slides & ~gives),
        ]
        return nest.skips.any()

    def _accept(self, m, instruction):
        """Accept an instruction after the last write of the one before: it reads after that.

        Not in the cycle of that write: whether it is one hangs on the acc memory.
        """
        busy = Signal()
        m.d.comb += [
            self.busy.eq(busy),
            instruction.payload.eq(self.instruction.payload),
            instruction.valid.eq(self.instruction.valid & ~busy),
            self.instruction.ready.eq(instruction.ready & ~busy),
        ]
        with m.If(instruction.valid & instruction.ready):
            m.d.sync += busy.eq(1)
        with m.Elif(self.finished):
            m.d.sync += busy.eq(0)

    def _finish(self, m, held, results, requantize, written):
        """Send the results through the requantisation, or past it."""
        m.d.comb += requantize.values.payload.eq(results.payload)
        with m.If(held.requantize):
            m.d.comb += [
                requantize.values.valid.eq(results.valid),
                results.ready.eq(requantize.values.ready),
                written.payload.eq(requantize.results.payload),
                written.valid.eq(requantize.results.valid),
                requantize.results.ready.eq(written.ready),
            ]
        with m.Else():
            m.d.comb += [
                written.payload.eq(results.payload),
                written.valid.eq(results.valid),
                results.ready.eq(written.ready),
            ]
