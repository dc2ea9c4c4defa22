"""The tokens that engines give each other."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from isa.instructions import Engine

__all__ = ["Semaphores"]

COUNT_BITS = 8


class Semaphores(wiring.Component):
    """A counter of tokens for each ordered pair of different engines; a token stays until taken.

    A token given in one cycle may be taken in the next.

    Members
    -------
    give : In for each engine, one bit for each engine that gets a token; none whose bit in
        `full` is set
    full : Out for each engine, the engines that it cannot give a token now
    available : Out for each engine, the engines that it has a token from
    take : In for each engine, one bit for each engine whose token it takes; only available ones
    """

    def __init__(self):
        engines = len(Engine)
        super().__init__(
            {
                "give": In(engines).array(engines),
                "full": Out(engines).array(engines),
                "available": Out(engines).array(engines),
                "take": In(engines).array(engines),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for giver in Engine:
            for taker in Engine:
                if giver == taker:
                    continue
                name = f"{giver.name}_to_{taker.name}".lower()
                count = Signal(COUNT_BITS, name=name)
                # Kept beside the count: whether an engine starts hangs on it.
                some = Signal(name=f"{name}_some")
                give, take = self.give[giver][taker], self.take[taker][giver]
                m.d.comb += [
                    self.full[giver][taker].eq(count == (1 << COUNT_BITS) - 1),
                    self.available[taker][giver].eq(some),
                ]
                m.d.sync += some.eq(give | Mux(take, count[1:] != 0, some))
                with m.If(give & ~take):
                    m.d.sync += count.eq(count + 1)
                with m.If(take & ~give):
                    m.d.sync += count.eq(count - 1)
        return m
