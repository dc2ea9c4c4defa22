"""An affine loop nest as a stream of iterations."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Nest", "iteration_layout"]


def iteration_layout(instruction, levels, names):
    """Return the layout of one iteration of a nest.

    Members
    -------
    first, last : one bit a level, the level is at its first, its last index
    the addresses, by name
    """
    return data.StructLayout(
        {
            "first": levels,
            "last": levels,
            **{name: instruction[name].shape for name in names},
        }
    )


class Nest(wiring.Component):
    """Gives the iterations of an instruction's loop nest one by one, level 0 outermost.

    The instruction has the fields count{level} (as encoded: the index of the last iteration) and,
    for each stream of addresses, {name} (the first address) and {name}{level} (the step). Latency
    from an accepted instruction to its first iteration: one cycle. Throughput: one iteration a
    cycle; the next instruction is accepted in the cycle in which the last iteration is taken.

    Parameters
    ----------
    instruction : StructLayout
    levels : int
    names : sequence of str, the streams of addresses

    Members
    -------
    instruction : In(stream of the instruction)
    held : Out(the instruction), the one whose iterations are given; stands until the next begins
    iteration : Out(stream of iteration_layout)
    """

    def __init__(self, instruction, levels, names):
        self.levels = levels
        self.names = tuple(names)
        iteration = iteration_layout(instruction, levels, self.names)
        super().__init__(
            {
                "instruction": In(stream.Signature(instruction)),
                "held": Out(instruction),
                "iteration": Out(stream.Signature(iteration)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        held = Signal(self.instruction.payload.shape(), reset_less=True)
        valid = Signal()
        accepted = Signal()
        taken = Signal()
        # carries[level]: all inner levels are at their last index; the nest ends with the last one.
        carries = Signal(self.levels)
        ends = Signal()
        last = self.iteration.payload.last
        m.d.comb += [
            self.held.eq(held),
            self.iteration.valid.eq(valid),
            self.instruction.ready.eq(~valid | (self.iteration.ready & ends)),
            accepted.eq(self.instruction.valid & self.instruction.ready),
            taken.eq(valid & self.iteration.ready),
            carries.eq(Cat(*(last[level + 1 :].all() for level in range(self.levels - 1)), 1)),
            ends.eq(carries[0] & last[0]),
        ]
        with m.If(accepted):
            m.d.sync += [held.eq(self.instruction.payload), valid.eq(1)]
        with m.Elif(taken & ends):
            m.d.sync += valid.eq(0)
        # What belongs to a level changes where it steps or wraps, and for a new instruction.
        moves = Signal(self.levels)
        m.d.comb += moves.eq(
            accepted.replicate(self.levels) | (taken.replicate(self.levels) & carries)
        )
        self._count(m, held, accepted, moves)
        for name in self.names:
            self._address(m, name, held, accepted, moves, carries)
        return m

    def _count(self, m, held, accepted, moves):
        """Keep the index of every level."""
        given = self.iteration.payload
        for level in range(self.levels):
            count = held[f"count{level}"]
            index = Signal.like(count, name=f"index{level}", reset_less=True)
            m.d.comb += [
                given.first[level].eq(index == 0),
                given.last[level].eq(index == count),
            ]
            with m.If(moves[level]):
                stepped = Mux(given.last[level], 0, index + 1)
                m.d.sync += index.eq(Mux(accepted, 0, stepped))

    def _address(self, m, name, held, accepted, moves, carries):
        """Keep the address of one stream, and where each level stands with its inner ones first."""
        given = self.iteration.payload
        starts = [
            Signal(given[name].shape(), name=f"{name}_start{level}", reset_less=True)
            for level in range(self.levels)
        ]
        following = Signal(given[name].shape(), name=f"{name}_following")
        m.d.comb += given[name].eq(starts[-1])
        for level, start in enumerate(starts):
            # The level that steps is the innermost one that is not at its last index.
            with m.If(carries[level] & ~given.last[level]):
                m.d.comb += following.eq(start + held[f"{name}{level}"])
        for level, start in enumerate(starts):
            with m.If(moves[level]):
                m.d.sync += start.eq(Mux(accepted, self.instruction.payload[name], following))
