"""Signature of the port on which the requantisation reads its records."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

__all__ = ["RecordPort", "record_bits"]


def record_bits(config):
    """Return the bits of the records of `requantize_lanes` columns: the biases int32 of all, then
    the multipliers int32, then the shifts int8."""
    return 72 * config.requantize_lanes


class RecordPort(wiring.Signature):
    """Reads the records of a param word, those of `requantize_lanes` columns at a time.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    enable, address : Out, the records of the first columns of word `address` are read
    advance : Out, the records of the next columns of that word are read
    data : In, record_bits(config) bits, from the next cycle until the next read
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "enable": Out(1),
                "address": Out(bits_for(config.param_words - 1)),
                "advance": Out(1),
                "data": In(record_bits(config)),
            }
        )
