"""A queue between two streams."""

from amaranth.hdl import Module, Shape
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["Queue"]


class Queue(wiring.Component):
    """First in, first out, through a memory; latency two cycles, throughput one entry a cycle.

    Parameters
    ----------
    shape : ShapeLike of an entry
    depth : int, entries that fit at least

    Members
    -------
    entries : In(stream of shape)
    output : Out(stream of shape)
    empty : Out, nothing is inside
    """

    def __init__(self, shape, depth):
        self.shape = shape
        # A power of two, so that the pointers wrap by themselves; one entry waits at the output.
        self.depth = (1 << ceil_log2(max(2, depth))) + 1
        super().__init__(
            {
                "entries": In(stream.Signature(shape)),
                "output": Out(stream.Signature(shape)),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        width = Shape.cast(self.shape).width
        m.submodules.fifo = queue = fifo.SyncFIFOBuffered(width=width, depth=self.depth)
        m.d.comb += [
            queue.w_data.eq(self.entries.payload),
            queue.w_en.eq(self.entries.valid),
            self.entries.ready.eq(queue.w_rdy),
            self.output.payload.eq(queue.r_data),
            self.output.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.output.ready),
            self.empty.eq(queue.level == 0),
        ]
        return m
