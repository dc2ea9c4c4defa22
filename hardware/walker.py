"""The lines and runs of a load or a store, one after the other."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Walker", "line_layout", "transfer_layout"]

LINE_BITS = 18
# x_origin + y * y_stride, exactly: |y * y_stride| < 2**47.
POSITION_BITS = 49


def transfer_layout(config, local_bits):
    """Return the layout of what is walked: fields of load and store, counts less one.

    Parameters
    ----------
    config : isa.Config
    local_bits : int, width of an address on chip
    """
    return data.StructLayout(
        {
            "address": config.address_bits,
            "local": local_bits,
            "x_origin": signed(24),
            "z_origin": signed(17),
            "y_count": 16,
            "z_count": 16,
            "y_stride": signed(32),
            "z_stride": signed(32),
            "y_step": signed(local_bits + 1),
            "z_step": signed(local_bits + 1),
        }
    )


def line_layout(config, local_bits):
    """Return the layout of one run.

    Members
    -------
    line : index of its line
    base : DRAM address of byte 0 of the line; meaningless where line < 0
    position : of its first byte in the line
    local : word on chip where it begins
    final : the last run of the instruction
    """
    return data.StructLayout(
        {
            "line": signed(LINE_BITS),
            "base": config.address_bits,
            "position": signed(POSITION_BITS),
            "local": local_bits,
            "final": 1,
        }
    )


class Walker(wiring.Component):
    """Walks the lines of a transfer (z) and the runs of a line (y), y fastest.

    Throughput one run a cycle. Latency one cycle, and one more for each bit of a positive
    z_origin, while address + z_origin * z_stride is added up.

    Parameters
    ----------
    config : isa.Config
    local_bits : int, width of an address on chip

    Members
    -------
    transfer : In(stream of transfer_layout)
    runs : Out(stream of line_layout)
    """

    def __init__(self, config, local_bits):
        self.config = config
        self.local_bits = local_bits
        super().__init__(
            {
                "transfer": In(stream.Signature(transfer_layout(config, local_bits))),
                "runs": Out(stream.Signature(line_layout(config, local_bits))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        transfer = Signal(transfer_layout(self.config, self.local_bits), reset_less=True)
        run = self.runs.payload
        runs_left = Signal(16, reset_less=True)
        line_local = Signal(self.local_bits, reset_less=True)
        skip_lines = Signal(16, reset_less=True)
        skip_stride = Signal(signed(self.config.address_bits), reset_less=True)
        with m.FSM(name="walker"):
            with m.State("Idle"):
                m.d.comb += self.transfer.ready.eq(1)
                with m.If(self.transfer.valid):
                    first = self.transfer.payload
                    m.d.sync += [
                        transfer.eq(first),
                        runs_left.eq(first.y_count),
                        line_local.eq(first.local),
                        skip_lines.eq(Mux(first.z_origin < 0, 0, first.z_origin)),
                        skip_stride.eq(first.z_stride),
                        run.line.eq(first.z_origin),
                        run.base.eq(first.address),
                        run.position.eq(first.x_origin),
                        run.local.eq(first.local),
                        run.final.eq((first.y_count == 0) & (first.z_count == 0)),
                    ]
                    m.next = "Skip-Lines"
                    with m.If(first.z_origin <= 0):
                        m.next = "Walk"
            with m.State("Skip-Lines"):
                m.d.sync += [
                    skip_lines.eq(skip_lines >> 1),
                    skip_stride.eq(skip_stride << 1),
                ]
                with m.If(skip_lines[0]):
                    m.d.sync += run.base.eq(run.base + skip_stride)
                with m.If(skip_lines[1:] == 0):
                    m.next = "Walk"
            with m.State("Walk"):
                m.d.comb += self.runs.valid.eq(1)
                with m.If(self.runs.ready):
                    self._advance(m, transfer, run, runs_left, line_local)
                    with m.If(run.final):
                        m.next = "Idle"
        return m

    def _advance(self, m, transfer, run, runs_left, line_local):
        """Step from one run to the next."""
        next_runs, next_lines = Signal(16), Signal(16)
        m.d.comb += [next_runs.eq(runs_left - 1), next_lines.eq(transfer.z_count)]
        with m.If(runs_left != 0):
            m.d.sync += [
                run.position.eq(run.position + transfer.y_stride),
                run.local.eq(run.local + transfer.y_step),
            ]
        with m.Else():
            next_local = (line_local + transfer.z_step)[: self.local_bits]
            m.d.comb += [next_runs.eq(transfer.y_count), next_lines.eq(transfer.z_count - 1)]
            m.d.sync += [
                run.position.eq(transfer.x_origin),
                run.local.eq(next_local),
                line_local.eq(next_local),
                run.line.eq(run.line + 1),
                transfer.z_count.eq(next_lines),
            ]
            with m.If(run.line >= 0):
                m.d.sync += run.base.eq(run.base + transfer.z_stride)
        m.d.sync += [
            runs_left.eq(next_runs),
            run.final.eq((next_runs == 0) & (next_lines == 0)),
        ]
