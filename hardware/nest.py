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

    Some streams may skip steps: where a level steps whose bit of `skips` is set, they stay.

    Parameters
    ----------
    instruction : StructLayout
    levels : int
    names : sequence of str, the streams of addresses
    skipping : sequence of str, those of them that may skip steps

    Members
    -------
    instruction : In(stream of the instruction)
    held : Out(the instruction), the one whose iterations are given; stands until the next begins
    iteration : Out(stream of iteration_layout)
    odd, late : Out, with `skipping`, one bit a level: its index is odd, is at least 2
    skips : In, with `skipping`, one bit a level
    """

    def __init__(self, instruction, levels, names, skipping=()):
        self.levels = levels
        self.names = tuple(names)
        self.skipping = tuple(skipping)
        iteration = iteration_layout(instruction, levels, self.names)
        skips = {"odd": Out(levels), "late": Out(levels), "skips": In(levels)}
        super().__init__(
            {
                "instruction": In(stream.Signature(instruction)),
                "held": Out(instruction),
                "iteration": Out(stream.Signature(iteration)),
                **(skips if self.skipping else {}),
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
            # Kept, not compared: on it hangs whether the next instruction is accepted.
            last = Signal(name=f"last{level}", reset_less=True)
            m.d.comb += [given.first[level].eq(index == 0), given.last[level].eq(last)]
            if self.skipping:
                m.d.comb += [self.odd[level].eq(index[0]), self.late[level].eq(index[1:] != 0)]
            with m.If(moves[level]):
                follower = (index + 1)[: len(index)]
                stays = Mux(last, count == 0, follower == count)
                m.d.sync += [
                    index.eq(Mux(accepted | last, 0, follower)),
                    last.eq(Mux(accepted, self.instruction.payload[f"count{level}"] == 0, stays)),
                ]

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
                step = held[f"{name}{level}"]
                if name in self.skipping:
                    step = Mux(self.skips[level], 0, step)
                m.d.comb += following.eq(start + step)
        for level, start in enumerate(starts):
            with m.If(moves[level]):
                m.d.sync += start.eq(Mux(accepted, self.instruction.payload[name], following))
