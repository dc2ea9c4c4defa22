"""The queue before an engine: tokens taken when an instruction starts, given when it finishes."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from isa.instructions import Engine, Opcode, instruction_set

from .decoder import dispatch_layout
from .layout import layout
from .queue import Queue

__all__ = ["Issue"]

# Instructions in an engine at once: several short loads hide the latency of DRAM.
IN_FLIGHT = 8


class Issue(wiring.Component):
    """Starts the instructions of one engine in order, each when all its tokens are there.

    Finishes them in order too: the tokens of an instruction are given in the cycle in which the
    engine finishes it, or later if a semaphore is full. A sync takes its turn in both.

    Parameters
    ----------
    config : isa.Config
    engine : isa Engine

    Members
    -------
    dispatch : In(stream of dispatch_layout)
    instruction : Out(stream of layout(the engine's format))
    finished : In, the engine finished its oldest instruction in this cycle
    available, take, full, give : of the engine, as in Semaphores
    waits : Out, the engines whose tokens keep the next instruction from starting
    empty : Out, no instruction is queued or unfinished
    oldest : Out, index of the oldest unfinished or else queued instruction
    oldest_valid : Out, there is one
    started, start_index : Out, an instruction starts in this cycle
    retired, retired_index : Out, an instruction finishes, and gives its tokens, in this cycle
    """

    def __init__(self, config, engine):
        self.config = config
        self.engine = engine
        form = instruction_set(config).format(Opcode(engine))
        engines = len(Engine)
        super().__init__(
            {
                "dispatch": In(stream.Signature(dispatch_layout(config, engine))),
                "instruction": Out(stream.Signature(layout(form))),
                "finished": In(1),
                "available": In(engines),
                "take": Out(engines),
                "full": In(engines),
                "give": Out(engines),
                "waits": Out(engines),
                "empty": Out(1),
                "oldest": Out(32),
                "oldest_valid": Out(1),
                "started": Out(1),
                "start_index": Out(32),
                "retired": Out(1),
                "retired_index": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        shape = dispatch_layout(self.config, self.engine)
        m.submodules.queue = queue = Queue(shape, self.config.queue_depth)
        m.submodules.running = running = Queue(
            data.StructLayout({"index": 32, "sync": 1, "signal": len(Engine)}), IN_FLIGHT
        )
        wiring.connect(m, wiring.flipped(self.dispatch), queue.entries)
        self._start(m, queue.output, running.entries)
        self._finish(m, running.output)
        m.d.comb += [
            self.empty.eq(queue.empty & running.empty),
            self.oldest_valid.eq(queue.output.valid | running.output.valid),
            self.oldest.eq(queue.output.payload.index),
        ]
        with m.If(running.output.valid):
            m.d.comb += self.oldest.eq(running.output.payload.index)
        return m

    def _start(self, m, queued, running):
        entry = queued.payload
        fields = entry.fields
        may_start = Signal()
        m.d.comb += [
            self.waits.eq(fields.wait & ~self.available & queued.valid.replicate(len(Engine))),
            may_start.eq(queued.valid & (self.waits == 0) & running.ready),
            self.instruction.payload.eq(fields),
            self.instruction.valid.eq(may_start & ~entry.sync),
            self.started.eq(may_start & (entry.sync | self.instruction.ready)),
            self.start_index.eq(entry.index),
            queued.ready.eq(self.started),
            running.valid.eq(self.started),
            running.payload.index.eq(entry.index),
            running.payload.sync.eq(entry.sync),
            running.payload.signal.eq(fields.signal),
        ]
        with m.If(self.started):
            m.d.comb += self.take.eq(fields.wait)

    def _finish(self, m, running):
        # Finished by the engine, tokens not yet given.
        waiting = Signal(range(2 * IN_FLIGHT))
        entry = running.payload
        counted = Signal()
        m.d.comb += [
            self.retired.eq(
                running.valid
                & (entry.sync | self.finished | (waiting != 0))
                & ((entry.signal & self.full) == 0)
            ),
            self.retired_index.eq(entry.index),
            running.ready.eq(self.retired),
            counted.eq(self.retired & ~entry.sync),
        ]
        with m.If(self.retired):
            m.d.comb += self.give.eq(entry.signal)
        with m.If(self.finished != counted):
            m.d.sync += waiting.eq(waiting + self.finished - counted)
