"""Mathematical functions of our own, as vector instructions: no library is called."""

from .table import FUNCTIONS, emit_function

__all__ = ["FUNCTIONS", "emit_function"]
