"""The check of every burst against the DRAM windows that the driver opened."""

from amaranth.hdl import Cat, Module, Signal
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
    """Tells of each burst whether its bytes lie in one window.

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
    checked : Out(stream of burst_layout)
    inside : Out, the burst in `checked` is allowed
    flush : In, drop what was not yet checked and take nothing
    """

    def __init__(self, config, access):
        self.config = config
        self.access = access
        super().__init__(
            {
                "windows": In(window_layout(config)).array(config.windows),
                "requests": In(stream.Signature(burst_layout(config))),
                "checked": Out(stream.Signature(burst_layout(config))),
                "inside": Out(1),
                "flush": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        burst = Signal(burst_layout(self.config), reset_less=True)
        # One past the last byte of each window.
        ends = [
            Signal(max(self.config.address_bits, 32) + 1, name=f"end{index}", reset_less=True)
            for index in range(self.config.windows)
        ]
        m.d.sync += [
            end.eq(window.address + window.bytes)
            for end, window in zip(ends, self.windows, strict=True)
        ]
        waiting, free = Signal(name="waiting"), Signal(name="free")
        m.d.comb += [
            free.eq(~self.checked.valid | self.checked.ready),
            self.requests.ready.eq((~waiting | free) & ~self.flush),
        ]
        with m.If(free):
            m.d.sync += self.checked.valid.eq(waiting & ~self.flush)
            # Registered, so that a simulator compares only when there is a burst.
            with m.If(waiting):
                m.d.sync += [
                    self.checked.payload.eq(burst),
                    self.inside.eq(self._inside(burst, ends)),
                ]
        with m.If(self.flush):
            m.d.sync += waiting.eq(0)
        with m.Elif(self.requests.ready):
            m.d.sync += waiting.eq(self.requests.valid)
            with m.If(self.requests.valid):
                m.d.sync += burst.eq(self.requests.payload)
        return m

    def _inside(self, burst, ends):
        """Return whether one window allows all bytes of `burst`."""
        last_byte = burst.address + burst.last_byte
        hits = [
            window[self.access] & (burst.address >= window.address) & (last_byte < end)
            for window, end in zip(self.windows, ends, strict=True)
        ]
        return Cat(hits).any()
