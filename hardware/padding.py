"""The part of each run that exists in DRAM."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .burst_splitter import RUN_BYTES_BITS
from .walker import line_layout

__all__ = ["Padding", "extent_layout", "padded_run_layout"]


def extent_layout():
    """Return the layout of what exists: fields of a load, x_bytes less one."""
    return data.StructLayout({"x_bytes": 20, "line_bytes": 24, "line_count": 16})


def padded_run_layout(config, local_bits):
    """Return the layout of a run of which a part exists.

    Members
    -------
    address : DRAM address of the first byte that exists
    before : bytes of the run before that one
    bytes : bytes that exist, may be 0
    local : word on chip where the run begins
    final : the last run of the instruction
    """
    return data.StructLayout(
        {
            "address": config.address_bits,
            "before": 20,
            "bytes": RUN_BYTES_BITS,
            "local": local_bits,
            "final": 1,
        }
    )


class Padding(wiring.Component):
    """Cuts each run to the bytes of its line that exist.

    Latency one cycle; throughput one run a cycle.

    Parameters
    ----------
    config : isa.Config
    local_bits : int, width of an address on chip

    Members
    -------
    extent : In(extent_layout) of the instruction that `runs` is from
    runs : In(stream of line_layout)
    output : Out(stream of padded_run_layout)
    """

    def __init__(self, config, local_bits):
        self.config = config
        self.local_bits = local_bits
        super().__init__(
            {
                "extent": In(extent_layout()),
                "runs": In(stream.Signature(line_layout(config, local_bits))),
                "output": Out(stream.Signature(padded_run_layout(config, local_bits))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        run, output, extent = self.runs.payload, self.output.payload, self.extent
        m.d.comb += self.runs.ready.eq(~self.output.valid | self.output.ready)
        negative, exists = Signal(), Signal()
        before = Signal(20)
        start, room = Signal(24), Signal(24)
        wanted = Signal(RUN_BYTES_BITS)
        line_exists = (run.line >= 0) & (run.line < extent.line_count)
        begins_inside = (run.position < extent.line_bytes) & ~negative
        reaches_line = (-run.position <= extent.x_bytes) & negative
        m.d.comb += [
            negative.eq(run.position < 0),
            exists.eq(line_exists & (begins_inside | reaches_line)),
            before.eq(Mux(negative, -run.position, 0)),
            start.eq(Mux(negative, 0, run.position)),
            room.eq(extent.line_bytes - start),
            wanted.eq(extent.x_bytes + 1 - before),
        ]
        with m.If(self.runs.ready):
            m.d.sync += self.output.valid.eq(self.runs.valid)
            with m.If(self.runs.valid):
                m.d.sync += [
                    output.address.eq(run.base + start),
                    output.before.eq(before),
                    output.bytes.eq(Mux(exists, Mux(wanted < room, wanted, room), 0)),
                    output.local.eq(run.local),
                    output.final.eq(run.final),
                ]
        return m
