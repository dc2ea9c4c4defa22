"""The watchdog: a program must finish an instruction now and then."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Watchdog"]


class Watchdog(wiring.Component):
    """Expires after `limit` cycles of running in which no instruction finished.

    The count of these cycles stops at its largest value, 2**32 - 1, so that a limit that is set
    while a program runs holds for the cycles before, however many they were.

    Members
    -------
    limit : In, cycles; 0: never
    running : In, a program runs
    progress : In, an instruction finishes in this cycle
    expired : Out
    """

    limit: In(32)
    running: In(1)
    progress: In(1)
    expired: Out(1)

    def elaborate(self, platform):
        m = Module()
        idle_cycles = Signal(32)
        with m.If(~self.running | self.progress):
            m.d.sync += idle_cycles.eq(0)
        with m.Elif(~idle_cycles.all()):
            m.d.sync += idle_cycles.eq(idle_cycles + 1)
        m.d.comb += self.expired.eq((idle_cycles >= self.limit) & (self.limit != 0) & self.running)
        return m
