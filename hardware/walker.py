"""The lines and runs of a load or a store, one after the other."""

from amaranth.hdl import Const, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .layout import layout

__all__ = ["Walker", "line_layout"]

LINE_BITS = 18
# x_origin + y * y_stride, exactly: |y * y_stride| < 2**47.
POSITION_BITS = 49


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
    """Walks the lines of a load or store (z) and the runs of a line (y), y fastest.

    Throughput one run a cycle. Latency one cycle, and one more for each bit of a positive
    z_origin, while address + z_origin * z_stride is added up.

    Parameters
    ----------
    config : isa.Config
    form : isa Format of the instruction; without origins they are 0
    local : str, its field that holds the first word on chip

    Members
    -------
    instruction : In(stream of layout(form)); taken when its first run is made
    runs : Out(stream of line_layout)
    """

    def __init__(self, config, form, local):
        self.config = config
        self.format = form
        self.local = local
        self.local_bits = form.field(local).bits
        super().__init__(
            {
                "instruction": In(stream.Signature(layout(form))),
                "runs": Out(stream.Signature(line_layout(config, self.local_bits))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        fields = self.instruction.payload
        has_origin = any(field.name == "x_origin" for field in self.format.fields)
        x_origin = fields.x_origin if has_origin else Const(0, signed(1))
        z_origin = fields.z_origin if has_origin else Const(0, signed(1))
        # One signal each: a simulator copies only those that change.
        run = {
            name: Signal(member.shape, name=f"run_{name}", reset_less=True)
            for name, member in line_layout(self.config, self.local_bits)
        }
        m.d.comb += [self.runs.payload[name].eq(signal) for name, signal in run.items()]
        names = ("y_count", "y_stride", "z_stride", "y_step", "z_step")
        kept = {name: Signal.like(fields[name], name=name, reset_less=True) for name in names}
        kept["x_origin"] = Signal.like(x_origin, name="x_origin", reset_less=True)
        state = {
            "runs_left": Signal(16, name="runs_left", reset_less=True),
            "lines_left": Signal(16, name="lines_left", reset_less=True),
            "line_local": Signal(self.local_bits, name="line_local", reset_less=True),
        }
        skip_lines = Signal(16, reset_less=True)
        skip_stride = Signal(signed(self.config.address_bits), reset_less=True)
        left = self._count_down(m, kept, state)
        with m.FSM(name="walker"):
            with m.State("Idle"):
                m.d.comb += self.instruction.ready.eq(1)
                with m.If(self.instruction.valid):
                    m.d.sync += [kept[name].eq(fields[name]) for name in names]
                    m.d.sync += [
                        kept["x_origin"].eq(x_origin),
                        skip_lines.eq(z_origin),
                        skip_stride.eq(fields.z_stride),
                    ]
                    self._begin(m, fields, x_origin, z_origin, run, state)
                    m.next = "Walk"
                    with m.If(z_origin > 0):
                        m.next = "Skip-Lines"
            with m.State("Skip-Lines"):
                m.d.sync += [skip_lines.eq(skip_lines >> 1), skip_stride.eq(skip_stride << 1)]
                with m.If(skip_lines[0]):
                    m.d.sync += run["base"].eq(run["base"] + skip_stride)
                with m.If(skip_lines[1:] == 0):
                    m.next = "Walk"
            with m.State("Walk"):
                m.d.comb += self.runs.valid.eq(1)
                with m.If(self.runs.ready):
                    self._advance(m, kept, run, state, *left)
                    with m.If(run["final"]):
                        m.next = "Idle"
        return m

    def _begin(self, m, fields, x_origin, z_origin, run, state):
        """Set the first run."""
        m.d.sync += [
            state["runs_left"].eq(fields.y_count),
            state["lines_left"].eq(fields.z_count),
            state["line_local"].eq(fields[self.local]),
            run["line"].eq(z_origin),
            run["base"].eq(fields.address),
            run["position"].eq(x_origin),
            run["local"].eq(fields[self.local]),
            run["final"].eq((fields.y_count == 0) & (fields.z_count == 0)),
        ]

    def _count_down(self, m, kept, state):
        """Return how many runs of the line and lines are left after this run."""
        runs_left, lines_left = Signal(16), Signal(16)
        m.d.comb += [runs_left.eq(state["runs_left"] - 1), lines_left.eq(state["lines_left"])]
        with m.If(state["runs_left"] == 0):
            m.d.comb += [runs_left.eq(kept["y_count"]), lines_left.eq(state["lines_left"] - 1)]
        return runs_left, lines_left

    def _advance(self, m, kept, run, state, runs_left, lines_left):
        """Step from one run to the next."""
        with m.If(state["runs_left"] != 0):
            m.d.sync += [
                run["position"].eq(run["position"] + kept["y_stride"]),
                run["local"].eq(run["local"] + kept["y_step"]),
            ]
        with m.Else():
            local = (state["line_local"] + kept["z_step"])[: self.local_bits]
            m.d.sync += [
                run["position"].eq(kept["x_origin"]),
                run["local"].eq(local),
                state["line_local"].eq(local),
                run["line"].eq(run["line"] + 1),
                state["lines_left"].eq(lines_left),
            ]
            with m.If(run["line"] >= 0):
                m.d.sync += run["base"].eq(run["base"] + kept["z_stride"])
        m.d.sync += [
            state["runs_left"].eq(runs_left),
            run["final"].eq((runs_left == 0) & (lines_left == 0)),
        ]
