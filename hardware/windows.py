"""The check of every burst against the DRAM windows that the driver opened."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .axi import burst_layout

__all__ = ["Windows", "window_layout"]


def window_layout(config):
    """Return the layout of one window.

    Members
    -------
    address : of its first byte
    bytes : its size; 0 closes it
    read, write : which accesses it allows
    """
    return data.StructLayout({"address": config.address_bits, "bytes": 32, "read": 1, "write": 1})


class Windows(wiring.Component):
    """Hands on the bursts whose bytes lie in one window, and drops the others.

    The bytes that count are those from the burst's first to its last; a beat at either end may
    hold more, which the machine neither uses nor writes. Latency two cycles, throughput one
    burst a cycle.

    Parameters
    ----------
    config : isa.Config
    access : str, "read" or "write": the kind of burst

    Members
    -------
    windows : In(window_layout) for each window
    requests : In(stream of burst_layout)
    granted : Out(stream of burst_layout)
    refused : Out, a burst is dropped in this cycle
    refused_source : Out, the source of that burst
    flush : In, drop what was not yet granted and take nothing
    """

    def __init__(self, config, access):
        self.config = config
        self.access = access
        super().__init__(
            {
                "windows": In(window_layout(config)).array(config.windows),
                "requests": In(stream.Signature(burst_layout(config))),
                "granted": Out(stream.Signature(burst_layout(config))),
                "refused": Out(1),
                "refused_source": Out(1),
                "flush": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        burst = Signal(burst_layout(self.config), reset_less=True)
        waiting = Signal()
        inside = Signal()
        free = Signal()
        with m.If(waiting):
            m.d.comb += inside.eq(self._inside(burst))
        m.d.comb += [
            free.eq(~self.granted.valid | self.granted.ready),
            self.refused.eq(waiting & ~inside & ~self.flush),
            self.refused_source.eq(burst.source),
            self.requests.ready.eq((~waiting | ~inside | free) & ~self.flush),
        ]
        with m.If(free):
            m.d.sync += self.granted.valid.eq(waiting & inside & ~self.flush)
            with m.If(waiting):
                m.d.sync += self.granted.payload.eq(burst)
        with m.If(self.flush):
            m.d.sync += waiting.eq(0)
        with m.Elif(self.requests.ready):
            m.d.sync += waiting.eq(self.requests.valid)
            with m.If(self.requests.valid):
                m.d.sync += burst.eq(self.requests.payload)
        return m

    def _inside(self, burst):
        """Return whether one window allows all bytes of `burst`."""
        hits = []
        for window in self.windows:
            offset = burst.address - window.address
            hits.append(
                window[self.access]
                & (burst.address >= window.address)
                & (offset[: self.config.address_bits] + burst.last_byte < window.bytes)
            )
        inside = hits[0]
        for hit in hits[1:]:
            inside |= hit
        return inside
