"""Errors of the simulators.

SimulatorError
├── AddressError        a DRAM address or register offset that the device does not have
├── SimulationError     a program does what the machine's meaning leaves open
├── SimulationTimeout   the program still runs after the cycles that were granted
├── ToolchainError      a tool that builds the Verilated machine is missing
└── BuildError          a tool failed while it built the Verilated machine
"""

__all__ = [
    "AddressError",
    "BuildError",
    "SimulationError",
    "SimulationTimeout",
    "SimulatorError",
    "ToolchainError",
]


class SimulatorError(Exception):
    """Base of every error that simulator/ raises for a user's mistake."""


class AddressError(SimulatorError):
    """An access from the host goes beyond the device's DRAM or names no register."""


class SimulationError(SimulatorError):
    """An instruction leaves its scratchpad, or the hardware broke a protocol."""


class SimulationTimeout(SimulatorError):
    """The machine is still running after the granted cycles; it may be waited for again."""


class ToolchainError(SimulatorError):
    """A compiler or Verilator was not found; the message says what to install."""


class BuildError(SimulatorError):
    """Verilator or the compiler failed; the message holds the end of its output."""
