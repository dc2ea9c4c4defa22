"""The whole machine: registers and supervisor around the processor."""

from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    DomainRenamer,
    Module,
    ResetInserter,
    ResetSignal,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from isa.config import Config
from isa.instructions import Engine

from .axi import Axi, axi_ports, axil_ports, connect_axi
from .counters import Counters, increment_bits
from .gating import add_gate_clock, rest
from .processor import Processor
from .registers import Registers
from .supervisor import Supervisor
from .watchdog import Watchdog

__all__ = ["Core"]


class Core(wiring.Component):
    """The machine: a driver writes its registers; it reads a program from DRAM and runs it.

    Parameters
    ----------
    config : isa.Config
    gated : bool, whether idle units have no clock, for a simulation; see gating

    Members
    -------
    m_axi_... : AXI4 master to DRAM; load reads with id 0, fetch with id 1
    s_axil_... : AXI4-Lite slave with the registers of isa
    interrupt : Out
    trace_start, trace_finish : Out, one bit for each Engine: an instruction starts or finishes in
        this cycle
    trace_start_index0..3, trace_finish_index0..3 : Out, its index in the program
    """

    def __init__(self, config: Config, *, gated: bool = False):
        self.config = config
        self.gated = gated
        super().__init__(
            {
                **axi_ports(config),
                **axil_ports(),
                "interrupt": Out(1),
                "trace_start": Out(len(Engine)),
                "trace_finish": Out(len(Engine)),
                **{f"trace_start_index{engine:d}": Out(32) for engine in Engine},
                **{f"trace_finish_index{engine:d}": Out(32) for engine in Engine},
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        if self.gated:
            add_gate_clock(m)
        registers = Registers(config)
        m.submodules.supervisor = supervisor = Supervisor()
        m.submodules.watchdog = watchdog = Watchdog()
        m.submodules.counters = counters = Counters(config)
        processor = Processor(config, gated=self.gated)
        self._hold(m, processor, supervisor.running)
        bus = Axi(config).flip().create(path=("bus",))
        wiring.connect(m, processor.bus, bus)
        wiring.connect(m, processor.report, supervisor.report)
        wiring.connect(m, counters.values, registers.counters)
        m.d.comb += connect_axi(self, bus, config)
        self._connect_registers(m, registers, supervisor)
        self._connect_program(m, registers, processor)
        self._supervise(m, supervisor, registers, watchdog, processor)
        self._count(m, counters, supervisor, processor, bus)
        self._trace(m, processor)
        return m

    def _hold(self, m, processor, running):
        """Hold the processor in reset while it does not run."""
        if not self.gated:
            m.submodules.processor = ResetInserter(~running)(processor)
            return
        # The clocks of its units need the reset itself.
        m.domains += (domain := ClockDomain("processor"))
        m.d.comb += [domain.clk.eq(ClockSignal()), domain.rst.eq(ResetSignal() | ~running)]
        m.submodules.processor = DomainRenamer("processor")(processor)

    def _connect_registers(self, m, registers, supervisor):
        asked = [self.s_axil_awvalid, self.s_axil_arvalid, self.s_axil_bvalid, self.s_axil_rvalid]
        told = [supervisor.started, supervisor.done, supervisor.failed]
        active = Cat(asked, told).any()
        m.submodules.registers = (
            rest(m, registers, "registers", active) if self.gated else registers
        )
        m.d.comb += self.interrupt.eq(registers.interrupt)
        for name, member in axil_ports().items():
            inner, outer = getattr(registers, name), getattr(self, name)
            m.d.comb += outer.eq(inner) if member.flow == Out else inner.eq(outer)

    def _connect_program(self, m, registers, processor):
        m.d.comb += [
            processor.program_address.eq(registers.program_address),
            processor.program_length.eq(registers.program_length),
            *(
                processor.windows[index].eq(window)
                for index, window in enumerate(registers.windows)
            ),
        ]

    def _supervise(self, m, supervisor, registers, watchdog, processor):
        same = ("running", "started", "done", "failed", "cause", "engine", "index")
        m.d.comb += [
            supervisor.start.eq(registers.start),
            supervisor.stop.eq(registers.stop),
            supervisor.expired.eq(watchdog.expired),
            processor.abort.eq(supervisor.abort),
            *(getattr(registers, name).eq(getattr(supervisor, name)) for name in same),
            watchdog.limit.eq(registers.watchdog),
            watchdog.running.eq(supervisor.counting),
            watchdog.progress.eq(processor.retired.any()),
        ]

    def _count(self, m, counters, supervisor, processor, bus):
        counting = supervisor.counting
        increments = wiring.Signature(
            {name: Out(bits) for name, bits in increment_bits(self.config).items()}
        ).create(path=("increments",))
        # Counted a cycle later: what is told here depends on the bus and on all engines.
        m.d.sync += [
            getattr(counters.increments, name).eq(getattr(increments, name))
            for name in increment_bits(self.config)
        ]
        m.d.comb += [
            counters.clear.eq(supervisor.started),
            increments.cycles.eq(counting),
            increments.instructions.eq(sum(processor.retired)),
        ]
        with m.If(bus.r.valid & bus.r.ready):
            m.d.comb += increments.read_bytes.eq(self.config.bus_bytes)
        with m.If(bus.w.valid & bus.w.ready):
            m.d.comb += increments.write_bytes.eq(sum(bus.w.payload.strobe))
        with m.If(counting):
            for engine in Engine:
                name = engine.name.lower()
                m.d.comb += [
                    getattr(increments, f"{name}_busy").eq(processor.busy[engine]),
                    getattr(increments, f"{name}_stalled").eq(
                        processor.busy[engine] & processor.stalled[engine]
                    ),
                    *(
                        getattr(increments, f"{name}_waits_{other.name.lower()}").eq(
                            processor.waits[engine][other]
                        )
                        for other in Engine
                        if other != engine
                    ),
                ]

    def _trace(self, m, processor):
        m.d.comb += [
            self.trace_start.eq(processor.started),
            self.trace_finish.eq(processor.retired),
        ]
        for engine in Engine:
            for name, index in (
                ("start", processor.start_index[engine]),
                ("finish", processor.retired_index[engine]),
            ):
                m.d.comb += getattr(self, f"trace_{name}_index{engine:d}").eq(index)
