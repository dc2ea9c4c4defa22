"""The program, read from DRAM ahead of its use."""

from amaranth.hdl import Cat, Module, Shape, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from isa.instructions import INSTRUCTION_BITS, INSTRUCTION_BYTES
from isa.registers import Cause

from .axi import beat_layout, burst_layout
from .burst_splitter import BurstSplitter
from .queue import Queue
from .stage import Stage

__all__ = ["Fetch", "fetched_layout"]

# Hides 40 cycles of latency when instructions are used every 16 cycles (8 beats of 8 bytes).
INSTRUCTIONS_AHEAD = 4


def fetched_layout():
    """Return the layout of an instruction as read.

    Members
    -------
    index : its place in the program
    word : its bits
    """
    return data.StructLayout({"index": 32, "word": INSTRUCTION_BITS})


class Fetch(wiring.Component):
    """Reads the program in order and puts the beats of each instruction together.

    Throughput: an instruction every INSTRUCTION_BYTES / bus_bytes + 1 cycles. A read that fails is
    reported when its instruction would be next, so that what is read ahead does no harm.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    program_address : In, 64 bits; a multiple of INSTRUCTION_BYTES
    program_length : In, instructions
    enable : In, read on; low once the program ended: what is still read then does no harm
    instruction : Out(stream of fetched_layout)
    fault : Out(Cause), of the instruction `index`; stays until reset
    index : Out, the next instruction
    requests : Out(stream of burst_layout)
    beats : In(stream of beat_layout)
    refused : In, a request was outside the windows, and all before it was read
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "program_address": In(64),
                "program_length": In(32),
                "enable": In(1),
                "instruction": Out(stream.Signature(fetched_layout())),
                "fault": Out(Shape.cast(Cause)),
                "index": Out(32),
                "requests": Out(stream.Signature(burst_layout(config))),
                "beats": In(stream.Signature(beat_layout(config))),
                "refused": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        beats_each = INSTRUCTION_BYTES // config.bus_bytes
        m.submodules.splitter = splitter = BurstSplitter(config)
        m.submodules.waiting = waiting = Queue(beat_layout(config), INSTRUCTIONS_AHEAD * beats_each)
        wiring.connect(m, splitter.bursts, wiring.flipped(self.requests))
        wiring.connect(m, wiring.flipped(self.beats), waiting.entries)
        reachable = self.program_address[config.address_bits :] == 0
        self._request(m, splitter, reachable)
        self._assemble(m, waiting.output, beats_each)
        with m.If((self.fault == Cause.NONE) & self.enable & ~self.instruction.valid):
            with m.If(self.index == self.program_length):
                m.d.sync += self.fault.eq(Cause.PROGRAM_CUT_SHORT)
            with m.Elif(~reachable | (self.refused & waiting.empty)):
                m.d.sync += self.fault.eq(Cause.WINDOW_FAULT)
        return m

    def _request(self, m, splitter, reachable):
        """Ask for instructions, at most INSTRUCTIONS_AHEAD of them before the next one."""
        asked = Signal(32)
        m.submodules.stage = stage = Stage(splitter.runs.payload.shape())
        wiring.connect(m, stage.output, splitter.runs)
        run = stage.entries.payload
        m.d.comb += [
            stage.entries.valid.eq(
                self.enable
                & reachable
                & (asked != self.program_length)
                & ((asked - self.index)[:32] < INSTRUCTIONS_AHEAD)
            ),
            run.address.eq(self.program_address + asked * INSTRUCTION_BYTES),
            run.bytes.eq(INSTRUCTION_BYTES),
        ]
        with m.If(stage.entries.valid & stage.entries.ready):
            m.d.sync += asked.eq(asked + 1)

    def _assemble(self, m, beats, beats_each):
        """Shift beats into the instruction, the first to its lowest bits."""
        word = Signal(INSTRUCTION_BITS, reset_less=True)
        count = Signal(range(beats_each + 1))
        m.d.comb += [
            self.instruction.payload.word.eq(word),
            self.instruction.payload.index.eq(self.index),
            self.instruction.valid.eq(count == beats_each),
            beats.ready.eq((count != beats_each) & (self.fault == Cause.NONE)),
        ]
        with m.If(beats.valid & beats.ready):
            m.d.sync += [
                word.eq(Cat(word, beats.payload.data)[8 * self.config.bus_bytes :]),
                count.eq(count + 1),
            ]
            with m.If(beats.payload.error & self.enable):
                m.d.sync += [count.eq(0), self.fault.eq(Cause.BUS_ERROR)]
        with m.If(self.instruction.valid & self.instruction.ready):
            m.d.sync += [count.eq(0), self.index.eq(self.index + 1)]
