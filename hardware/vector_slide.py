"""The sums of a sliding row that wait for their next columns."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .bits import sign_extend

__all__ = ["VectorSlide"]


class VectorSlide(wiring.Component):
    """Multiplies a vector of act by the first two taps of a row, in every lane.

    A column belongs to three results: it is the last column of one, where the lanes themselves
    multiply it by the third tap; here it is the middle column of the next one and the first column
    of the one after that. Latency: one cycle. Throughput: one vector a cycle.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    enable : In, a vector is there in this cycle
    first : In, it is the first of its column
    act : In(columns int8), a_offset : In, added to them
    taps : In(2 * columns int8), the first tap of all lanes, then the second
    partial : Out(columns int32), what the lines of the columns before gave to the result that this
        column completes; it stands when the column's first vector is there
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "enable": In(1),
                "first": In(1),
                "act": In(8 * config.columns),
                "a_offset": In(signed(9)),
                "taps": In(16 * config.columns),
                "partial": Out(32 * config.columns),
            }
        )

    def elaborate(self, platform):
        m = Module()
        columns = self.config.columns
        # Wide signals, all under `enable`: where nothing slides the simulation computes no lane.
        older = Signal(32 * columns, reset_less=True)
        newer = Signal(32 * columns, reset_less=True)
        shifted = Signal(16 * columns)
        m.d.comb += self.partial.eq(older)
        sums = [self._lane(lane, shifted, older, newer) for lane in range(columns)]
        with m.If(self.enable):
            m.d.comb += shifted.eq(
                Cat(
                    sign_extend(self.act.word_select(lane, 8).as_signed() + self.a_offset, 16)
                    for lane in range(columns)
                )
            )
            m.d.sync += [
                older.eq(Cat(total for total, _ in sums)),
                newer.eq(Cat(total for _, total in sums)),
            ]
        return m

    def _lane(self, lane, shifted, older, newer):
        """Return the next sums of one lane."""
        a = shifted.word_select(lane, 16).as_signed()
        # Extended before it, not after: a product that is named once is computed where it is used.
        first, second = (
            (a * sign_extend(self.taps.word_select(place, 8).as_signed(), 16)).as_unsigned()
            for place in (lane, self.config.columns + lane)
        )
        older, newer = older.word_select(lane, 32), newer.word_select(lane, 32)
        # At a new column the sums move on by one result, and a new one begins.
        return (
            (Mux(self.first, newer, older) + second)[:32],
            (Mux(self.first, 0, newer) + first)[:32],
        )
