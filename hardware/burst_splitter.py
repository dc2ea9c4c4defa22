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
        address = Signal(self.config.address_bits, reset_less=True)
        bytes_left = Signal(RUN_BYTES_BITS, reset_less=True)
        # Bytes to the end of the page, and those of them that one burst may take.
        page_left = Signal(13, name="page_left", reset_less=True)
        room = Signal(13, name="room", reset_less=True)
        final = Signal(reset_less=True)
        active, ends = Signal(name="active"), Signal(name="ends")
        taken = Signal(13)
        m.d.comb += [
            ends.eq(bytes_left <= room),
            taken.eq(Mux(ends, bytes_left, room)),
            self.bursts.valid.eq(active),
            self.bursts.payload.address.eq(address),
            self.bursts.payload.last_byte.eq(taken - 1),
            self.bursts.payload.final.eq(final & ends),
            self.runs.ready.eq(~active | (ends & self.bursts.ready)),
        ]
        with m.If(active & self.bursts.ready):
            m.d.sync += [
                address.eq(address + room),
                bytes_left.eq(bytes_left - room),
                active.eq(~ends),
            ]
            # What follows the first burst begins a beat.
            after = (page_left - room)[:13]
            self._make_room(m, Mux(after == 0, BOUNDARY_BYTES, after), 0, page_left, room)
        with m.If(self.runs.valid & self.runs.ready):
            run = self.runs.payload
            m.d.sync += [
                address.eq(run.address),
                bytes_left.eq(run.bytes),
                final.eq(run.final),
                active.eq(1),
            ]
            in_page = run.address[: exact_log2(BOUNDARY_BYTES)]
            lane = run.address[: exact_log2(self.config.bus_bytes)]
            self._make_room(m, (BOUNDARY_BYTES - in_page)[:13], lane, page_left, room)
        return m

    def _make_room(self, m, page_room, lane, page_left, room):
        """Set how far the next burst, which begins in `lane` of a beat, may reach."""
        burst_room = self.config.burst_beats * self.config.bus_bytes - lane
        m.d.sync += [
            page_left.eq(page_room),
            room.eq(Mux(page_room < burst_room, page_room, burst_room)),
        ]
