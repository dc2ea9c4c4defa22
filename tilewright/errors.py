"""What the command line shows as one message with exit status 1.

CommandError     a file that cannot be read or written, an option that does not fit
"""

from compiler.errors import CompileError
from driver.errors import DriverError
from isa.errors import IsaError
from simulator.errors import SimulatorError

__all__ = ["USER_ERRORS", "CommandError"]


class CommandError(Exception):
    """The command cannot do what it was asked for."""


USER_ERRORS = (CommandError, CompileError, DriverError, IsaError, SimulatorError)
