"""A component alone in an FPGA, behind two pins."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["OutOfContext"]


class OutOfContext(wiring.Component):
    """Puts a register before each input and behind each output bit of a component.

    The input registers form a shift register; the output registers are folded into another one, so
    that no logic is lost to optimisation. So every path of the component is there, and begins and
    ends at a register as it would between its neighbours.

    Parameters
    ----------
    component : wiring.Component

    Members
    -------
    shift_in : In
    shift_out : Out
    """

    shift_in: In(1)
    shift_out: Out(1)

    def __init__(self, component):
        self.component = component
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.component = self.component
        inputs, outputs = [], []
        for _, member, value in self.component.signature.flatten(self.component):
            (inputs if member.flow == In else outputs).append(value)
        inputs, outputs = Cat(inputs), Cat(outputs)
        given = Signal(len(inputs), reset_less=True)
        taken = Signal(len(outputs), reset_less=True)
        folded = Signal(len(outputs), reset_less=True)
        m.d.comb += [inputs.eq(given), self.shift_out.eq(folded[-1])]
        m.d.sync += [
            given.eq(Cat(self.shift_in, given)),
            taken.eq(outputs),
            folded.eq(Cat(given[-1], folded) ^ taken),
        ]
        return m
