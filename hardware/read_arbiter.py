"""The read side of the bus: shared by load and fetch, checked against the windows."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .axi import (
    ReadSource,
    Response,
    beat_layout,
    burst_layout,
    read_address_layout,
    read_data_layout,
)
from .windows import Windows, window_layout

__all__ = ["ReadArbiter"]

# More than load (64 bursts) and fetch (4 instructions of at most 16 bursts) have outstanding.
OUTSTANDING_BITS = 8


class ReadArbiter(wiring.Component):
    """Joins the reads of fetch (first) and load, and hands each the beats that it asked for.

    A burst outside the windows is dropped, and so is all that its source asks for after it. Latency
    two cycles to the bus, none back; throughput one burst and one beat a cycle.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    windows : In(window_layout) for each window
    fetch_requests, load_requests : In(stream of burst_layout)
    fetch_beats, load_beats : Out(stream of beat_layout); the requests of one source in order
    fetch_refused, load_refused : Out, the source asked for a burst outside the windows, and all
        before it was read; until reset
    abort : In, start no burst, take and drop what comes
    idle : Out, no burst is on the bus or about to be
    ar : Out(stream of read_address_layout)
    r : In(stream of read_data_layout)
    """

    def __init__(self, config):
        self.config = config
        bursts = stream.Signature(burst_layout(config))
        beats = stream.Signature(beat_layout(config))
        super().__init__(
            {
                "windows": In(window_layout(config)).array(config.windows),
                "fetch_requests": In(bursts),
                "load_requests": In(bursts),
                "fetch_beats": Out(beats),
                "load_beats": Out(beats),
                "fetch_refused": Out(1),
                "load_refused": Out(1),
                "abort": In(1),
                "idle": Out(1),
                "ar": Out(stream.Signature(read_address_layout(config))),
                "r": In(stream.Signature(read_data_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.check = check = Windows(self.config, "read")
        for index in range(self.config.windows):
            m.d.comb += check.windows[index].eq(self.windows[index])
        m.d.comb += check.flush.eq(self.abort)
        self._choose(m, check)
        began = self._issue(m, check)
        idle = [self._account(m, check, began, source) for source in ReadSource]
        m.d.comb += self.idle.eq(idle[0] & idle[1] & ~self.ar.valid)
        self._return_beats(m)
        return m

    def _choose(self, m, check):
        """Take requests, those of fetch first."""
        fetch = Signal()
        requests = check.requests
        m.d.comb += [
            fetch.eq(self.fetch_requests.valid),
            requests.valid.eq(fetch | self.load_requests.valid),
            requests.payload.eq(self.load_requests.payload),
            requests.payload.source.eq(fetch),
            self.fetch_requests.ready.eq(requests.ready),
            self.load_requests.ready.eq(requests.ready & ~fetch),
        ]
        with m.If(fetch):
            m.d.comb += [
                requests.payload.address.eq(self.fetch_requests.payload.address),
                requests.payload.last_byte.eq(self.fetch_requests.payload.last_byte),
            ]

    def _issue(self, m, check):
        """Put a checked burst on the bus; return whether one is taken there."""
        beat_bits = exact_log2(self.config.bus_bytes)
        burst, ar = check.checked.payload, self.ar
        began = Signal()
        m.d.comb += [
            ar.payload.id.eq(burst.source),
            ar.payload.address[beat_bits:].eq(burst.address[beat_bits:]),
            ar.payload.length.eq((burst.address[:beat_bits] + burst.last_byte) >> beat_bits),
            began.eq(ar.valid & ar.ready),
            check.checked.ready.eq(ar.ready | ~ar.valid),
        ]
        return began

    def _account(self, m, check, began, source):
        """Count the bursts of a source and refuse what must be; return whether none is out."""
        name = source.name.lower()
        outstanding = Signal(OUTSTANDING_BITS, name=f"{name}_outstanding")
        outside = Signal(name=f"{name}_outside")
        mine, begins, ends = (Signal(name=f"{name}_{what}") for what in ("mine", "begins", "ends"))
        r = self.r
        m.d.comb += [
            mine.eq(check.checked.payload.source == source),
            begins.eq(began & mine),
            ends.eq(r.valid & r.ready & r.payload.last & (r.payload.id == source)),
            getattr(self, f"{name}_refused").eq(outside & (outstanding == 0)),
        ]
        with m.If(check.checked.valid & mine):
            m.d.comb += self.ar.valid.eq(check.inside & ~outside)
            with m.If(~check.inside):
                m.d.sync += outside.eq(1)
        with m.If(begins != ends):
            m.d.sync += outstanding.eq(outstanding + begins - ends)
        return outstanding == 0

    def _return_beats(self, m):
        r = self.r.payload
        for source, beats in (
            (ReadSource.FETCH, self.fetch_beats),
            (ReadSource.LOAD, self.load_beats),
        ):
            m.d.comb += [
                beats.valid.eq(self.r.valid & (r.id == source) & ~self.abort),
                beats.payload.data.eq(r.data),
                beats.payload.error.eq(r.response != Response.OKAY),
                beats.payload.last.eq(r.last),
            ]
            with m.If(r.id == source):
                m.d.comb += self.r.ready.eq(beats.ready | self.abort)
