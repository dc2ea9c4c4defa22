"""The part of each run that exists in DRAM."""

from amaranth.hdl import Module, Mux, Signal, signed
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

    Latency two cycles; throughput one run a cycle.

    Parameters
    ----------
    config : isa.Config
    local_bits : int, width of an address on chip

    Members
    -------
    extent : In(extent_layout) of the instruction that `runs` is from; stands until `empty`
    runs : In(stream of line_layout)
    output : Out(stream of padded_run_layout)
    empty : Out, no run is inside
    """

    def __init__(self, config, local_bits):
        self.config = config
        self.local_bits = local_bits
        super().__init__(
            {
                "extent": In(extent_layout()),
                "runs": In(stream.Signature(line_layout(config, local_bits))),
                "output": Out(stream.Signature(padded_run_layout(config, local_bits))),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        run, output, extent = self.runs.payload, self.output.payload, self.extent
        valid, free = Signal(), Signal()
        m.d.comb += [
            free.eq(~self.output.valid | self.output.ready),
            self.runs.ready.eq(~valid | free),
            self.empty.eq(~valid & ~self.output.valid),
        ]
        # First where the run begins and ends in its line, then which bytes of it there are.
        negative, line_exists, begins_inside = (
            Signal(name=name, reset_less=True)
            for name in ("negative", "line_exists", "begins_inside")
        )
        position = Signal(24, reset_less=True)
        end = Signal(signed(len(run.position) + 1), reset_less=True)
        base = Signal.like(run.base, reset_less=True)
        local, final = Signal.like(run.local, reset_less=True), Signal(reset_less=True)
        with m.If(self.runs.ready):
            m.d.sync += valid.eq(self.runs.valid)
            with m.If(self.runs.valid):
                m.d.sync += [
                    negative.eq(run.position < 0),
                    line_exists.eq((run.line >= 0) & (run.line < extent.line_count)),
                    begins_inside.eq(run.position < extent.line_bytes),
                    position.eq(run.position),
                    end.eq(run.position + extent.x_bytes + 1),
                    base.eq(run.base),
                    local.eq(run.local),
                    final.eq(run.final),
                ]
        exists = Signal()
        start, reached = Signal(24), Signal(25)
        m.d.comb += [
            exists.eq(line_exists & Mux(negative, end > 0, begins_inside)),
            start.eq(Mux(negative, 0, position)),
            reached.eq(Mux(end < extent.line_bytes, end, extent.line_bytes)),
        ]
        with m.If(free):
            m.d.sync += self.output.valid.eq(valid)
            with m.If(valid):
                m.d.sync += [
                    output.address.eq(base + start),
                    output.before.eq(Mux(negative, -position, 0)),
                    output.bytes.eq(Mux(exists, reached - start, 0)),
                    output.local.eq(local),
                    output.final.eq(final),
                ]
        return m
