"""The Verilated machine: the very RTL, compiled, beside a DRAM model."""

from .machine import VerilatorMachine

__all__ = ["VerilatorMachine"]
