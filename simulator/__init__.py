"""Simulated devices: the functional simulator, and the Verilated hardware in simulator.verilator.

Both answer the driver's Device protocol: DRAM, registers, wait.
"""

from .errors import (
    AddressError,
    BuildError,
    SimulationError,
    SimulationTimeout,
    SimulatorError,
    ToolchainError,
)
from .functional import FunctionalMachine

__all__ = [
    "AddressError",
    "BuildError",
    "FunctionalMachine",
    "SimulationError",
    "SimulationTimeout",
    "SimulatorError",
    "ToolchainError",
]
