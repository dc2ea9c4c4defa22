"""The functional simulator: what each instruction does, in numpy, without cycles."""

from .machine import FunctionalMachine

__all__ = ["FunctionalMachine"]
