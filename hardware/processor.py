"""Everything that runs a program: fetch, decoder, queues, engines, memories, bus."""

from functools import reduce
from operator import and_

from amaranth.hdl import Cat, DomainRenamer, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from isa.instructions import Engine

from .axi import Axi
from .decoder import Decoder
from .fetch import Fetch
from .gating import add_gate
from .issue import Issue
from .load import Load
from .matrix import Matrix
from .read_arbiter import ReadArbiter
from .scratchpads import Scratchpads
from .semaphores import Semaphores
from .store import Store
from .supervisor import Report
from .vector import Vector
from .windows import window_layout

__all__ = ["Processor"]


class Processor(wiring.Component):
    """Runs the program from its first instruction, as soon as it is out of reset.

    Parameters
    ----------
    config : isa.Config
    gated : bool, whether idle units have no clock, for a simulation; see gating

    Members
    -------
    program_address, program_length : In, as Fetch
    windows : In(window_layout) for each window
    abort : In, begin nothing on the bus, end what is there
    bus : Out(Axi)
    report : Out(Report)
    busy, stalled : Out, one bit for each engine
    waits : Out for each engine, the engines it waits for
    started, retired : Out, one bit for each engine: an instruction starts, finishes
    start_index, retired_index : Out for each engine, which one
    """

    def __init__(self, config, *, gated=False):
        self.config = config
        self.gated = gated
        engines = len(Engine)
        super().__init__(
            {
                "program_address": In(64),
                "program_length": In(32),
                "windows": In(window_layout(config)).array(config.windows),
                "abort": In(1),
                "bus": Out(Axi(config)),
                "report": Out(Report()),
                "busy": Out(engines),
                "stalled": Out(engines),
                "waits": Out(engines).array(engines),
                "started": Out(engines),
                "start_index": Out(32).array(engines),
                "retired": Out(engines),
                "retired_index": Out(32).array(engines),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        self._add(m, "fetch", fetch := Fetch(config), "program")
        self._add(m, "decoder", decoder := Decoder(config), "program")
        self._add(m, "reads", reads := ReadArbiter(config), "reads")
        self._add(m, "load", load := Load(config), "load")
        self._add(m, "matrix", matrix := Matrix(config), "matrix")
        self._add(m, "vector", vector := Vector(config), "vector")
        self._add(m, "store", store := Store(config), "store")
        m.submodules.scratchpads = scratchpads = Scratchpads(config, gated=self.gated)
        engines = {
            Engine.LOAD: load,
            Engine.MATRIX: matrix,
            Engine.VECTOR: vector,
            Engine.STORE: store,
        }
        issues = self._issue(m, decoder, engines)
        self._read(m, fetch, load, reads)
        self._write(m, store)
        self._fetch(m, fetch, decoder)
        wiring.connect(m, load.writes, scratchpads.load_writes)
        for name in scratchpads.signature.members:
            engine, _, port = name.partition("_")
            if engine != "load":
                unit = engines[Engine[engine.upper()]]
                wiring.connect(m, getattr(unit, port), getattr(scratchpads, name))
        self._report(m, fetch, decoder, reads, engines, issues)
        if self.gated:
            self._gate(m, fetch, reads, engines)
        return m

    def _add(self, m, name, unit, domain):
        """Add a unit, where the machine is gated in a clock domain that may stand still."""
        m.submodules[name] = DomainRenamer(domain)(unit) if self.gated else unit

    def _gate(self, m, fetch, reads, engines):
        """Tell when units can change; see gating."""
        for engine, unit in engines.items():
            active = unit.busy | unit.instruction.valid
            if engine == Engine.STORE:
                active |= ~unit.idle | self.abort
            add_gate(m, engine.name.lower(), active)
        asked = fetch.requests.valid | engines[Engine.LOAD].requests.valid
        add_gate(m, "reads", asked | reads.r.valid | ~reads.idle | self.abort)
        # Fetch, decoder and queues stand still where an instruction waits for room in its queue.
        waits = fetch.instruction.valid & ~fetch.instruction.ready
        moves = fetch.requests.valid | fetch.beats.valid | fetch.refused
        finished = Cat(unit.finished for unit in engines.values())
        steps = self.started | self.retired | finished
        add_gate(m, "program", ~waits | moves | steps.any())

    def _issue(self, m, decoder, engines):
        """Put a queue before each engine; return the queues."""
        self._add(m, "semaphores", semaphores := Semaphores(), "program")
        issues = {}
        for engine, unit in engines.items():
            name = engine.name.lower()
            self._add(m, f"{name}_issue", issue := Issue(self.config, engine), "program")
            issues[engine] = issue
            wiring.connect(m, getattr(decoder, name), issue.dispatch)
            wiring.connect(m, issue.instruction, unit.instruction)
            m.d.comb += [
                issue.finished.eq(unit.finished),
                issue.available.eq(semaphores.available[engine]),
                issue.full.eq(semaphores.full[engine]),
                semaphores.take[engine].eq(issue.take),
                semaphores.give[engine].eq(issue.give),
                self.busy[engine].eq(unit.busy),
                self.stalled[engine].eq(unit.stalled),
                self.waits[engine].eq(issue.waits),
                self.started[engine].eq(issue.started),
                self.start_index[engine].eq(issue.start_index),
                self.retired[engine].eq(issue.retired),
                self.retired_index[engine].eq(issue.retired_index),
            ]
        return issues

    def _read(self, m, fetch, load, reads):
        for name, unit in (("fetch", fetch), ("load", load)):
            wiring.connect(m, unit.requests, getattr(reads, f"{name}_requests"))
            wiring.connect(m, getattr(reads, f"{name}_beats"), unit.beats)
            m.d.comb += unit.refused.eq(getattr(reads, f"{name}_refused"))
        wiring.connect(m, reads.ar, wiring.flipped(self.bus.ar))
        wiring.connect(m, wiring.flipped(self.bus.r), reads.r)
        m.d.comb += reads.abort.eq(self.abort)
        m.d.comb += [reads.windows[i].eq(window) for i, window in enumerate(self.windows)]

    def _write(self, m, store):
        for name in ("aw", "w"):
            wiring.connect(m, getattr(store, name), wiring.flipped(getattr(self.bus, name)))
        wiring.connect(m, wiring.flipped(self.bus.b), store.b)
        m.d.comb += store.abort.eq(self.abort)
        m.d.comb += [store.windows[i].eq(window) for i, window in enumerate(self.windows)]

    def _fetch(self, m, fetch, decoder):
        wiring.connect(m, fetch.instruction, decoder.instruction)
        m.d.comb += [
            fetch.program_address.eq(self.program_address),
            fetch.program_length.eq(self.program_length),
            fetch.enable.eq(~decoder.ended),
        ]

    def _report(self, m, fetch, decoder, reads, engines, issues):
        report = self.report
        empty = [issue.empty for issue in issues.values()]
        idle = [~unit.busy for unit in engines.values()]
        m.d.comb += [
            report.ended.eq(decoder.ended),
            report.quiet.eq(reduce(and_, empty + idle)),
            report.bus_idle.eq(reads.idle & engines[Engine.STORE].idle),
            report.fetch_fault.eq(fetch.fault),
            report.fetch_index.eq(fetch.index),
            report.illegal.eq(decoder.illegal),
            report.load_fault.eq(engines[Engine.LOAD].fault),
            report.load_index.eq(issues[Engine.LOAD].oldest),
            report.store_fault.eq(engines[Engine.STORE].fault),
            report.store_index.eq(issues[Engine.STORE].oldest),
        ]
        self._report_oldest(m, fetch, issues)

    def _report_oldest(self, m, fetch, issues):
        """Report the oldest instruction, a cycle later: it hangs on all queues."""
        report = self.report
        m.d.sync += [report.oldest_engine.eq(0), report.oldest_index.eq(fetch.index)]
        for engine, issue in issues.items():
            others = [other for other in issues.values() if other is not issue]
            older = [~other.oldest_valid | (issue.oldest < other.oldest) for other in others]
            with m.If(issue.oldest_valid & Cat(older).all()):
                m.d.sync += [
                    report.oldest_engine.eq(engine),
                    report.oldest_index.eq(issue.oldest),
                ]
