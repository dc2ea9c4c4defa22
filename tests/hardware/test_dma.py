"""Load, store and fetch, with the read arbiter and the windows, on a memory that misbehaves."""

from dataclasses import asdict

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hardware.axi import Axi, axi_ports, connect_axi
from hardware.fetch import Fetch
from hardware.load import Load
from hardware.read_arbiter import ReadArbiter
from hardware.store import Store
from hardware.windows import window_layout
from isa.config import Config

CONFIGS = [
    Config("small", 4, 4, 256, 16, 8, 16, bus_bytes=4, tables=1),
    # Words of several chunks, few outstanding reads, short bursts, more address bits than windows.
    Config(
        *("odd", 32, 16, 96, 6, 2, 3),
        bus_bytes=16,
        address_bits=20,
        burst_beats=2,
        reads_in_flight=3,
        windows=2,
        act_banks=1,
    ),
]


class Dma(wiring.Component):
    """Load, fetch and store on one bus.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config):
        self.config = config
        self.units = {"load": Load(config), "fetch": Fetch(config), "store": Store(config)}
        bus = {"requests", "beats", "refused", "aw", "w", "b", "windows", "abort"}
        self.inner = {
            f"{name}_{member}": (unit, member)
            for name, unit in self.units.items()
            for member in unit.signature.members
            if member not in bus
        }
        members = {
            name: unit.signature.members[member] for name, (unit, member) in self.inner.items()
        }
        super().__init__(
            {
                **axi_ports(config),
                "windows": In(window_layout(config)).array(config.windows),
                "abort": In(1),
                "reads_idle": Out(1),
                **members,
            }
        )

    def elaborate(self, platform):
        m = Module()
        for name, unit in self.units.items():
            m.submodules[name] = unit
        m.submodules.reads = reads = ReadArbiter(self.config)
        load, fetch, store = self.units.values()
        bus = Axi(self.config).create(path=("bus",))
        m.d.comb += connect_axi(self, bus, self.config)
        for name, unit in (("load", load), ("fetch", fetch)):
            wiring.connect(m, unit.requests, getattr(reads, f"{name}_requests"))
            wiring.connect(m, getattr(reads, f"{name}_beats"), unit.beats)
            m.d.comb += unit.refused.eq(getattr(reads, f"{name}_refused"))
        for channel, port in (("ar", reads.ar), ("aw", store.aw), ("w", store.w)):
            wiring.connect(m, port, getattr(wiring.flipped(bus), channel))
        for channel, port in (("r", reads.r), ("b", store.b)):
            wiring.connect(m, port, getattr(wiring.flipped(bus), channel))
        m.d.comb += [reads.abort.eq(self.abort), store.abort.eq(self.abort)]
        m.d.comb += self.reads_idle.eq(reads.idle)
        for index, window in enumerate(self.windows):
            m.d.comb += [reads.windows[index].eq(window), store.windows[index].eq(window)]
        for name, (unit, member) in self.inner.items():
            outer, inner = getattr(self, name), getattr(unit, member)
            flow = unit.signature.members[member]
            if not flow.is_port:
                wiring.connect(m, wiring.flipped(outer), inner)
            else:
                m.d.comb += inner.eq(outer) if flow.flow == In else outer.eq(inner)
        return m


@pytest.mark.verilator
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_dma(simulate, config):
    modules = "load_cocotb,store_cocotb,fetch_cocotb,slaves_cocotb"
    simulate(Dma(config), modules, config=asdict(config), seed=20260101)
