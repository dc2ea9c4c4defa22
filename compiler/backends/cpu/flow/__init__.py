"""Programs with control flow, data and closures, ahead of time: every function an LLVM function."""

from .interface import describe
from .straight import is_straight
from .whole import FlowCode, compile_flow

__all__ = ["FlowCode", "compile_flow", "describe", "is_straight"]
