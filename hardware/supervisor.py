"""Starts and ends programs, and stops the machine when something goes wrong."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from isa.instructions import Engine
from isa.registers import Cause

__all__ = ["Report", "Supervisor"]


class Report(wiring.Signature):
    """What the processor tells the supervisor. A fault stays until the processor is reset.

    Members
    -------
    ended : the end of the program was reached
    quiet : no engine has an instruction
    bus_idle : nothing is on the bus
    fetch_fault, fetch_index : cause, and the next instruction of fetch
    illegal : the instruction at fetch_index is illegal
    load_fault, load_index : cause, and the oldest instruction of load
    store_fault, store_index : cause, and the oldest instruction of store
    oldest_engine, oldest_index : the unfinished instruction with the lowest index; where there is
        none, that of fetch
    """

    def __init__(self):
        cause = Shape.cast(Cause)
        super().__init__(
            {
                "ended": Out(1),
                "quiet": Out(1),
                "bus_idle": Out(1),
                "fetch_fault": Out(cause),
                "fetch_index": Out(32),
                "illegal": Out(1),
                "load_fault": Out(cause),
                "load_index": Out(32),
                "store_fault": Out(cause),
                "store_index": Out(32),
                "oldest_engine": Out(Shape.cast(Engine)),
                "oldest_index": Out(32),
            }
        )


class Supervisor(wiring.Component):
    """Runs one program at a time and remembers the first error.

    After the end of a program or an error the bus is drained; then all engines, queues and
    semaphores are held in reset until the next start. For a fault of fetch, and for an illegal
    instruction, `engine` reads 0.

    Members
    -------
    start, stop : In, the driver's commands; a start is ignored while a program runs
    report : In(Report)
    expired : In, of the watchdog
    running : Out, a program runs; low holds the machine in reset
    counting : Out, a program runs and has neither ended nor failed
    abort : Out, the bus is drained
    started, done, failed : Out, one pulse each
    cause : Out(Cause), engine, index : Out, of the last error; cleared at start
    """

    def __init__(self):
        cause, engine = Shape.cast(Cause), Shape.cast(Engine)
        super().__init__(
            {
                "start": In(1),
                "stop": In(1),
                "report": In(Report()),
                "expired": In(1),
                "running": Out(1),
                "counting": Out(1),
                "abort": Out(1),
                "started": Out(1),
                "done": Out(1),
                "failed": Out(1),
                "cause": Out(cause),
                "engine": Out(engine),
                "index": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.running.eq(1)
        with m.FSM(name="supervisor"):
            with m.State("Idle"):
                m.d.comb += self.running.eq(0)
                with m.If(self.start):
                    m.d.comb += self.started.eq(1)
                    m.d.sync += [self.cause.eq(0), self.engine.eq(0), self.index.eq(0)]
                    m.next = "Run"
            with m.State("Run"):
                m.d.comb += self.counting.eq(1)
                with m.If(self._catch(m)):
                    m.next = "Drain"
                with m.Elif(self.report.ended & self.report.quiet):
                    m.next = "Drain"
            with m.State("Drain"):
                m.d.comb += self.abort.eq(1)
                with m.If(self.report.bus_idle):
                    m.d.comb += [
                        self.done.eq(self.cause == Cause.NONE),
                        self.failed.eq(self.cause != Cause.NONE),
                    ]
                    m.next = "Idle"
        return m

    def _catch(self, m):
        """Remember the first error; return whether there is one."""
        caught = Signal()
        report = self.report
        oldest = (report.oldest_engine, report.oldest_index)
        faults = (
            (report.fetch_fault != Cause.NONE, report.fetch_fault, 0, report.fetch_index),
            (report.illegal, Cause.ILLEGAL_INSTRUCTION, 0, report.fetch_index),
            (report.load_fault != Cause.NONE, report.load_fault, Engine.LOAD, report.load_index),
            (
                report.store_fault != Cause.NONE,
                report.store_fault,
                Engine.STORE,
                report.store_index,
            ),
            (self.expired, Cause.WATCHDOG, *oldest),
            (self.stop, Cause.STOPPED, *oldest),
        )
        for present, cause, engine, index in reversed(faults):
            with m.If(present):
                m.d.comb += caught.eq(1)
                m.d.sync += [self.cause.eq(cause), self.engine.eq(engine), self.index.eq(index)]
        return caught
