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

    A burst outside the windows is dropped; its source stays refused until reset. Latency three
    cycles to the bus, none back; throughput one burst and one beat a cycle.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    windows : In(window_layout) for each window
    fetch_requests, load_requests : In(stream of burst_layout)
    fetch_beats, load_beats : Out(stream of beat_layout); the requests of one source in order
    fetch_refused, load_refused : Out, the source asked for a burst outside the windows; it was
        the last one that was taken from it
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
        m.submodules.checked = checked = Windows(self.config, "read")
        for index in range(self.config.windows):
            m.d.comb += checked.windows[index].eq(self.windows[index])
        m.d.comb += checked.flush.eq(self.abort)
        self._choose(m, checked)
        self._issue(m, checked)
        self._return_beats(m)
        return m

    def _choose(self, m, checked):
        """Take the requests of a source until one is refused."""
        for source in ReadSource:
            name = source.name.lower()
            refused = getattr(self, f"{name}_refused")
            with m.If(checked.refused & (checked.refused_source == source)):
                m.d.sync += refused.eq(1)
        refusing = Signal()
        fetch, load = Signal(), Signal()
        m.d.comb += [
            refusing.eq(checked.refused),
            fetch.eq(self.fetch_requests.valid & ~self.fetch_refused & ~refusing),
            load.eq(self.load_requests.valid & ~self.load_refused & ~refusing & ~fetch),
            checked.requests.valid.eq(fetch | load),
            checked.requests.payload.eq(self.load_requests.payload),
            checked.requests.payload.source.eq(fetch),
            self.fetch_requests.ready.eq(fetch & checked.requests.ready),
            self.load_requests.ready.eq(load & checked.requests.ready),
        ]
        with m.If(fetch):
            m.d.comb += [
                checked.requests.payload.address.eq(self.fetch_requests.payload.address),
                checked.requests.payload.last_byte.eq(self.fetch_requests.payload.last_byte),
            ]

    def _issue(self, m, checked):
        beat_bits = exact_log2(self.config.bus_bytes)
        burst, ar = checked.granted.payload, self.ar
        outstanding = Signal(OUTSTANDING_BITS)
        began, ended = Signal(), Signal()
        m.d.comb += [
            ar.valid.eq(checked.granted.valid),
            checked.granted.ready.eq(ar.ready),
            ar.payload.id.eq(burst.source),
            ar.payload.address[beat_bits:].eq(burst.address[beat_bits:]),
            ar.payload.length.eq((burst.address[:beat_bits] + burst.last_byte) >> beat_bits),
            began.eq(ar.valid & ar.ready),
            ended.eq(self.r.valid & self.r.ready & self.r.payload.last),
            self.idle.eq((outstanding == 0) & ~ar.valid),
        ]
        with m.If(began != ended):
            m.d.sync += outstanding.eq(outstanding + began - ended)

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
