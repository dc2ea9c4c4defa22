"""The counters that tell where the cycles went."""

from amaranth.hdl import C, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from isa.instructions import Engine
from isa.registers import COUNTERS

__all__ = ["Counters", "counter_values", "increment_bits"]

COUNTER_BITS = 64


def increment_bits(config):
    """Return, for the name of each counter, the width of what it counts in one cycle."""
    wide = {
        "instructions": bits_for(len(Engine)),
        "read_bytes": bits_for(config.bus_bytes),
        "write_bytes": bits_for(config.bus_bytes),
    }
    return {counter.name: wide.get(counter.name, 1) for counter in COUNTERS}


def counter_values():
    """Return the signature of all values: a member of 64 bits for each counter."""
    return wiring.Signature({counter.name: Out(COUNTER_BITS) for counter in COUNTERS})


class Counters(wiring.Component):
    """One 64-bit counter for each row of isa's COUNTERS; each stops at its largest value.

    `instructions` counts what engines finished, syncs included, the end of the program not.

    Parameters
    ----------
    config : isa.Config

    Members
    -------
    clear : In, all become 0
    increments : In(a member for each counter), added in the cycle
    values : Out(counter_values)
    """

    def __init__(self, config):
        self.config = config
        increments = {name: Out(bits) for name, bits in increment_bits(config).items()}
        super().__init__(
            {
                "clear": In(1),
                "increments": In(wiring.Signature(increments)),
                "values": Out(counter_values()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for counter in COUNTERS:
            increment = getattr(self.increments, counter.name)
            value = getattr(self.values, counter.name)
            total = Signal(COUNTER_BITS, name=f"{counter.name}_total")
            with m.If(self.clear):
                m.d.sync += value.eq(0)
            with m.Elif(increment != 0):
                m.d.comb += total.eq(value + increment)
                overflows = value[-1] & ~total[-1]
                m.d.sync += value.eq(Mux(overflows, C(-1, COUNTER_BITS), total))
        return m
