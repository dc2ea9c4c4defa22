"""Clocks that stand still with their units: what is idle costs a simulation nothing."""

from amaranth.hdl import Cat, ClockDomain, ClockSignal, DomainRenamer, ResetSignal, Signal

__all__ = ["REST_CYCLES", "add_gate", "add_gate_clock", "rest"]

# Cycles that a unit still gets after its last activity, in which what is inside comes to rest.
REST_CYCLES = 4
_GATES = "gates"


def add_gate_clock(m):
    """Add the clock domain in which gates open and close: while the clock is low."""
    domain = ClockDomain(_GATES, clk_edge="neg", reset_less=True)
    m.domains += domain
    m.d.comb += domain.clk.eq(ClockSignal())


def add_gate(m, name, active):
    """Add a clock domain that stands still while what is in it is idle.

    Parameters
    ----------
    m : Module, which has a gate clock, or is inside one that has
    name : str, of the domain
    active : value; high in every cycle in which something from outside makes a unit of the domain
        change, and until REST_CYCLES before the last change that follows. Reset opens the gate too
    """
    # Reset past the clock: else what a unit does next would hang on a reset from outside, and be
    # simulated in every cycle.
    domain = ClockDomain(name, async_reset=True)
    m.domains += domain
    recent = Signal(1 + REST_CYCLES, init=-1, name=f"{name}_recent", reset_less=True)
    m.d[_GATES] += recent.eq(Cat(active | ResetSignal(), recent[:-1]))
    m.d.comb += [
        domain.clk.eq(ClockSignal() & recent.any()),
        domain.rst.eq(ResetSignal()),
    ]


def rest(m, unit, name, active):
    """Return `unit` on a clock of its own, which stands still while it is not `active`."""
    add_gate(m, name, active)
    return DomainRenamer(name)(unit)
