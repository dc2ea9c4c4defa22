"""A board as data."""

from dataclasses import dataclass

from .device import Device, Resources

__all__ = ["Board"]


@dataclass(frozen=True)
class Board:
    """A board that the machine may be built for.

    Attributes
    ----------
    name : str
    device : Device, its FPGA
    budget : Resources, those that the machine may take; the rest is for what connects it
    frequency_mhz : float, the clock that the machine must reach
    """

    name: str
    device: Device
    budget: Resources
    frequency_mhz: float
