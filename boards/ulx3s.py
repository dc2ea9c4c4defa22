"""ULX3S with the largest of its FPGAs."""

from .board import Board
from .device import Device, Resources

__all__ = ["ULX3S_85F"]

# Lattice FPGA-DS-02012, table 1.1: LFE5U-85. A slice has two look-up tables and two flip-flops.
_LFE5U_85F = Device(
    name="LFE5U-85F-6BG381C",
    die="85k",
    package="CABGA381",
    speed=6,
    resources=Resources(lut=83640, ff=83640, dsp=156, bram=208),
)

ULX3S_85F = Board(
    name="ulx3s-85f",
    device=_LFE5U_85F,
    # What the memory controller and the host link do not need.
    budget=Resources(lut=60000, ff=60000, dsp=150, bram=190),
    frequency_mhz=70.0,
)
