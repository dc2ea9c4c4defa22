"""Signature of the port on which the vector engine reads depthwise taps."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

__all__ = ["TapPort"]


class TapPort(wiring.Signature):
    """A read of the taps of all lanes, never refused.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    enable, address : Out, a slot is read in this cycle
    data : In, columns int8, from the next cycle until the next read
    row : Out, with row_taps 3: the two slots before this one in the same word are read too; it is
        the same in all cycles of an instruction
    before : In, with row_taps 3: the slot two before, then the slot before; columns int8 each
    """

    def __init__(self, config):
        self.config = config
        row = {"row": Out(1), "before": In(16 * config.columns)} if config.row_taps == 3 else {}
        super().__init__(
            {
                "enable": Out(1),
                "address": Out(bits_for(config.param_slots - 1)),
                "data": In(8 * config.columns),
                **row,
            }
        )
