"""A register between two streams."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Stage"]


class Stage(wiring.Component):
    """Cuts the way of the payload. Latency one cycle; throughput one entry a cycle.

    Parameters
    ----------
    shape : ShapeLike of an entry

    Members
    -------
    entries : In(stream of shape)
    output : Out(stream of shape)
    """

    def __init__(self, shape):
        self.shape = shape
        super().__init__(
            {"entries": In(stream.Signature(shape)), "output": Out(stream.Signature(shape))}
        )

    def elaborate(self, platform):
        m = Module()
        valid = Signal()
        payload = Signal(Shape.cast(self.shape).width, reset_less=True)
        m.d.comb += [
            self.entries.ready.eq(~valid | self.output.ready),
            self.output.valid.eq(valid),
            self.output.payload.eq(payload),
        ]
        with m.If(self.entries.ready):
            m.d.sync += valid.eq(self.entries.valid)
            with m.If(self.entries.valid):
                m.d.sync += payload.eq(self.entries.payload)
        return m
