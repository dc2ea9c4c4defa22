"""What runs on the CPU: a typed module to one native function, through kernels and LLVM."""

from .compile import compile_host, lower, lower_flow
from .cpus import order_cpus
from .machine import find_machine

__all__ = ["compile_host", "find_machine", "lower", "lower_flow", "order_cpus"]
