"""Runs of bytes, cut into bursts that the bus allows."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .axi import BOUNDARY_BYTES, burst_layout

__all__ = ["BurstSplitter", "run_layout"]

# A run of a load or a store: at most 2**20 bytes.
RUN_BYTES_BITS = 21


def run_layout(config):
    """Return the layout of a run of bytes in DRAM.

    Members
    -------
    address : of its first byte
    bytes : at least one
    final : handed on with the last burst of the run
    """
    return data.StructLayout({"address": config.address_bits, "bytes": RUN_BYTES_BITS, "final": 1})


class BurstSplitter(wiring.Component):
    """Cuts runs into the longest bursts that the bus and `burst_beats` allow.

    Latency one cycle; throughput one burst a cycle, without a gap between runs.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    runs : In(stream of run_layout)
    bursts : Out(stream of burst_layout), source 0
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "runs": In(stream.Signature(run_layout(config))),
                "bursts": Out(stream.Signature(burst_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lane_bits = exact_log2(self.config.bus_bytes)
        run = Signal(run_layout(self.config), reset_less=True)
        active, ends = Signal(), Signal()
        page_room, room, taken = (Signal(13, name=name) for name in ("page_room", "room", "taken"))
        burst_room = self.config.burst_beats * self.config.bus_bytes - run.address[:lane_bits]
        m.d.comb += [
            page_room.eq(BOUNDARY_BYTES - run.address[: exact_log2(BOUNDARY_BYTES)]),
            room.eq(Mux(page_room < burst_room, page_room, burst_room)),
            ends.eq(run.bytes <= room),
            taken.eq(Mux(ends, run.bytes, room)),
            self.bursts.valid.eq(active),
            self.bursts.payload.address.eq(run.address),
            self.bursts.payload.last_byte.eq(taken - 1),
            self.bursts.payload.final.eq(run.final & ends),
            self.runs.ready.eq(~active | (ends & self.bursts.ready)),
        ]
        with m.If(active & self.bursts.ready):
            m.d.sync += [
                run.address.eq(run.address + taken),
                run.bytes.eq(run.bytes - taken),
                active.eq(~ends),
            ]
        with m.If(self.runs.valid & self.runs.ready):
            m.d.sync += [run.eq(self.runs.payload), active.eq(1)]
        return m
