"""One spare place between two streams."""

from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Buffer"]


class Buffer(wiring.Component):
    """Cuts the way of `ready`: an entry that finds the output not ready is kept here.

    Latency none; throughput one entry a cycle.

    Parameters
    ----------
    shape : ShapeLike of an entry

    Members
    -------
    entries : In(stream of shape); ready comes from a register
    output : Out(stream of shape)
    """

    def __init__(self, shape):
        self.shape = shape
        super().__init__(
            {"entries": In(stream.Signature(shape)), "output": Out(stream.Signature(shape))}
        )

    def elaborate(self, platform):
        m = Module()
        # Two registers, one the inverse of the other: whoever waits for `ready` is far from the
        # payload, whose every bit hangs on the first.
        kept, room = Signal(name="kept"), Signal(name="room", init=1)
        spare = Signal(Shape.cast(self.shape).width, reset_less=True)
        m.d.comb += [
            self.entries.ready.eq(room),
            self.output.valid.eq(kept | self.entries.valid),
            self.output.payload.eq(Mux(kept, spare, self.entries.payload)),
        ]
        with m.If(kept):
            m.d.sync += [kept.eq(~self.output.ready), room.eq(self.output.ready)]
        with m.Elif(self.entries.valid & ~self.output.ready):
            m.d.sync += [kept.eq(1), room.eq(0), spare.eq(self.entries.payload)]
        return m
