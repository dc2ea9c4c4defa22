"""Decoder, queues with semaphores, registers with counters, watchdog and supervisor."""

from dataclasses import asdict

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hardware.counters import Counters
from hardware.decoder import Decoder
from hardware.issue import Issue
from hardware.registers import Registers
from hardware.semaphores import Semaphores
from hardware.supervisor import Supervisor
from hardware.watchdog import Watchdog
from isa.config import Config
from isa.instructions import Engine
from isa.registers import COUNTERS

CONFIGS = [
    Config("small", 4, 4, 256, 16, 8, 16, bus_bytes=4, tables=1),
    Config(
        *("odd", 24, 12, 96, 6, 2, 3),
        bus_bytes=4,
        address_bits=40,
        tables=0,
        queue_depth=1,
        windows=2,
    ),
]


class Units(wiring.Component):
    """The units side by side, each with its own ports; four queues share the semaphores.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config):
        self.config = config
        self.parts = {
            "decoder": Decoder(config),
            "registers": Registers(config),
            "counters": Counters(config),
            "watchdog": Watchdog(),
            "supervisor": Supervisor(),
            **{f"issue{engine:d}": Issue(config, engine) for engine in Engine},
        }
        joined = {
            *(("registers", name) for name in ("counters",)),
            *(("counters", name) for name in ("values",)),
            *(
                (f"issue{engine:d}", name)
                for engine in Engine
                for name in ("available", "take", "full", "give")
            ),
        }
        self.open = {
            f"{part}_{name}" if not name.startswith("s_axil_") else name: (unit, name)
            for part, unit in self.parts.items()
            for name in unit.signature.members
            if (part, name) not in joined
        }
        super().__init__(
            {name: unit.signature.members[inner] for name, (unit, inner) in self.open.items()}
        )

    def elaborate(self, platform):
        m = Module()
        for name, part in self.parts.items():
            m.submodules[name] = part
        m.submodules.semaphores = semaphores = Semaphores()
        for engine in Engine:
            issue = self.parts[f"issue{engine:d}"]
            m.d.comb += [
                issue.available.eq(semaphores.available[engine]),
                issue.full.eq(semaphores.full[engine]),
                semaphores.take[engine].eq(issue.take),
                semaphores.give[engine].eq(issue.give),
            ]
        registers, counters = self.parts["registers"], self.parts["counters"]
        for counter in COUNTERS:
            value = getattr(counters.values, counter.name)
            m.d.comb += getattr(registers.counters, counter.name).eq(value)
        for name, (unit, inner) in self.open.items():
            self._expose(m, getattr(self, name), getattr(unit, inner), unit, inner)
        return m

    def _expose(self, m, outer, inner, unit, name):
        member = unit.signature.members[name]
        pairs = zip(outer, inner, strict=True) if member.dimensions else [(outer, inner)]
        for outside, inside in pairs:
            if not member.is_port:
                wiring.connect(m, wiring.flipped(outside), inside)
            elif member.flow == In:
                m.d.comb += inside.eq(outside)
            else:
                m.d.comb += outside.eq(inside)


@pytest.mark.verilator
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_units(simulate, config):
    modules = "decoder_cocotb,issue_cocotb,registers_cocotb,supervisor_cocotb"
    simulate(Units(config), modules, config=asdict(config), seed=20260102)
