"""The writes of the load engine, handed to the memory they are for."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from isa.instructions import Memory

from .layout import write_layout
from .load_aligner import load_write_layout

__all__ = ["LoadRouter"]


class LoadRouter(wiring.Component):
    """Hands each write to one memory; latency none.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    writes : In(stream of load_write_layout)
    act, weight, param : Out(stream of write_layout of that memory)
    table : the same, only with tables
    """

    def __init__(self, config):
        self.config = config
        self.memories = [m for m in Memory if m != Memory.TABLE or config.tables]
        super().__init__(
            {
                "writes": In(stream.Signature(load_write_layout(config))),
                **{
                    memory.name.lower(): Out(stream.Signature(write_layout(config, memory)))
                    for memory in self.memories
                },
            }
        )

    def elaborate(self, platform):
        m = Module()
        write = self.writes.payload
        for memory in self.memories:
            output = getattr(self, memory.name.lower())
            m.d.comb += [
                output.payload.address.eq(write.address),
                output.payload.chunk.eq(write.chunk),
                output.payload.data.eq(write.data),
            ]
            with m.If(write.memory == memory):
                m.d.comb += [
                    output.valid.eq(self.writes.valid),
                    self.writes.ready.eq(output.ready),
                ]
        return m
