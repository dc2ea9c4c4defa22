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
        final = Signal(reset_less=True)
        active = Signal()
        left = Signal(RUN_BYTES_BITS, reset_less=True)
        # Bytes to the end of the page, those of them that one burst may take, whether it takes all.
        page_left = Signal(13, reset_less=True)
        room = Signal(13, reset_less=True)
        page_ends = Signal(reset_less=True)
        # A register: on it hangs whether the next run is taken.
        ends = Signal(reset_less=True)
        taken = Signal(13)
        m.d.comb += [
            taken.eq(Mux(ends, left, room)),
            self.bursts.valid.eq(active),
            self.bursts.payload.address.eq(address),
            self.bursts.payload.last_byte.eq(taken - 1),
            self.bursts.payload.final.eq(final & ends),
            self.runs.ready.eq(~active | (ends & self.bursts.ready)),
        ]
        state = (left, page_left, room, page_ends, ends)
        # Both are there before it is known which of them comes.
        follower = self._measure(
            m,
            "next",
            left=left - room,
            page_left=Mux(page_ends, BOUNDARY_BYTES, page_left - room),
            lane=0,
        )
        run = self.runs.payload
        beginning = self._measure(
            m,
            "new",
            left=run.bytes,
            page_left=BOUNDARY_BYTES - run.address[: exact_log2(BOUNDARY_BYTES)],
            lane=run.address[: exact_log2(self.config.bus_bytes)],
        )
        with m.If(active & self.bursts.ready):
            m.d.sync += [address.eq(address + room), active.eq(~ends)]
            m.d.sync += [kept.eq(value) for kept, value in zip(state, follower, strict=True)]
        with m.If(self.runs.valid & self.runs.ready):
            m.d.sync += [address.eq(run.address), final.eq(run.final), active.eq(1)]
            m.d.sync += [kept.eq(value) for kept, value in zip(state, beginning, strict=True)]
        return m

    def _measure(self, m, name, *, left, page_left, lane):
        """Return what is kept of a burst that begins in `lane` of a beat, as in `elaborate`."""
        burst_room = self.config.burst_beats * self.config.bus_bytes - lane
        left_here = Signal(RUN_BYTES_BITS, name=f"{name}_left")
        page_here = Signal(13, name=f"{name}_page_left")
        page_ends = Signal(name=f"{name}_page_ends")
        m.d.comb += [
            left_here.eq(left),
            page_here.eq(page_left),
            page_ends.eq(page_here <= burst_room),
        ]
        room = Mux(page_ends, page_here, burst_room)
        ends = (left_here <= page_here) & (left_here <= burst_room)
        return left_here, page_here, room, page_ends, ends
